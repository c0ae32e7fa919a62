"""Both ends of a WebSocket connection."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol

from dualstack.families import Family
from dualstack.prober.messages import Dial
from dualstack.protocols.application import Upgrade
from dualstack.protocols.conversation import Recorded
from dualstack.protocols.judgement import Judgement, Outcome
from dualstack.protocols.layers import closing
from dualstack.protocols.websocket_client import WebSocketClient
from dualstack.protocols.websocket_server import WebSocketServer
from tests.fuzz.damage import damaged

HERE = "2001:db8::1"
OVER = "nothing more came"
TEXT, CLOSE, PING = b"\x81", b"\x88", b"\x89"


def asking(send: str | None = None, expect: str | None = None, path: str = "/", **upgrade: str) -> WebSocketClient:
    """Return a client that asks port 7681 of an IPv6 address."""
    return WebSocketClient(
        Dial(
            Family.IPV6,
            HERE,
            7681,
            protocol="websocket",
            send=send,
            expect=expect,
            path=path,
            upgrade=Upgrade(**upgrade),
        )
    )


def frame(first: bytes, payload: bytes = b"") -> bytes:
    """Return a short frame of a server."""
    return first + bytes([len(payload)]) + payload


def masked(first: bytes, payload: bytes = b"") -> bytes:
    """Return a short frame of a client, with the mask 0."""
    return first + bytes([0x80 + len(payload)]) + bytes(4) + payload


def accepted(client: WebSocketClient) -> bytes:
    """Return the right answer to the handshake of a client."""
    return WebSocketServer().receive(client.start()).send


def upgraded() -> WebSocketServer:
    """Return a server after the handshake."""
    server = WebSocketServer()
    assert server.receive(asking().start()).send.startswith(b"HTTP/1.1 101 ")
    return server


def judged(answer: Callable[[bytes], bytes], client: WebSocketClient | None = None) -> Judgement:
    """Return how a client judges what ``answer`` makes of the right answer to its handshake."""
    client = client or asking("hi")
    return client.receive(answer(accepted(client))).judgement or client.end(OVER)


def test_the_handshake_names_the_server() -> None:
    """Host has brackets and the port; nothing is compressed; no Origin and no subprotocol unless they are given."""
    head = asking().start().decode()
    assert head.startswith("GET / HTTP/1.1\r\nHost: [2001:db8::1]:7681\r\n")
    assert head.endswith("\r\n\r\n")
    assert not [name for name in ("Origin", "Extensions", "Protocol") if f"\r\n{name}" in head or f"-{name}:" in head]


def test_what_the_manifest_gives_is_in_the_handshake() -> None:
    """Path, origin and subprotocol are sent; {target} in the origin is the server's address and port."""
    head = asking(path="/chat?x=1", origin="http://{target}", subprotocol="chat").start().decode()
    assert head.startswith("GET /chat?x=1 HTTP/1.1\r\n")
    assert "\r\nOrigin: http://[2001:db8::1]:7681\r\n" in head
    assert "\r\nSec-WebSocket-Protocol: chat\r\n" in head


def test_a_zone_is_not_sent() -> None:
    """The zone of a link-local address has a meaning on the client's host only."""
    client = WebSocketClient(Dial(Family.IPV6, "fe80::1%eth0", 80, protocol="websocket"))
    assert b"\r\nHost: [fe80::1]:80\r\n" in client.start()


@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=20), expect=st.sampled_from([None, "^h"]))
def test_an_echo_is_an_answer_however_it_is_split(sizes: list[int], expect: str | None) -> None:
    """Handshake, an answered ping, and the echo, in pieces of any size; what is sent does not depend on the pieces."""
    client, server = asking("hi" * 40, expect), WebSocketServer()
    answer = server.receive(client.start()).send + frame(PING, b"x") + frame(TEXT, b"hi" * 40)
    sent, judgement = b"", None
    while answer:
        assert judgement is None
        size = sizes.pop() if sizes else 1000
        turn = client.receive(answer[:size])
        sent, judgement, answer = sent + turn.send, turn.judgement, answer[size:]
    assert judgement is not None
    assert (judgement.outcome, judgement.status) == (Outcome.ANSWERED, 101)
    assert payloads(sent) == ["hi" * 40, b"x"]


def payloads(sent: bytes) -> list[object]:
    """Return what is in the frames of a client."""
    protocol = FrameProtocol(client=False, extensions=[])
    protocol.receive_bytes(sent)
    return [item.payload for item in protocol.received_frames()]


