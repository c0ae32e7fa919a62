"""Both ends of gRPC."""

import pytest

from dualstack.protocols.grpc_ends import HEALTH_CHECK, GrpcClient, GrpcServer, Wanted, messages_in
from dualstack.protocols.judgement import Judgement, Outcome
from tests.protocols.http2_bytes import PREFACE, SETTINGS, call, data, failure, frame, headers, reply

OVER = "nothing more came"
ECHO = Wanted("/lab.Echo/Say", "\n\x02hi", r"^\n.hi")


def judged(answer: bytes, wanted: Wanted | None = None) -> Judgement:
    """Return what a client judges of these bytes, after which the connection ends."""
    client = GrpcClient("2001:db8::1", 50051, wanted or Wanted())
    client.start()
    return client.receive(answer).judgement or client.end(OVER, closed=True)


def test_the_health_check_is_called_by_default() -> None:
    """Without a method, the client calls the health check with an empty message; the server says SERVING."""
    client, server = GrpcClient("2001:db8::1", 50051, Wanted()), GrpcServer()
    judgement = client.receive(server.start() + server.receive(client.start()).send).judgement
    assert judgement == Judgement(Outcome.ANSWERED, rf"the call of {HEALTH_CHECK} was answered with '\x08\x01'")
    head = server.end(OVER).head
    assert head.startswith(":method: POST\r\n:scheme: http\r\n:authority: [2001:db8::1]:50051\r\n:path: /grpc.health")
    assert "te: trailers\r\ncontent-type: application/grpc" in head


def test_a_declared_call_is_echoed() -> None:
    """With a method, the client sends its message; the server returns it."""
    client, server = GrpcClient("192.0.2.1", 50051, ECHO), GrpcServer()
    judgement = client.receive(server.start() + server.receive(client.start()).send).judgement
    assert judgement == Judgement(Outcome.ANSWERED, r"the call of /lab.Echo/Say was answered with '\n\x02hi'")


@pytest.mark.parametrize(
    ("answer", "wanted", "outcome", "text"),
    [
        (failure("12"), None, Outcome.ANSWERED, "without health check answers: grpc-status 12 (UNIMPLEMENTED)"),
        (failure("12", "no%20Say"), ECHO, Outcome.WRONG, "Say failed with grpc-status 12 (UNIMPLEMENTED): 'no Say'"),
        (failure("5"), None, Outcome.WRONG, "failed with grpc-status 5 (NOT_FOUND)"),
        (failure("99"), None, Outcome.WRONG, "failed with grpc-status 99"),
        (failure("x"), None, Outcome.WRONG, "failed with grpc-status x"),
        (failure("0"), None, Outcome.WRONG, "the reply of /grpc.health.v1.Health/Check has no message"),
        (reply(b"\n\2hi"), ECHO, Outcome.ANSWERED, "was answered with"),
        (reply(b"\n\2no"), ECHO, Outcome.WRONG, r"the reply '\n\x02no' of /lab.Echo/Say does not match '^\n.hi'"),
        (reply(b"\n\2hi", status="13"), ECHO, Outcome.WRONG, "grpc-status 13 (INTERNAL)"),
        (
            frame(SETTINGS) + headers([(":status", "200"), ("content-type", "text/html")], end=True),
            None,
            Outcome.WRONG,
            "it answers HTTP/2, but not gRPC: its :status is 200, its content-type text/html",
        ),
        (frame(SETTINGS) + headers([(":status", "404")], end=True), None, Outcome.WRONG, "its :status is 404"),
        (
            frame(SETTINGS) + headers([(":status", "200"), ("content-type", "application/grpc")], end=True),
            None,
            Outcome.WRONG,
            "failed with grpc-status missing",
        ),
        (
            frame(SETTINGS)
            + headers([(":status", "200"), ("content-type", "application/grpc")])
            + data(b"\0\0\0\0\x09hi")
            + headers([("grpc-status", "0")], end=True),
            None,
            Outcome.WRONG,
            "is cut short",
        ),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", None, Outcome.WRONG, "it sent 'HTTP/1.1 400 Bad Request'"),
    ],
    ids=range(14),
)
def test_answers_are_told_apart(answer: bytes, wanted: Wanted | None, outcome: Outcome, text: str) -> None:
    """grpc-status 0 with the right reply is an answer, and UNIMPLEMENTED is one of a server without health check."""
    judgement = judged(answer, wanted)
    assert (judgement.outcome, text in judgement.detail) == (outcome, True), judgement


def test_several_calls_are_answered() -> None:
    """Each call of a connection has its own answer, also if their frames come together."""
    server = GrpcServer()
    server.receive(PREFACE + frame(SETTINGS) + call("/a.B/C", b"one") + call("/a.B/D", b"two", stream=3))
    assert server.end(OVER).outcome is Outcome.ANSWERED
    assert [item.split("\r\n")[2] for item in server.end(OVER).head.split("\r\n\r\n")] == [
        ":path: /a.B/C",
        ":path: /a.B/D",
    ]


def test_a_request_that_is_no_call_is_not_understood() -> None:
    """An HTTP/2 request with another content-type gets status 415, and the server says what came."""
    server = GrpcServer()
    get = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/"), ("content-type", "text/html")]
    server.receive(PREFACE + frame(SETTINGS) + headers(get, end=True))
    judgement = server.end(OVER)
    assert judgement.outcome is Outcome.WRONG
    assert judgement.detail == "the client sent a request of '/' with content-type text/html, which is no call of gRPC"
    assert ":authority: x" in judgement.head


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (b"", []),
        (b"\0\0\0\0\0", [b""]),
        (b"\0\0\0\0\1a\0\0\0\0\2bc", [b"a", b"bc"]),
        (b"\0\0\0\0", None),
        (b"\0\0\0\0\2a", None),
    ],
)
def test_messages_have_a_prefix(body: bytes, messages: list[bytes] | None) -> None:
    """A body is a sequence of messages with five bytes before each; a part of one is no message."""
    assert messages_in(body) == messages
