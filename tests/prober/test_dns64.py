"""DNS64: which AAAA records are synthesized (RFC 6147)."""

import pytest
from dnslib import QTYPE, RCODE, DNSRecord

from dualstack.prober.dns64 import Dns64
from dualstack.prober.names import query_name
from dualstack.prober.zone import Zone
from dualstack.rfc6052 import LENGTHS, embed

PREFIX = "2001:db8:64::/96"
A, AAAA = ("198.18.1.34", "198.18.1.35"), ("2001:db8:51:2::201",)


def ask(name: str, record: str = "AAAA", prefix: str = PREFIX) -> DNSRecord:
    """Return the answer to a query; its bytes can be parsed."""
    server = Dns64(prefix, Zone(A, AAAA).answer)
    data = server.answer(DNSRecord.question(name, record)).packed(None)
    assert data is not None
    return DNSRecord.parse(data)


def addresses(reply: DNSRecord) -> list[str]:
    """Return the addresses in an answer."""
    return [str(record.rdata) for record in reply.rr if record.rtype in (QTYPE.A, QTYPE.AAAA)]


def behind(*ipv4: str, prefix: str = PREFIX) -> list[str]:
    """Return the addresses that stand for IPv4 addresses."""
    return [embed(prefix, address) for address in ipv4]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_name_with_a_records_only(length: int) -> None:
    """Each A record gives one AAAA record, whatever the length of the prefix."""
    prefix = f"3fff:64::/{length}"
    reply = ask(query_name(a="ok"), prefix=prefix)
    assert (reply.header.rcode, addresses(reply)) == (RCODE.NOERROR, behind(*A, prefix=prefix))


@pytest.mark.parametrize(
    ("aaaa", "expected"),
    [
        ("ok", list(AAAA)),
        ("none", behind(*A)),
        ("servfail", behind(*A)),
        ("refused", behind(*A)),
        ("nxdomain", []),
        ("mapped", behind(*A)),
    ],
)
def test_what_is_synthesized(aaaa: str, expected: list[str]) -> None:
    """AAAA records that exist are left alone; none, an error, or mapped addresses are replaced; not NXDOMAIN."""
    assert addresses(ask(query_name(a="ok", aaaa=aaaa))) == expected


def test_a_mapped_address_alone() -> None:
    """A mapped address is no answer, also if there is none to synthesize from (RFC 6147 §5.1.4)."""
    reply = ask(query_name(aaaa="mapped"))
    assert (reply.header.rcode, reply.rr) == (RCODE.NOERROR, [])


def test_other_questions_are_not_changed() -> None:
    """Questions for A are answered as ever, and a name without any address has none."""
    assert addresses(ask(query_name(a="ok"), "A")) == list(A)
    reply = ask(query_name(a="none"))
    assert (reply.header.rcode, reply.rr, len(reply.auth)) == (RCODE.NOERROR, [], 1)
    assert ask("no-such-name.lab.test").header.rcode == RCODE.NXDOMAIN


def test_aliases_stay() -> None:
    """CNAME records lead to the synthesized ones."""
    reply = ask(query_name(a="cname-2-ok"))
    assert [QTYPE[record.rtype] for record in reply.rr] == ["CNAME", "CNAME", "AAAA", "AAAA"]
    assert str(reply.rr[1].rdata) == str(reply.rr[2].rname)


def test_times_to_live() -> None:
    """A synthesized record lives as long as its A record, but not longer than the answer that there is no AAAA."""
    for a, aaaa, ttl in ((7, 60, 7), (60, 7, 7)):
        reply = ask(query_name(a=f"ttl-{a}-ok", aaaa=f"ttl-{aaaa}-none"))
        assert {record.ttl for record in reply.rr} == {ttl}


def test_delays_add_up_and_a_lost_answer_stays_lost() -> None:
    """The server asks for AAAA, then for A: it is as late as both together, and silent if one is."""
    server = Dns64(PREFIX, Zone(A, AAAA).answer)
    late = server.answer(DNSRecord.question(query_name(a="delay-200-ok", aaaa="delay-100-none"), "AAAA"))
    assert late.delay == pytest.approx(0.3)
    for name in (query_name(a="drop"), query_name(a="ok", aaaa="drop")):
        assert server.answer(DNSRecord.question(name, "AAAA")).reply is None


def test_the_prefix_can_be_discovered() -> None:
    """The well-known name has the well-known addresses, and their AAAA records show the prefix (RFC 7050)."""
    assert addresses(ask("ipv4only.arpa", "A")) == ["192.0.0.170", "192.0.0.171"]
    assert addresses(ask("IPv4only.arpa.")) == behind("192.0.0.170", "192.0.0.171")
    other = ask("ipv4only.arpa", "HTTPS")
    assert (other.header.rcode, other.rr, len(other.auth)) == (RCODE.NOERROR, [], 1)
