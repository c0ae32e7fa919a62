"""The lab's name server answers what can be read, refuses what cannot, and lives on."""

import asyncio

import pytest
from dnslib import EDNS0, QTYPE, RCODE, DNSError, DNSHeader, DNSQuestion, DNSRecord
from hypothesis import example, given
from hypothesis import strategies as st

from dualstack.prober.behaviour import MALFORMED, Action
from dualstack.prober.messages import Names
from dualstack.prober.names import ZONE
from dualstack.prober.nameserver import DnsServer
from dualstack.transport import Transport
from tests.fuzz.damage import damaged

PEER = ("2001:db8::9", 40000)
LARGEST = 1232
LONG_LABEL = bytes.fromhex("abcd 0100 0001 0000 0000 0000 40") + b"a" * 64 + bytes.fromhex("00 0001 0001")
"""A label of 64 bytes: one more than there may be (RFC 1035 §2.3.4); its first two bits are reserved."""

CUT = bytes.fromhex("abcd 0100 0001 0000 0000 0000 07") + b"te"

READABLE = [action for action in Action if action not in {*MALFORMED, Action.FORMERR}]
"""The actions whose answers can be read, and do not say that the query cannot."""

LABELS = [
    f"{record}-{modifier}{action.value}{number}"
    for record in ("a", "aaaa", "https")
    for modifier in ("", "tc-", "cname-2-", "delay-5-")
    for action in READABLE
    for number in ("", "-2")
]


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    """Return a query, most of them for the zone."""
    labels = [*draw(st.lists(st.sampled_from(LABELS), max_size=2)), draw(st.sampled_from(["x1", "X1", ""])), ZONE]
    name = ".".join(filter(None, labels))
    record = DNSRecord(
        DNSHeader(id=7),
        q=DNSQuestion(name, draw(st.sampled_from([QTYPE.A, QTYPE.AAAA, QTYPE.HTTPS, QTYPE.SOA, 65280]))),
    )
    record.header.opcode = draw(st.sampled_from([0, 0, 0, 4]))
    if draw(st.booleans()):
        record.add_ar(EDNS0(udp_len=draw(st.sampled_from([0, 512, 4096, 65535]))))
    return bytes(record.pack())


def answers(datagrams: list[bytes], transport: Transport = Transport.UDP) -> list[tuple[bytes | None, float]]:
    """Return what a name server without sockets answers to each of them, and how many seconds later."""

    async def consider() -> list[tuple[bytes | None, float]]:
        """Ask one after the other."""
        server = DnsServer(Names((), ("198.51.100.1",) * 40, ("2001:db8::1",)))
        try:
            return [server._reply(data, PEER, transport) for data in datagrams]
        finally:
            server.close()

    return asyncio.run(consider())


GOOD = DNSRecord(q=DNSQuestion(f"a-ok.x1.{ZONE}", QTYPE.A)).pack()


@given(queries().flatmap(damaged) | st.binary(max_size=300), st.sampled_from(Transport))
@example(LONG_LABEL, Transport.UDP)
@example(CUT, Transport.TCP)
@example(b"", Transport.UDP)
def test_any_message_is_answered_or_dropped(data: bytes, transport: Transport) -> None:
    """An answer has the query's number, is a response that can be read, and fits; the next query is answered."""
    (answer, delay), (good, _) = answers([data, GOOD], transport)
    assert delay >= 0
    assert good is not None
    assert DNSRecord.parse(good).rr or DNSRecord.parse(good).header.tc
    if answer is not None:
        assert answer[:2] == data[:2]
        assert DNSRecord.parse(answer).header.qr == 1
        assert transport is Transport.TCP or len(answer) <= LARGEST


@given(queries(), st.sampled_from(Transport))
def test_whole_queries_are_answered(data: bytes, transport: Transport) -> None:
    """A whole query is never a format error."""
    ((answer, _),) = answers([data], transport)
    assert answer is None or DNSRecord.parse(answer).header.rcode != RCODE.FORMERR


@given(st.sampled_from(sorted(MALFORMED, key=str)), st.sampled_from([QTYPE.A, QTYPE.AAAA]), st.booleans())
def test_malformed_answers_cannot_be_read(action: Action, qtype: int, edns: bool) -> None:  # noqa: FBT001 - drawn
    """A malformed answer has the query's number; it cannot be read."""
    query = DNSRecord(q=DNSQuestion(f"a-{action.value}.aaaa-{action.value}.x1.{ZONE}", qtype))
    if edns:
        query.add_ar(EDNS0(udp_len=LARGEST))
    ((answer, _),) = answers([query.pack()])
    assert answer is not None
    assert answer[:2] == query.pack()[:2]
    with pytest.raises(DNSError):
        DNSRecord.parse(answer)


def test_what_cannot_be_read_is_a_format_error() -> None:
    """A message that is cut, and a label that is too long, are answered with FORMERR."""
    for data in (CUT, LONG_LABEL):
        ((answer, _),) = answers([data])
        assert answer is not None
        assert DNSRecord.parse(answer).header.rcode == RCODE.FORMERR


def test_the_damage_is_real() -> None:
    """Among the messages of these tests are such that dnslib cannot read, and that it reads and cannot write."""
    for data, fault in ((CUT, DNSError), (LONG_LABEL, Exception)):
        try:
            DNSRecord.parse(data).reply().pack()
        except fault:
            continue
        raise AssertionError(data)
