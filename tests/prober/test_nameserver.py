"""The name server, asked with raw queries and by the C library."""

from collections.abc import Iterator

import pytest
from dnslib import EDNS0, QTYPE, RCODE, DNSHeader, DNSQuestion, DNSRecord

from dualstack.families import Family
from dualstack.prober.client import NameServerHandle, Prober
from dualstack.prober.messages import Dial, Dialled, Names, Outcome
from dualstack.prober.messages.naming import Resolve
from dualstack.prober.names import query_name
from dualstack.transport import AppProtocol, Transport

NAMESERVERS = ("127.0.0.53", "::1")  # the first one is in the host's resolv.conf
A = ("198.51.100.1", "198.51.100.2")
AAAA = ("2001:db8::1", "2001:db8::2")

each_server = pytest.mark.parametrize("address", NAMESERVERS)
each_transport = pytest.mark.parametrize("transport", Transport, ids=lambda transport: transport.value)


@pytest.fixture
def server(prober: Prober) -> Iterator[NameServerHandle]:
    """Return a name server on both of `NAMESERVERS`."""
    with prober.names(Names(NAMESERVERS, A, AAAA)) as made:
        yield made


def exchange(prober: Prober, address: str, transport: Transport, query: bytes, timeout: float = 2) -> Dialled:
    """Send raw bytes to port 53."""
    if transport is Transport.TCP:
        query = len(query).to_bytes(2, "big") + query
    family = Family.of(address)
    text = query.decode("latin-1")
    return prober.dial(
        Dial(family, address, 53, transport, AppProtocol.EXCHANGE, send=text, expect="(?s)^.{12}", timeout=timeout)
    )


def ask(
    prober: Prober, name: str, record: str, address: str = "127.0.0.53", transport: Transport = Transport.UDP
) -> DNSRecord:
    """Ask one question; return the answer."""
    query = DNSRecord(q=DNSQuestion(name, getattr(QTYPE, record)))
    result = exchange(prober, address, transport, query.pack())
    assert result.outcome is Outcome.ANSWERED, result
    data = result.answer.encode("latin-1")
    reply = DNSRecord.parse(data if transport is Transport.UDP else data[2:])
    assert reply.header.id == query.header.id
    return reply


def values(reply: DNSRecord) -> tuple[str, ...]:
    """Return the addresses of an answer."""
    return tuple(str(row.rdata) for row in reply.rr)


@each_server
@each_transport
@pytest.mark.parametrize(("record", "expected"), [("A", A), ("AAAA", AAAA)])
@pytest.mark.usefixtures("server")
def test_addresses_are_answered(
    prober: Prober, address: str, transport: Transport, record: str, expected: tuple[str, ...]
) -> None:
    """Both types are answered with authority, over UDP and TCP, over both families."""
    reply = ask(prober, query_name(a="ok", aaaa="ok"), record, address, transport)
    assert (values(reply), reply.header.rcode, reply.header.aa) == (expected, RCODE.NOERROR, 1)


@pytest.mark.parametrize(
    ("behaviour", "rcode", "authority"),
    [
        ("none", RCODE.NOERROR, 1),
        ("nxdomain", RCODE.NXDOMAIN, 1),
        ("formerr", RCODE.FORMERR, 0),
        ("servfail", RCODE.SERVFAIL, 0),
        ("refused", RCODE.REFUSED, 0),
        ("notimp", RCODE.NOTIMP, 0),
    ],
)
@pytest.mark.usefixtures("server")
def test_failures_concern_their_type_only(prober: Prober, behaviour: str, rcode: int, authority: int) -> None:
    """AAAA fails as the name says, with an SOA in negative answers; A is answered."""
    name = query_name(a="ok", aaaa=behaviour)
    reply = ask(prober, name, "AAAA")
    assert (reply.header.rcode, values(reply), len(reply.auth)) == (rcode, (), authority)
    assert all(row.rtype == QTYPE.SOA for row in reply.auth)
    assert values(ask(prober, name, "A")) == A


@pytest.mark.parametrize("behaviour", ["ttl-1-none", "ttl-1-nxdomain"])
@pytest.mark.usefixtures("server")
def test_negative_answers_have_the_ttl(prober: Prober, behaviour: str) -> None:
    """A negative answer may be kept for the TTL in the name: the SOA has it as TTL and as minimum (RFC 2308 §5)."""
    (row,) = ask(prober, query_name(a="ok", aaaa=behaviour), "AAAA").auth
    assert (row.ttl, row.rdata.times[-1]) == (1, 1)


