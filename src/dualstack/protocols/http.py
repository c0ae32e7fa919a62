"""``http``: one ``GET /``, and whether its whole response was received (RFC 9112 §6.3); a server of one page."""

import json
import re
from collections.abc import Sequence
from functools import partial

import h11

from dualstack.families import endpoint
from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.heads import KEPT_HEAD, REQUEST_LINE, STATUS_LINE, begins_like_a_request
from dualstack.protocols.http_kept import KeptHttp
from dualstack.protocols.http_words import MOST_WORDS, words_of
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.response import Response
from dualstack.transport import Transport

_MOST_STATUS_LINE = 8 << 10  # bytes
_MOST_HEAD = 256 << 10  # bytes
_MOST_REQUEST = 64 << 10  # bytes of a request's head that are read
_REDIRECT = re.compile(r"(?:https?://[^/]*)?/redirect/(30[12378])/((?:[0-9a-f]{2})+)")
_ERROR = 500
"""A status from this one on means that a request is not served, unless the manifest lists it."""


class Http(Application):
    """The client sends ``GET /``. The server answers one request on each connection, with its client's address."""

    name = "http"
    traits = frozenset({Trait.ANSWERS, Trait.HTTP, Trait.KEEPS})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        make = partial(HttpClient, ask.host or ask.address, ask.port, ask.status, ask.send or "/", ask.fields)
        return KeptHttp(partial(make, keeps=True), ask.kept) if ask.kept else make()

    @classmethod
    def response(cls, received: bytes) -> Response | None:
        """See `Application`."""
        return response_in(received)

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return HttpServer(f"{peer}\n".encode())


