"""Tunnels through relays: SOCKS 5 and CONNECT, however the bytes are split and whatever the relay answers."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.errors import UsageError
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.exact import Exact
from dualstack.protocols.http_connect import HttpConnect
from dualstack.protocols.judgement import Judgement, Outcome
from dualstack.protocols.layers import through_tunnel
from dualstack.protocols.socks5 import Socks5, destination
from dualstack.protocols.tunnel import Handshake, Tunnel, Tunnelled, TunnelName
from tests.fuzz.damage import damaged
from tests.protocols.pieces import CUTS, examples, split

REPLIES = {
    "IPv4": bytes.fromhex("05000001c00002051f90"),
    "IPv6": bytes.fromhex("0500000420010db8000000000000000000000005" + "1f90"),
    "name": b"\x05\x00\x00\x03\x07example\x1f\x90",
}
OK = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n"


def tunnelled(handshake: Handshake) -> Tunnelled:
    """Return a client that says ``hello`` through a tunnel and expects ``olleh``."""
    return Tunnelled(Exact(b"hello", b"olleh", "came back"), handshake)


def talk(client: Conversation, pieces: Iterable[bytes]) -> tuple[bytes, Judgement]:
    """Return all that the client sends, and its judgement."""
    sent, turn = client.start(), Turn()
    for piece in pieces:
        turn = client.receive(piece)
        sent += turn.send
        if turn.judgement is not None:
            return sent, turn.judgement
    return sent, client.end("over")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.5", "01c0000205"),
        ("2001:db8::5", "0420010db8000000000000000000000005"),
        ("::ffff:192.0.2.5", "0400000000000000000000ffffc0000205"),
        ("example.com", "030b6578616d706c652e636f6d"),
    ],
)
def test_each_form_of_a_target(host: str, expected: str) -> None:
    """Addresses of both families and names have their own address type (RFC 1928 §5)."""
    assert destination(host, 8080).hex() == expected + "1f90"


@pytest.mark.parametrize("host", ["", "x" * 256, "bücher.example", "fe80::1%eth0"])
def test_a_target_that_socks_cannot_carry(host: str) -> None:
    """A name is ASCII and has 1 to 255 bytes, and an address has no zone; other texts are refused, and not cut."""
    with pytest.raises(UsageError):
        destination(host, 1)


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@examples
@given(cuts=CUTS)
def test_socks_opens_a_tunnel(reply: bytes, cuts: list[int]) -> None:
    """After a reply with an address of any type and its own length, the client speaks to the target."""
    socks = Socks5("2001:db8::5", 8080)
    sent, judgement = talk(tunnelled(socks), split(b"\x05\x00" + reply + b"olleh", cuts))
    assert judgement.outcome is Outcome.ANSWERED
    assert sent == b"\x05\x01\x00" + b"\x05\x01\x00" + destination("2001:db8::5", 8080) + b"hello"
    assert socks.bound in {"192.0.2.5", "2001:db8::5", "example"}


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (b"", Outcome.SILENT, "no answer to the methods"),
        (b"HTTP/1.1 400 Bad Request\r\n", Outcome.WRONG, "it does not speak SOCKS 5: it sent 'H'"),
        (b"\x05\xff", Outcome.WRONG, "it accepts no client without authentication"),
        (b"\x05\x02", Outcome.WRONG, "it chose the method 0x02"),
        (b"\x05\x00", Outcome.WRONG, "no reply came"),
        (b"\x05\x00\x05\x08", Outcome.WRONG, "it replied 0x08, address type not supported"),
        (b"\x05\x00\x05\x05\x00\x01", Outcome.WRONG, "it replied 0x05, connection refused"),
        (b"\x05\x00\x05\x44", Outcome.WRONG, "it replied 0x44, unassigned"),
        (b"\x05\x00\x04\x00", Outcome.WRONG, "its reply begins with 0x04"),
        (b"\x05\x00\x05\x00\x00\x02", Outcome.WRONG, "the address type of its reply is 0x02"),
        (b"\x05\x00\x05\x00\x00\x04\x00\x00\x00\x00\x00\x00", Outcome.WRONG, "10 of 22 bytes of its reply came"),
    ],
)
def test_faults_of_socks(answer: bytes, outcome: Outcome, reason: str) -> None:
    """What a relay answers wrongly, or not at all, has its reason."""
    sent, judgement = talk(tunnelled(Socks5("192.0.2.5", 80)), [answer])
    assert judgement.outcome is outcome
    assert judgement.detail.startswith("the relay opens no tunnel: ")
    assert reason in judgement.detail
    assert b"hello" not in sent


def test_bytes_after_a_wrong_length_are_the_targets() -> None:
    """A reply that says IPv4 and carries sixteen bytes is read as the RFC says, so that the answer is wrong."""
    reply = b"\x05\x00\x00\x01" + bytes(16) + b"\x1f\x90"
    judgement = talk(tunnelled(Socks5("2001:db8::5", 80)), [b"\x05\x00", reply, b"olleh"])[1]
    assert judgement.outcome is Outcome.WRONG
    assert "byte 1 of the answer is wrong" in judgement.detail


@examples
@given(cuts=CUTS)
def test_connect_opens_a_tunnel(cuts: list[int]) -> None:
    """The authority has an IPv6 address in brackets, and the tunnel begins after the blank line."""
    sent, judgement = talk(tunnelled(HttpConnect("2001:db8::5", 8080)), split(OK + b"olleh", cuts))
    assert judgement.outcome is Outcome.ANSWERED
    authority = b"[2001:db8::5]:8080"
    assert sent == b"CONNECT " + authority + b" HTTP/1.1\r\nHost: " + authority + b"\r\n\r\nhello"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "it answered HTTP/1.1 502 Bad Gateway"),
        (b"SSH-2.0-x\r\n", "its answer is no HTTP response: it begins with 'SSH-2.0-x"),
        (b"HTTP/1.1 200 OK\r\n", "the head of its response is not complete"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000, "the head of its response is too long"),
        (b"", "no response came"),
    ],
)
def test_faults_of_connect(answer: bytes, reason: str) -> None:
    """What a relay answers wrongly, or not at all, has its reason."""
    judgement = talk(tunnelled(HttpConnect("192.0.2.5", 80)), [answer])[1]
    assert judgement.outcome is (Outcome.WRONG if answer else Outcome.SILENT)
    assert reason in judgement.detail


@examples
@given(st.sampled_from([*(b"\x05\x00" + reply for reply in REPLIES.values()), OK]), st.data(), CUTS)
def test_damage_has_one_result(whole: bytes, data: st.DataObject, cuts: list[int]) -> None:
    """Damaged answers never raise, and are judged the same in pieces of any size."""
    damage = data.draw(damaged(whole))
    for make in (lambda: Socks5("192.0.2.5", 80), lambda: HttpConnect("192.0.2.5", 80)):
        assert talk(tunnelled(make()), split(damage, cuts)) == talk(tunnelled(make()), [damage])


@pytest.mark.parametrize("protocol", ["socks5", "http-connect"])
def test_the_target_is_asked_for_as_its_protocol_has_it(protocol: TunnelName) -> None:
    """Each protocol of a tunnel leads to its own handshake, with the target in it."""
    client = through_tunnel(Exact(b"hello", b"olleh", "came back"), Tunnel(protocol, "2001:db8::5", 80))
    answer = b"\x05\x00" + REPLIES["IPv6"] if protocol == "socks5" else OK
    sent, judgement = talk(client, [answer, b"olleh"])
    assert client.is_open
    assert (bytes.fromhex("20010db8") if protocol == "socks5" else b"CONNECT [2001:db8::5]:80 HTTP/1.1") in sent
    assert judgement.outcome is Outcome.ANSWERED