@pytest.mark.usefixtures("server")
def test_first_is_the_first_address(prober: Prober) -> None:
    """``first`` answers with one address, the first."""
    assert values(ask(prober, query_name(a="first"), "A")) == A[:1]


@pytest.mark.usefixtures("server")
def test_addresses_are_picked(prober: Prober) -> None:
    """``pick-101`` answers with the addresses that have these indexes, in this order, with duplicates."""
    name = query_name(a="pick-1", aaaa="pick-101")
    assert values(ask(prober, name, "A")) == (A[1],)
    assert values(ask(prober, name, "AAAA")) == (AAAA[1], AAAA[0], AAAA[1])


@pytest.mark.usefixtures("server")
def test_an_error_can_be_late(prober: Prober) -> None:
    """``delay-150-servfail`` is SERVFAIL after 150 ms."""
    query = DNSRecord(q=DNSQuestion(query_name(aaaa="delay-150-servfail"), QTYPE.AAAA)).pack()
    result = exchange(prober, "127.0.0.53", Transport.UDP, query)
    assert DNSRecord.parse(result.answer.encode("latin-1")).header.rcode == RCODE.SERVFAIL
    assert result.seconds >= 0.15


@pytest.mark.usefixtures("server")
def test_successive_questions_are_answered_as_the_name_says(prober: Prober) -> None:
    """``servfail-then-pick-0-then-pick-1`` changes with each question for the type, and ends with the last answer."""
    name = query_name(a="servfail-then-ttl-1-pick-0-then-pick-1", aaaa="ok")
    replies = [ask(prober, name, "A") for _ in range(4)]
    assert [reply.header.rcode for reply in replies] == [RCODE.SERVFAIL, RCODE.NOERROR, RCODE.NOERROR, RCODE.NOERROR]
    assert [values(reply) for reply in replies] == [(), A[:1], A[1:], A[1:]]
    assert [row.ttl for reply in replies for row in reply.rr] == [1, 60, 60]
    assert values(ask(prober, name, "AAAA")) == AAAA


@pytest.mark.usefixtures("server")
def test_truncation_leads_to_tcp(prober: Prober) -> None:
    """``tc`` has an empty answer with the TC bit over UDP, and the whole answer over TCP; the C library finds it."""
    name = query_name(a="tc", aaaa="ok")
    cut, whole = ask(prober, name, "A"), ask(prober, name, "A", transport=Transport.TCP)
    assert (cut.header.tc, values(cut)) == (1, ())
    assert (whole.header.tc, values(whole)) == (0, A)
    assert set(prober.call(Resolve(query_name(a="tc", aaaa="none"))).addresses) == set(A)


@pytest.mark.usefixtures("server")
def test_a_name_can_be_an_alias(prober: Prober) -> None:
    """``cname-2`` has two CNAME records, each leading to a name that exists, before the addresses; ``loop`` has one."""
    name = query_name(a="cname-2-pick-0")
    first, second, address = ask(prober, name, "A").rr
    assert (first.rtype, second.rtype, address.rtype) == (QTYPE.CNAME, QTYPE.CNAME, QTYPE.A)
    assert (str(first.rdata), str(second.rdata)) == (str(second.rname), str(address.rname))
    assert values(ask(prober, str(second.rdata), "A")) == A[:1]
    assert prober.call(Resolve(name)).addresses == A[:1]
    (loop,) = ask(prober, query_name(a="loop"), "A").rr
    assert (loop.rtype, str(loop.rdata)) == (QTYPE.CNAME, str(loop.rname))
    assert not prober.call(Resolve(query_name(a="loop"))).addresses


@pytest.mark.usefixtures("server")
def test_https_records(prober: Prober) -> None:
    """HTTPS is answered in ServiceMode, with hints, in AliasMode, or not at all (RFC 9460)."""
    (service,) = ask(prober, query_name(a="ok", https="ok"), "HTTPS").rr
    assert str(service.rdata).startswith("1 . ")
    (hints,) = ask(prober, query_name(a="ok", https="hints"), "HTTPS").rr
    for address in (*A, *AAAA):
        assert address in str(hints.rdata)
    name = query_name(a="pick-1", https="alias")
    (alias,) = ask(prober, name, "HTTPS").rr
    priority, target = str(alias.rdata).split()
    assert priority == "0"
    assert values(ask(prober, target, "A")) == A[1:]
    query = DNSRecord(q=DNSQuestion(query_name(a="ok", https="drop"), QTYPE.HTTPS)).pack()
    assert exchange(prober, "127.0.0.53", Transport.UDP, query, timeout=0.2).outcome is Outcome.SILENT