class HttpClient:
    """``GET /``: the answer is a whole response with a status that counts as served. h11 detects its end."""

    def __init__(
        self,
        address: str,
        port: int,
        served: Sequence[str] = (),
        target: str = "/",
        fields: Sequence[tuple[str, str]] = (),
        *,
        keeps: bool = False,
    ) -> None:
        """Build the request for a server at an address (RFC 9112 §3.2: an IPv6 Host has brackets and no zone).

        Args:
            address: The address, or another host for the Host field.
            port: The port.
            served: The statuses that count as served, such as ``200`` or ``3xx``; none for all below 500.
            target: The path that is requested.
            fields: Further fields of the request.
            keeps: Whether the server may keep the connection; otherwise it is asked to close it.
        """
        host = endpoint(address.partition("%")[0], port)
        headers = [("Host", host), ("User-Agent", "dualstack"), ("Accept", "*/*")]
        headers += [] if keeps else [("Connection", "close")]
        headers += fields
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
        self._request = self._connection.send(h11.Request(method="GET", target=target, headers=headers)) or b""
        self._connection.send(h11.EndOfMessage())
        self._served = tuple(served)
        self._line: bytes | None = b""
        self._final: h11.Response | None = None
        self._size = self._received = 0
        self._begin = b""

    @property
    def is_whole(self) -> bool:
        """Whether a whole response has come."""
        return self._final is not None and self._connection.their_state in {h11.DONE, h11.MUST_CLOSE, h11.CLOSED}

    @property
    def is_kept(self) -> bool:
        """Whether a whole response has come after which the server keeps the connection (RFC 9112 §9.3)."""
        return self._connection.their_state is h11.DONE and self._connection.our_state is h11.DONE

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._request

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._received += len(data)
        if self._line is not None:
            self._line += data
            if b"\n" not in self._line and len(self._line) < _MOST_STATUS_LINE:
                return Turn()
            if not STATUS_LINE.match(self._line):
                return Turn(judgement=self._no_status_line())
            data, self._line = self._line, None
        return Turn(judgement=self._take(data))

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Conversation`: the end of the connection ends a body without a declared length."""
        if self._line is not None:
            return self._no_status_line() if self._line else Judgement(Outcome.SILENT, f"no answer: {why}")
        judgement = self._take(b"", why) if closed else None
        if judgement is not None:
            return judgement
        return self._wrong(self._cut(why))

    def _take(self, data: bytes, why: str = "") -> Judgement | None:
        """Give data to h11, or none at the end of the connection; return the judgement if the response is complete."""
        try:
            self._connection.receive_data(data)
            while True:
                event = self._connection.next_event()
                if isinstance(event, h11.Response):
                    self._final = event
                elif isinstance(event, h11.Data):
                    self._size += len(event.data)
                    self._begin = (self._begin + event.data)[: MOST_WORDS + 1]
                elif isinstance(event, h11.EndOfMessage):
                    return self._whole()
                elif not isinstance(event, h11.InformationalResponse):
                    return None
        except (
            h11.RemoteProtocolError,
            ValueError,
        ) as error:  # before h11 0.16 a number that is too long is a ValueError
            return self._wrong(self._cut(why) if why else f"the answer is no HTTP response: {error}")

    def _whole(self) -> Judgement:
        """Judge the status of a complete response."""
        assert self._final is not None  # noqa: S101 - h11 reports the response before its end
        status, line = self._final.status_code, self._status_line
        if is_served(status, self._served):
            excess = len(self._connection.trailing_data[0])
            after = f"; {excess} bytes after its end do not belong to it" if excess else ""
            words = words_of(status, self._begin)
            detail = f"the answer's status line is {line}, its body has {self._size} bytes{words}{after}"
            return Judgement(Outcome.ANSWERED, detail, status, length=self._received - excess)
        allowed = as_in_manifests(self._served) if self._served else f"a status below {_ERROR}"
        words = words_of(status, self._begin, "; its body is")
        return self._wrong(f"the answer's status line is {line}: it is not served, which takes {allowed}{words}")

    def _cut(self, why: str) -> str:
        """Describe what is missing of an incomplete response."""
        if self._final is None:
            return f"the answer ends before the blank line that ends its header: {why}"
        headers = dict(self._final.headers)
        length = headers.get(b"content-length", b"").decode("ascii")
        begun = f"the answer {self._status_line} is cut short"
        if b"transfer-encoding" in headers:
            return f"{begun}: after {self._size} bytes of its body the last chunk is missing: {why}"
        if length:
            return f"{begun}: {self._size} of the {length} bytes of its body came: {why}"
        return f"{begun}: without Content-Length its body ends with the connection, but after {self._size} bytes {why}"

    @property
    def _status_line(self) -> str:
        """The status line of the final response, quoted for a sentence."""
        final = self._final
        assert final is not None  # noqa: S101 - used only after it was received
        return show(b"HTTP/%s %d %s" % (final.http_version, final.status_code, final.reason)).replace(" '", "'")

    def _wrong(self, detail: str) -> Judgement:
        """Return the judgement of a wrong answer."""
        return Judgement(Outcome.WRONG, detail, self._final.status_code if self._final else 0)

    def _no_status_line(self) -> Judgement:
        """Return that the answer is not HTTP."""
        return self._wrong(f"the answer {show(self._line or b'')} does not begin with an HTTP status line")


def response_in(received: bytes) -> Response | None:
    """Return the final response in what a client that sent ``GET`` has received; None if it holds no whole head."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "")]))
    connection.send(h11.EndOfMessage())
    final, body = None, b""
    try:
        connection.receive_data(received)
        while not isinstance(event := connection.next_event(), h11.EndOfMessage | type):
            if isinstance(event, h11.Response):
                final = event
            elif isinstance(event, h11.Data):
                body += event.data
    except (h11.RemoteProtocolError, ValueError):
        pass
    if final is None:
        return None
    fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in final.headers)
    return Response(final.status_code, fields, body)


def is_served(status: int, served: Sequence[str]) -> bool:
    """Return whether a status counts as served: as one of ``served`` (``200``, ``3xx``), or without them below 500."""
    if not served:
        return status < _ERROR
    return str(status) in served or f"{status // 100}xx" in served


def as_in_manifests(served: Sequence[str]) -> str:
    """Return the statuses that count as served as a manifest writes them: ``status = [200, "3xx"]``."""
    shown = [one if one.isdigit() else json.dumps(one) for one in served]
    return f"status = [{', '.join(shown)}]"


def redirect_path(status: int, location: str) -> str:
    """Return the path that the server answers with a redirect to ``location``."""
    return f"/redirect/{status}/{location.encode().hex()}"


def redirection(path: str) -> tuple[str, str]:
    """Return the status and the Location header of the answer to a request for ``path``; the header may be empty."""
    found = _REDIRECT.fullmatch(path)
    if found is None:
        return "200 OK", ""
    return f"{found[1]} Elsewhere", f"Location: {bytes.fromhex(found[2]).decode()}\r\n"


class HttpServer:
    """One response to one request, after the request's head; then the connection is closed."""

    def __init__(self, body: bytes) -> None:
        """Answer with ``body``, to HEAD without it."""
        self._body = body
        self._request = bytearray()
        self._head: bytes | None = None

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`. A head that is too long is answered too."""
        searched = max(0, len(self._request) - 3)
        self._request += data
        end = self._request.find(b"\r\n\r\n", searched)
        if end < 0 and len(self._request) < _MOST_REQUEST:
            return Turn()
        head = bytes(self._request[: end if end >= 0 else None])
        self._head = head
        return Turn(self._response(head), close=True)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if not self._request:
            return Judgement(Outcome.SILENT, "the client sent nothing")
        if self._head is not None:
            return self._judge(self._head)
        sent = show(bytes(self._request[:KEPT_HEAD]))
        if begins_like_a_request(self._request):
            return Judgement(Outcome.SILENT, f"the client sent {sent}, which is no complete HTTP request")
        return Judgement(Outcome.WRONG, f"the client sent {sent}, which is no HTTP request")

    def _response(self, head: bytes) -> bytes:
        """Return the response to a request."""
        words = head.split(b" ", 2)
        status, location = redirection(words[1].decode("latin-1") if len(words) > 1 else "")
        fields = (
            f"HTTP/1.1 {status}\r\n{location}Content-Type: text/plain\r\nContent-Length: {len(self._body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return fields.encode() + (b"" if head.startswith(b"HEAD ") else self._body)

    def _judge(self, head: bytes) -> Judgement:
        """Return whether the head is one of an HTTP request."""
        kept = head[:KEPT_HEAD].decode("latin-1")
        if REQUEST_LINE.match(head + b"\r\n"):
            return Judgement(Outcome.ANSWERED, f"the client requested {show(kept)}", head=kept)
        return Judgement(Outcome.WRONG, f"the client sent {show(kept)}, which is no HTTP request", head=kept)