@given(data=st.data())
def test_damaged_answers_never_raise(data: st.DataObject) -> None:
    """Whatever a server answers to the handshake, and after it, is judged."""
    client = asking("hi")
    whole = accepted(client) + frame(TEXT, b"hi") + frame(CLOSE, b"\x03\xe8bye")
    answer = data.draw(damaged(whole) | st.binary(max_size=40).map(lambda tail: accepted_head(whole) + tail))
    judgement = client.receive(answer).judgement or client.end(OVER, closed=True)
    assert judgement.outcome in Outcome
    assert isinstance(client.close(), bytes)


def accepted_head(answer: bytes) -> bytes:
    """Return the answer to a handshake alone."""
    return answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


@given(data=st.data())
def test_damaged_requests_never_raise(data: st.DataObject) -> None:
    """Whatever a client sends, the server answers or closes, and judges it."""
    server = WebSocketServer()
    whole = asking(subprotocol="a").start() + masked(TEXT, b"hi") + masked(PING) + masked(CLOSE, b"\x03\xe8")
    sent = data.draw(damaged(whole) | st.binary(max_size=40).map(lambda tail: accepted_head(whole) + tail))
    place = data.draw(st.integers(0, len(sent)))
    for piece in (sent[:place], sent[place:]):
        server.receive(piece)
    assert server.end(OVER).outcome in Outcome


@pytest.mark.parametrize(
    ("answer", "text", "status"),
    [
        (
            lambda right: right[:20],
            "'HTTP/1.1 101 Switchi' to the opening handshake is cut short: nothing more came",
            0,
        ),
        (lambda right: right[:60], "'HTTP/1.1 101 Switching Protocols' to the opening handshake has no end of its", 0),
        (lambda _: b"SSH-2.0-OpenSSH_9.2\r\n", "'SSH-2.0-OpenSSH_9.2\\r\\n' does not begin with an HTTP status", 0),
        (lambda _: b"+PONG\r\n", "does not begin with an HTTP status line", 0),
        (lambda _: b"x" * 20_000, "does not begin with an HTTP status line", 0),
        (
            lambda _: b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            "status line is 'HTTP/1.1 403 Forbidden': the opening handshake is not accepted, which takes 101",
            403,
        ),
        (lambda _: b"HTTP/1.1 200 OK\r\n\r\nhello", "the opening handshake is not accepted", 200),
        (
            lambda right: right.replace(b"Accept: ", b"Accept: x"),
            "its Sec-WebSocket-Accept header is not the answer to the client's key",
            101,
        ),
        (
            lambda right: right.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
            "Missing header, 'Upgrade: websocket'",
            101,
        ),
        (lambda right: right[:-2] + b"Sec-WebSocket-Protocol: b\r\n\r\n", "unrecognized subprotocol b", 101),
        (lambda right: right[:-2] + b"Sec-WebSocket-Extensions: x\r\n\r\n", "unrecognized extension x", 101),
        (lambda right: right, "the opening handshake was accepted, but no message came: nothing more came", 101),
        (lambda right: right + b"\x81\x02h", "only the beginning of a message came, 'h': nothing more came", 101),
        (lambda right: right + frame(TEXT, b"ho"), "the message 'hi' came back as 'ho'", 101),
        (lambda right: right + frame(b"\x82", b"hi"), "the text message came back as a binary message", 101),
        (lambda right: right + frame(CLOSE), "closed the WebSocket with code 1005, before", 101),
        (lambda right: right + frame(CLOSE, b"\x03\xf0no"), "with code 1008 and the reason 'no', before", 101),
        (lambda right: right + b"hello", "came what is no WebSocket frame", 101),
        (lambda right: right + masked(TEXT, b"hi"), "client received unexpected masked frame", 101),
    ],
)
def test_other_answers_are_wrong(answer: Callable[[bytes], bytes], text: str, status: int) -> None:
    """A cut handshake, another status, a wrong accept, another protocol, and no echo are told apart."""
    judgement = judged(answer)
    assert judgement.outcome is Outcome.WRONG
    assert text in judgement.detail
    assert judgement.status == status


def test_nothing_is_silence() -> None:
    """Without any byte there is no answer."""
    assert asking().end(OVER) == Judgement(Outcome.SILENT, f"no answer to the opening handshake: {OVER}")


def test_a_message_may_be_declared() -> None:
    """With an expression any message that matches is the answer; those before it are passed over."""
    greeted = judged(lambda right: right + frame(TEXT, b"welcome") + frame(TEXT, b"pong 1"), asking("ping", "^pong"))
    assert greeted.outcome is Outcome.ANSWERED
    assert "the message 'pong 1' matches '^pong'" in greeted.detail
    other = judged(lambda right: right + frame(TEXT, b"welcome"), asking("ping", "^pong"))
    assert "1 other messages came" in other.detail
    assert judged(lambda right: right + frame(b"\x82", b"pong"), asking("p", "^pong")).outcome is Outcome.ANSWERED