@pytest.mark.usefixtures("server")
def test_edns_can_be_refused(prober: Prober) -> None:
    """``noedns`` answers a question that has an OPT record with FORMERR and no OPT record (RFC 6891 §7)."""
    query = DNSRecord(q=DNSQuestion(query_name(a="noedns"), QTYPE.A))
    plain = DNSRecord.parse(exchange(prober, "::1", Transport.UDP, query.pack()).answer.encode("latin-1"))
    query.add_ar(EDNS0(udp_len=4096))
    refused = DNSRecord.parse(exchange(prober, "::1", Transport.UDP, query.pack()).answer.encode("latin-1"))
    assert values(plain) == A
    assert (refused.header.rcode, refused.ar, values(refused)) == (RCODE.FORMERR, [], ())


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("unspecified", "::"),
        ("mapped-1", f"::ffff:{A[1]}"),
        ("pick-1", AAAA[1]),
    ],
)
@pytest.mark.usefixtures("server")
def test_unusable_addresses(prober: Prober, behaviour: str, expected: str) -> None:
    """The unspecified address and the mapped form of an A record are AAAA records, also for the C library."""
    assert prober.call(Resolve(query_name(aaaa=behaviour), Family.IPV6)).addresses == (expected,)


@pytest.mark.usefixtures("server")
def test_a_record_of_another_name_is_no_address(prober: Prober) -> None:
    """``other`` answers with the record of a name that was not asked for, which the C library does not take."""
    (row,) = ask(prober, query_name(aaaa="other"), "AAAA").rr[:1]
    assert str(row.rname) == "other.lab.test."
    assert not prober.call(Resolve(query_name(aaaa="other"), Family.IPV6)).addresses


@pytest.mark.usefixtures("server")
def test_names_that_lead_to_loopback(prober: Prober) -> None:
    """``loopback`` is the loopback address of the family, ``mapped`` the IPv4-mapped one, also for the C library."""
    name = query_name(a="loopback", aaaa="loopback")
    assert (values(ask(prober, name, "A")), values(ask(prober, name, "AAAA"))) == (("127.0.0.1",), ("::1",))
    mapped = query_name(aaaa="mapped")
    (row,) = ask(prober, mapped, "AAAA").rr
    assert bytes(row.rdata.data) == bytes(10) + b"\xff\xff\x7f\x00\x00\x01"
    assert prober.call(Resolve(mapped, Family.IPV6)).addresses == ("::ffff:127.0.0.1",)


@pytest.mark.usefixtures("server")
def test_a_name_is_rebound(prober: Prober) -> None:
    """``rebind-2`` gives an allowed address twice, then loopback; A and AAAA, and each name, are counted separately."""
    name, other = (query_name(a="rebind-2", aaaa="rebind-1") for _ in range(2))
    replies = [ask(prober, name, "A") for _ in range(4)]
    assert [values(reply) for reply in replies] == [A[:1], A[:1], ("127.0.0.1",), ("127.0.0.1",)]
    assert all(row.ttl == 0 for reply in replies for row in reply.rr)
    assert [values(ask(prober, name.upper(), "AAAA")) for _ in range(2)] == [AAAA[:1], ("::1",)]
    assert values(ask(prober, other, "A")) == A[:1]


def test_a_dropped_question_is_never_answered(prober: Prober, server: NameServerHandle) -> None:
    """There is no answer, and the question is recorded without an RCODE."""
    name = query_name(a="drop")
    query = DNSRecord(q=DNSQuestion(name, QTYPE.A)).pack()
    result = exchange(prober, "127.0.0.53", Transport.UDP, query, timeout=0.2)
    assert result.outcome is Outcome.SILENT
    (entry,) = server.queries()
    assert (entry.name, entry.rcode) == (name, "")


@each_transport
@pytest.mark.usefixtures("server")
def test_a_delayed_answer_comes_when_it_is_due(prober: Prober, transport: Transport) -> None:
    """An answer with a delay of 150 ms takes that long."""
    query = DNSRecord(q=DNSQuestion(query_name(a="delay-150"), QTYPE.A)).pack()
    result = exchange(prober, "127.0.0.53", transport, query)
    assert result.outcome is Outcome.ANSWERED
    assert result.seconds >= 0.15


