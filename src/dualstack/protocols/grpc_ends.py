"""Both ends of a call of gRPC, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from dualstack.protocols.http2_ends import AnsweringEnd, RequestingEnd, request_head, status_of
from dualstack.protocols.http2_session import Headers, Message
from dualstack.protocols.judgement import Judgement, Outcome, show, show_pattern
from dualstack.protocols.texts import latin1

HEALTH_CHECK = "/grpc.health.v1.Health/Check"
"""The method of the standard health check."""

_SERVING = b"\x08\x01"  # HealthCheckResponse: status (field 1) SERVING
_PREFIX = 5  # bytes before a message: whether it is compressed, and its length
_OK, _UNIMPLEMENTED = "0", "12"
_HTTP_OK, _UNSUPPORTED_MEDIA = 200, "415"
_MOST_SEARCHED = 1 << 20  # bytes of a reply that an expression is tried on
_STATUS = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)


def framed(message: bytes) -> bytes:
    """Return a message with its prefix, not compressed."""
    return b"\0" + len(message).to_bytes(4) + message


def messages_in(body: bytes) -> list[bytes] | None:
    """Return the messages in a body; None if the last one is not complete."""
    found = []
    place = 0
    while place < len(body):
        start = place + _PREFIX
        place = start + int.from_bytes(body[place + 1 : start])
        if place > len(body) or start > len(body):
            return None
        found.append(body[start:place])
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client calls and expects.

    Attributes:
        method: The method, ``/package.Service/Method``; empty for the health check, which a server may not know.
        message: The message, in protobuf's encoding, as Latin-1 text.
        expect: The regular expression that the replies must contain; None for any reply.
    """

    method: str = ""
    message: str = ""
    expect: str | None = None


class GrpcClient(RequestingEnd):
    """One call. Its answer has grpc-status 0, and a reply that matches.

    Without a method of its manifest, it is the health check, and UNIMPLEMENTED is an answer too: it shows that a gRPC
    server, which has no health check, received the call.
    """

    def __init__(self, address: str, port: int, wanted: Wanted, *, secure: bool = False) -> None:
        """Build the call for a server at an address."""
        self._wanted = wanted
        self._method = wanted.method or HEALTH_CHECK
        more = [
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "dualstack"),
            ("grpc-accept-encoding", "identity"),
        ]
        head = [*request_head("POST", self._method, address, port, secure=secure), *more]
        super().__init__(head, framed(latin1(wanted.message)))

    def judge(self, answer: Message) -> Judgement:
        """Judge a response: its status, its type, grpc-status, and the reply."""
        status, kind = status_of(answer), answer.value("content-type")
        if status != _HTTP_OK or not kind.startswith("application/grpc"):
            found = f"its :status is {answer.value(':status') or 'missing'}, its content-type {kind or 'missing'}"
            return _wrong(f"it answers HTTP/2, but not gRPC: {found}", status)
        fields = dict([*answer.head, *answer.trailers])
        code = fields.get("grpc-status", "")
        named = f"grpc-status {code or 'missing'}"
        if code.isascii() and code.isdigit() and int(code) < len(_STATUS):
            named += f" ({_STATUS[int(code)]})"
        if code == _UNIMPLEMENTED and not self._wanted.method:
            return Judgement(Outcome.ANSWERED, f"a gRPC server without health check answers: {named}")
        if code != _OK:
            text = unquote(fields.get("grpc-message", ""))
            return _wrong(f"the call of {self._method} failed with {named}" + (f": {show(text)}" if text else ""))
        return self._judge_reply(bytes(answer.body))

    def _judge_reply(self, body: bytes) -> Judgement:
        """Judge the messages of a reply."""
        replies = messages_in(body)
        if not replies:
            missing = "has no message" if replies is not None else "is cut short"
            return _wrong(f"the reply of {self._method} {missing}")
        reply = b"".join(replies)
        expect = self._wanted.expect
        if expect is not None and not re.search(expect, reply[:_MOST_SEARCHED].decode("latin-1")):
            return _wrong(f"the reply {show(reply)} of {self._method} does not match {show_pattern(expect)}")
        return Judgement(Outcome.ANSWERED, f"the call of {self._method} was answered with {show(reply)}")


def _wrong(detail: str, status: int = 0) -> Judgement:
    """Return the judgement of a wrong answer."""
    return Judgement(Outcome.WRONG, detail, status)


class GrpcServer(AnsweringEnd):
    """A server that knows every method: it returns the messages of the call. It says that it is SERVING."""

    def __init__(self) -> None:
        """Start."""
        super().__init__()
        self._foreign = ""

    def answer(self, request: Message) -> tuple[Headers, bytes, Headers]:
        """See `AnsweringEnd`."""
        kind = request.value("content-type")
        if not kind.startswith("application/grpc"):
            self._foreign = f"a request of {show(request.value(':path'))} with content-type {kind or 'missing'}"
            return [(":status", _UNSUPPORTED_MEDIA)], b"", []
        head = [(":status", "200"), ("content-type", "application/grpc")]
        if encoding := request.value("grpc-encoding"):
            head.append(("grpc-encoding", encoding))
        is_check = request.value(":path") == HEALTH_CHECK
        return head, framed(_SERVING) if is_check else bytes(request.body), [("grpc-status", _OK)]

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Conversation`: a request of HTTP/2 that is no call is not understood."""
        judgement = super().end(why, closed=closed)
        if self._foreign:
            return Judgement(
                Outcome.WRONG, f"the client sent {self._foreign}, which is no call of gRPC", head=judgement.head
            )
        return judgement