def test_an_endless_message_is_wrong() -> None:
    """A message of more than 1 MiB is not waited for."""
    endless = b"\x82\x7f" + (1 << 40).to_bytes(8) + b"x" * 1_100_000
    assert "more than 1 MiB" in judged(lambda right: right + endless).detail
    server = upgraded()
    turn = server.receive(b"\x82\xff" + (1 << 40).to_bytes(8) + bytes(4) + b"x" * 1_100_000)
    assert turn.close
    assert turn.send == frame(CLOSE, b"\x03\xf1")
    assert "more than 1 MiB" in server.end(OVER).detail


def test_the_client_closes_an_open_connection() -> None:
    """What is sent at the end is a Close frame, which the server answers; before the handshake it is nothing."""
    client, server = asking("hi"), WebSocketServer()
    recorded = Recorded(client, 100)
    assert closing(recorded) == b""
    recorded.receive(server.receive(client.start()).send + frame(TEXT, b"hi"))
    turn = server.receive(closing(recorded))
    assert (turn.send, turn.close) == (frame(CLOSE, b"\x03\xe8"), True)


def test_the_server_echoes_and_answers_pings() -> None:
    """Text, binary and empty messages come back as what they are, also those in fragments; a pong has no answer."""
    server = upgraded()
    sent = masked(TEXT, b"a") + masked(PING, b"p") + masked(b"\x02", b"b") + masked(b"\x8a") + masked(b"\x80", b"c")
    answer = frame(TEXT, b"a") + frame(b"\x8a", b"p") + frame(b"\x82", b"bc")
    assert server.receive(sent).send == answer
    assert server.receive(masked(b"\x82")).send == frame(b"\x82")
    assert server.end(OVER).detail == "the client did the opening handshake and sent 3 messages"


def test_the_server_takes_the_first_subprotocol() -> None:
    """Of the subprotocols that a client offers, the server takes the first one."""
    head = asking(subprotocol="a").start().replace(b"Protocol: a", b"Protocol: a, b")
    assert b"\r\nSec-WebSocket-Protocol: a\r\n" in WebSocketServer().receive(head).send


def test_the_head_is_recorded() -> None:
    """The request of the handshake is kept for the judgement of its Host header, also if it is refused."""
    server = upgraded()
    assert server.end(OVER).head.startswith("GET / HTTP/1.1\r\nHost: [2001:db8::1]:7681\r\nUpgrade")
    assert server.end(OVER).head.endswith("User-Agent: dualstack")
    refused = WebSocketServer()
    refused.receive(b"GET / HTTP/1.1\r\nHost: 2001:db8::1\r\n\r\n")
    assert refused.end(OVER).head == "GET / HTTP/1.1\r\nHost: 2001:db8::1"


@pytest.mark.parametrize(
    ("sent", "outcome", "text"),
    [
        (b"", Outcome.SILENT, "the client sent nothing"),
        (b"GET / HTTP/1.1\r\nHost", Outcome.SILENT, "which is no complete handshake"),
        (b"*1\r\n$4\r\nPING\r\n", Outcome.WRONG, "which is no WebSocket handshake"),
        (b"x" * 20_000, Outcome.WRONG, "which is no WebSocket handshake"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Outcome.WRONG, "no WebSocket handshake: Missing header, 'Connection"),
        (asking().start() + TEXT, Outcome.ANSWERED, "sent 0 messages"),
        (asking().start() + masked(TEXT, b"hi"), Outcome.ANSWERED, "sent 1 message"),
        (asking().start() + frame(TEXT, b"hi"), Outcome.WRONG, "server received unexpected unmasked frame"),
        (asking().start() + masked(TEXT, b"\xff"), Outcome.WRONG, "can't decode"),
    ],
    ids=range(9),  # the key of a handshake is random
)
def test_the_server_knows_what_it_did_not_understand(sent: bytes, outcome: Outcome, text: str) -> None:
    """Other protocols and broken frames are not understood; a part of a handshake is silence."""
    server = WebSocketServer()
    turn = server.receive(sent)
    judgement = server.end(OVER)
    assert (judgement.outcome, turn.close) == (
        outcome,
        (outcome is Outcome.WRONG and b"\r\n\r\n" in sent) or len(sent) > 9999,
    )
    assert text in judgement.detail


def test_reading_takes_linear_time() -> None:
    """A message in single bytes takes time that grows with its size only."""

    def seconds(size: int) -> float:
        server = upgraded()
        sent = b"\x81\xfe" + size.to_bytes(2) + bytes(4) + b"x" * size
        began = time.process_time()
        for byte in sent:
            server.receive(bytes([byte]))
        assert "sent 1 message" in server.end(OVER).detail
        return time.process_time() - began

    short, long = (min(seconds(size) for _ in range(3)) for size in (1_000, 8_000))
    assert long < 30 * max(short, 0.001)