@pytest.mark.usefixtures("server")
def test_a_delayed_answer_holds_up_no_other(prober: Prober) -> None:
    """Of two questions over one TCP connection the second is answered first if the first one's answer is delayed."""
    queries = [
        DNSRecord(DNSHeader(id=number), q=DNSQuestion(query_name(a=behaviour), QTYPE.A)).pack()
        for number, behaviour in ((1, "delay-400"), (2, "ok"))
    ]
    sent = b"".join(len(query).to_bytes(2, "big") + query for query in queries).decode("latin-1")
    dial = Dial(Family.IPV4, "127.0.0.53", 53, Transport.TCP, AppProtocol.EXCHANGE, send=sent, expect="(?s)^.{12}")
    first = prober.dial(dial)
    assert first.answer.encode("latin-1")[2:4] == b"\x00\x02"
    assert first.seconds < 0.4


@pytest.mark.parametrize("wanted", [1, 30, 120])
@pytest.mark.usefixtures("server")
def test_delays_are_exact(prober: Prober, wanted: int) -> None:
    """No answer comes early, and the promptest of several is late by less than 2 ms, with the way there and back.

    asyncio's timers would be late by up to 1 ms each time. A busy machine delays some answers, not all.
    """
    times = []
    for _ in range(12):
        query = DNSRecord(q=DNSQuestion(query_name(a=f"delay-{wanted}"), QTYPE.A)).pack()
        times.append(exchange(prober, "127.0.0.53", Transport.UDP, query).seconds * 1000)
    assert min(times) >= wanted
    assert min(times) < wanted + 2


@pytest.mark.usefixtures("server")
def test_unknown_names_and_foreign_zones(prober: Prober) -> None:
    """A name that is not in the zone is NXDOMAIN, authoritative; one of another zone is REFUSED."""
    unknown, foreign = ask(prober, "www.lab.test", "A"), ask(prober, "www.example.org", "A")
    assert (unknown.header.rcode, unknown.header.aa) == (RCODE.NXDOMAIN, 1)
    assert (foreign.header.rcode, foreign.header.aa) == (RCODE.REFUSED, 0)


@pytest.mark.usefixtures("server")
def test_other_types_exist_without_records(prober: Prober) -> None:
    """A question for HTTPS or MX of a name that exists has no answer and no error; the zone has an SOA."""
    for record in ("HTTPS", "MX"):
        reply = ask(prober, query_name(a="ok"), record)
        assert (reply.header.rcode, values(reply)) == (RCODE.NOERROR, ())
    assert len(ask(prober, "lab.test", "SOA").rr) == 1


@pytest.mark.usefixtures("server")
def test_edns_is_answered_with_edns(prober: Prober) -> None:
    """The answer has an OPT record if the question has one (RFC 6891 §6.1.1)."""
    query = DNSRecord(q=DNSQuestion(query_name(a="ok"), QTYPE.A))
    plain = DNSRecord.parse(exchange(prober, "::1", Transport.UDP, query.pack()).answer.encode("latin-1"))
    query.add_ar(EDNS0(udp_len=4096))
    extended = DNSRecord.parse(exchange(prober, "::1", Transport.UDP, query.pack()).answer.encode("latin-1"))
    assert plain.ar == []
    assert [row.rtype for row in extended.ar] == [QTYPE.OPT]
    assert values(extended) == A


def test_a_long_answer_is_truncated_over_udp_only(prober: Prober) -> None:
    """An answer of more than 512 bytes has the TC bit over UDP (RFC 1035 §4.2.1), and is complete over TCP."""
    many = tuple(f"2001:db8::{number:x}" for number in range(1, 41))
    with prober.names(Names(("127.0.0.53",), aaaa=many)):
        name = query_name(aaaa="ok")
        cut = ask(prober, name, "AAAA")
        whole = ask(prober, name, "AAAA", transport=Transport.TCP)
    assert (cut.header.tc, values(cut)) == (1, ())
    assert (whole.header.tc, values(whole)) == (0, many)


