"""What FORWARD-005, FORWARD-006 and FORWARD-015 say about what a relay sends."""

import importlib
from types import SimpleNamespace

import pytest

from dualstack.families import Family
from dualstack.prober.messages import Accepted, Dialled, Outcome
from dualstack.protocols.forwarded import Field
from dualstack.protocols.proxy_header import Endpoints, HeaderReader, write

SUITE = importlib.import_module("dualstack.content.suites.forward.test_sent_headers")
CLIENT = Endpoints("2001:db8::c1", 40000, "2001:db8::5", 443)


def said(data: bytes) -> str:
    """Return what is said about a header that came for `CLIENT`."""
    reader = HeaderReader()
    reader.add(data)
    return str(SUITE.why_wrong(reader.header, CLIENT))


@pytest.mark.parametrize("data", [write("v1", CLIENT), write("v2", CLIENT)], ids=["v1", "v2"])
def test_the_true_ends_are_right(data: bytes) -> None:
    """A header with both ends of the client's connection is right, in either version."""
    assert said(data) == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PROXY TCP6 2001:db8::c1 2001:db8::5 40001 443\r\n", "which names [2001:db8::c1]:40001"),
        (b"PROXY TCP6 2001:db8::c1 2001:db8::6 40000 443\r\n", "and [2001:db8::6]:443"),
        (b"PROXY TCP6 ::ffff:c000:201 ::ffff:c000:205 40000 443\r\n", "an IPv4-mapped address"),
        (b"PROXY TCP4 2001:db8::c1 2001:db8::5 40000 443\r\n", "which is malformed: '2001:db8::c1' is an IPv6 address"),
        (b"PROXY UNKNOWN\r\n", "which names no client"),
        (write("v2", None), "which names no client"),
        (write("v2", CLIENT, datagrams=True), "which says DGRAM, and the client uses TCP"),
        (
            write("v2", CLIENT)[:14] + b"\x00\x3c" + write("v2", CLIENT)[16:] + b"y" * 24,
            "its length is 60, and the 24 bytes",
        ),
        (b"hello\n", "it sends no header, which is malformed: the connection begins with b'h'"),
        (b"PROXY TC", "no complete header came"),
        (b"", "no complete header came"),
    ],
)
def test_anything_else_is_wrong(data: bytes, reason: str) -> None:
    """Other ends, no ends, and what is no header are wrong; the sentence quotes what was sent."""
    assert reason in said(data)


def test_a_client_must_be_answered_after_a_right_header() -> None:
    """A right header is no success if the exchange after it fails; the cause is not the header then."""
    listener = SimpleNamespace(port=443)
    world = SimpleNamespace(addresses=lambda _: ("2001:db8::5",), listener=listener)
    reader = HeaderReader()
    reader.add(write("v2", CLIENT))
    arrived = Accepted("192.0.2.9", "192.0.2.1", 40000, 9, 9, 1.0, proxied=reader.header)
    for outcome, ok in ((Outcome.ANSWERED, True), (Outcome.SILENT, False)):
        dialled = Dialled(outcome, "", True, "2001:db8::c1", 40000, "", "", 0.0, "nothing came")
        finding = SUITE.by_header(world, Family.IPV6, Family.IPV4, dialled, [arrived])
        assert (finding.ok, "nothing came" in finding.happened) == (ok, not ok)
        assert ok or not finding.symptoms


@pytest.mark.parametrize(
    ("field", "value", "client", "reason"),
    [
        ("Forwarded", 'for="[2001:db8::c1]:4711"', "2001:db8::c1", ""),
        ("Forwarded", 'for=203.0.113.9, for="[2001:db8::c1]"', "2001:db8::c1", ""),
        ("Forwarded", "for=2001:db8::c1", "2001:db8::c1", "is not quoted"),
        ("Forwarded", 'for="[::ffff:192.0.2.1]"', "192.0.2.1", "an IPv4-mapped address"),
        ("Forwarded", "proto=http", "192.0.2.1", "which does not name it"),
        ("X-Forwarded-For", "192.0.2.1", "192.0.2.1", ""),
        ("X-Forwarded-For", "192.0.2.1, 192.0.2.2", "192.0.2.1", "which does not name it"),
        ("X-Forwarded-For", "[2001:db8::c1]:80", "2001:db8::c1", "has brackets"),
        (
            "X-Forwarded-For",
            "192.0.2.9, 2001",
            "2001:db8::c1",
            "it is the client's address 2001:db8::c1, cut at a colon",
        ),
        ("X-Real-IP", "192.0.2.1", "192.0.2.1", "the request has no Forwarded"),
    ],
)
def test_the_last_node_is_the_client(field: str, value: str, client: str, reason: str) -> None:
    """The last node of the field must be the client's address; what is wrong with it is said."""
    wanted: Field = "X-Forwarded-For" if field == "X-Forwarded-For" else "Forwarded"
    fault = SUITE.why_not_named(wanted, f"GET / HTTP/1.1\r\n{field}: {value}", client)
    assert reason in fault
    assert bool(reason) == bool(fault)


def test_the_connection_that_carried_the_exchange_comes_first() -> None:
    """It is the last on which an exchange was completed; a health check completes none, or came before."""
    check, older, newer = (
        Accepted("192.0.2.9", "192.0.2.1", 40000, 0, 0, at, completed=done)
        for at, done in ((3.0, False), (1.0, True), (2.0, True))
    )
    assert SUITE.by_exchange((older, newer, check)) == [newer, older, check]
    assert SUITE.by_exchange((check,)) == [check]
