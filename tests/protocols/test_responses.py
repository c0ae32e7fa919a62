"""Responses are read again from what a client has received, over HTTP/1.1, HTTP/2 and gRPC."""

from dualstack.protocols.registry import protocol_named
from dualstack.protocols.response import Response
from tests.protocols.http2_bytes import SETTINGS, data, frame, headers, reply

MOVED = [(":status", "301"), ("Location", "http://[::1]/")]


def test_a_response_of_http2() -> None:
    """Status, fields and body are those of the stream; pseudo-header fields are no fields."""
    received = frame(SETTINGS) + headers(MOVED) + data(b"moved", end=True)
    found = protocol_named("http2").response(received)
    assert found == Response(301, (("location", "http://[::1]/"),), b"moved", is_text=False)
    assert found is not None
    assert found.text == b"location: http://[::1]/\r\n\r\nmoved"


def test_a_reply_of_grpc() -> None:
    """The body is the message, without its prefix."""
    found = protocol_named("grpc").response(reply(b"\x08\x01"))
    assert found is not None
    assert found.body == b"\x08\x01"


def test_what_is_not_complete_is_no_response() -> None:
    """Half a frame, another protocol and nothing are no response; neither is an accepted handshake, or an echo."""
    whole = frame(SETTINGS) + headers(MOVED)
    for received in (b"", whole[:-1], whole, b"HTTP/1.1 200 OK\r\n\r\n"):
        assert protocol_named("http2").response(received) is None
    assert protocol_named("websocket").response(b"HTTP/1.1 101 Up\r\nUpgrade: websocket\r\n\r\n\x81\x01a") is None
    assert protocol_named("echo").response(b"HTTP/1.1 200 OK\r\n\r\n") is None


def test_a_redirected_handshake() -> None:
    """A handshake that is not accepted is a response of HTTP/1.1."""
    found = protocol_named("websocket").response(
        b"HTTP/1.1 307 Moved\r\nLocation: ws://[::1]/\r\nContent-Length: 0\r\n\r\n"
    )
    assert found is not None
    assert (found.status, found.fields[0]) == (307, ("location", "ws://[::1]/"))