@pytest.mark.usefixtures("server")
def test_rubbish_is_a_format_error(prober: Prober) -> None:
    """Bytes that are not a DNS message are answered with FORMERR and their id, and do not stop the server."""
    result = exchange(prober, "127.0.0.53", Transport.UDP, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0")
    reply = DNSRecord.parse(result.answer.encode("latin-1"))
    assert (reply.header.id, reply.header.rcode) == (0x1234, RCODE.FORMERR)
    assert values(ask(prober, query_name(a="ok"), "A")) == A


def test_questions_are_recorded(prober: Prober, server: NameServerHandle) -> None:
    """Client, family, transport, name, type, RCODE and number of answers are recorded, in order."""
    name = query_name(a="ok", aaaa="servfail")
    ask(prober, name, "A", "127.0.0.53", Transport.TCP)
    ask(prober, name, "AAAA", "::1")
    first, second = server.queries()
    assert (first.family, first.transport, first.name, first.record, first.rcode, first.answers) == (
        "ipv4",
        "tcp",
        name,
        "A",
        "NOERROR",
        2,
    )
    assert (second.client, second.family, second.transport, second.record, second.rcode) == (
        "::1",
        "ipv6",
        "udp",
        "AAAA",
        "SERVFAIL",
    )
    assert first.at <= second.at


@pytest.mark.usefixtures("server")
def test_the_c_library_resolves_both_families(prober: Prober) -> None:
    """A getaddrinfo on the host asks the lab's server and gets both families' addresses."""
    found = prober.call(Resolve(query_name(a="ok", aaaa="ok")))
    assert (set(found.addresses), found.error) == ({*A, *AAAA}, "")


@pytest.mark.parametrize(("family", "expected"), [(Family.IPV4, A), (Family.IPV6, AAAA)])
def test_the_c_library_resolves_one_family(
    prober: Prober, server: NameServerHandle, family: Family, expected: tuple[str, ...]
) -> None:
    """For one family it asks for that record only."""
    found = prober.call(Resolve(query_name(a="ok", aaaa="ok"), family))
    assert set(found.addresses) == set(expected)
    assert {query.record for query in server.queries()} == {family.record}


@pytest.mark.usefixtures("server")
def test_the_c_library_survives_a_failing_aaaa(prober: Prober) -> None:
    """A wrong NXDOMAIN for AAAA leaves the A addresses."""
    assert set(prober.call(Resolve(query_name(a="ok", aaaa="nxdomain"))).addresses) == set(A)


@pytest.mark.usefixtures("server")
def test_a_name_that_does_not_exist_is_an_error_by_name(prober: Prober) -> None:
    """The error has the name of getaddrinfo's error."""
    found = prober.call(Resolve("www.lab.test"))
    assert (found.addresses, found.error) == ((), "EAI_NONAME")


@pytest.mark.usefixtures("server")
def test_addrconfig_reaches_the_c_library(prober: Prober) -> None:
    """On a host with only loopback addresses AI_ADDRCONFIG changes the result."""
    name = query_name(a="ok", aaaa="ok")
    assert prober.call(Resolve(name, addrconfig=True)) != prober.call(Resolve(name, addrconfig=False))


@pytest.mark.usefixtures("server")
def test_a_resolver_that_hangs_is_ended(prober: Prober) -> None:
    """When the timeout expires the child is killed, and the error says so."""
    found = prober.call(Resolve(query_name(a="drop", aaaa="drop"), timeout=0.2))
    assert (found.addresses, found.error) == ((), "timeout")
    assert found.seconds >= 0.2


def test_a_resolver_that_was_ended_keeps_no_port(prober: Prober) -> None:
    """The killed child, a fork with copies of the server's sockets, has ended before the answer: the port is free."""
    for _ in range(20):
        with prober.names(Names(NAMESERVERS, A)):
            assert prober.call(Resolve(query_name(a="drop"), Family.IPV4, timeout=0.01)).error == "timeout"


def test_both_transports_need_the_port(prober: Prober) -> None:
    """The server's sockets are V6ONLY and bound to its addresses, one for each transport."""
    with prober.names(Names(NAMESERVERS)):
        rows = [row for row in prober.sockets() if row.port == 53]
    assert sorted((row.transport, row.address) for row in rows) == sorted(
        (transport.value, address) for transport in Transport for address in NAMESERVERS
    )


@each_transport
def test_names_of_addresses(prober: Prober, transport: Transport) -> None:
    """Names in a silent domain are not answered, in any case; other reverse names do not exist."""
    with prober.names(Names(NAMESERVERS[:1], A, AAAA, silent=("ip6.arpa",))) as server:
        assert ask(prober, "1.100.51.198.in-addr.arpa", "PTR", transport=transport).header.rcode == RCODE.NXDOMAIN
        query = DNSRecord(q=DNSQuestion("1.0.0.8.b.d.0.1.0.0.2.IP6.arpa", QTYPE.PTR)).pack()
        assert exchange(prober, NAMESERVERS[0], transport, query, 0.2).outcome is Outcome.SILENT
        assert ask(prober, query_name(a="ok"), "A", transport=transport).header.rcode == RCODE.NOERROR
        assert ask(prober, "ip6.example", "A", transport=transport).header.rcode == RCODE.REFUSED
        assert [query.rcode for query in server.queries()] == ["NXDOMAIN", "", "NOERROR", "REFUSED"]
