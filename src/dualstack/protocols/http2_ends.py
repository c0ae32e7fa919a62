"""Both ends of a connection of HTTP/2: one request and its response; a server that answers every request."""

from collections.abc import Sequence
from dataclasses import replace

from dualstack.counting import count
from dualstack.families import endpoint
from dualstack.protocols.conversation import Turn
from dualstack.protocols.http import as_in_manifests, is_served
from dualstack.protocols.http2_session import Broken, Headers, Message, Session
from dualstack.protocols.http_words import words_of
from dualstack.protocols.judgement import Judgement, Outcome, placed, show

_KEPT_HEADS = 8 << 10  # characters of the requests' heads that are reported, of the last requests
_FIRST, _STEP = 1, 2
"""The stream of a client's first request, and the distance to the next one (RFC 9113 §5.1.1)."""


def request_head(method: str, path: str, address: str, port: int, *, secure: bool) -> Headers:
    """Return the pseudo-header fields of a request; an IPv6 address in :authority has brackets and no zone."""
    return [
        (":method", method),
        (":scheme", "https" if secure else "http"),
        (":authority", endpoint(address.partition("%")[0], port)),
        (":path", path),
    ]


class RequestingEnd:
    """A client that sends one request and judges its response; how, a subclass decides."""

    def __init__(self, head: Headers, body: bytes = b"", kept: int = 0) -> None:
        """Prepare the request.

        Args:
            head: Its header fields.
            body: Its body.
            kept: How many times it is sent on the connection, each after the answer before it; 0 for once, without a
                count of the answers.
        """
        self._session = Session(client=True)
        self._head, self._body = head, body
        self._session.request(head, body)
        self._kept, self._answers, self._call = kept, 0, _FIRST
        self._judged: Judgement | None = None
        self._something = False

    def judge(self, answer: Message) -> Judgement:
        """Return the judgement of a complete response."""
        raise NotImplementedError

    def start(self) -> bytes:
        """See `Conversation`: the preface, the settings and the request at once (RFC 9113 §3.4)."""
        return self._session.sent()

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        if self._judged is None:
            self._something = self._something or bool(data)
            self._judged = self._take(data)
        return Turn(self._session.sent(), self._judged)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._judged is not None:
            return self._judged
        if not self._something:
            return self._counted(Judgement(Outcome.SILENT, f"no answer: {why}"))
        if not self._session.begun:
            what = f"the answer {show(self._session.fragment())} is no whole SETTINGS frame of HTTP/2"
            return self._counted(_wrong(f"{what}: {why}"))
        after = f"{self._session.goaway} and " if self._session.goaway else ""
        partly = ", or only a part of one" if self._call in self._session.open else ""
        return self._counted(_wrong(f"it speaks HTTP/2, but sent {after}no answer to the request{partly}: {why}"))

    def _take(self, data: bytes) -> Judgement | None:
        """Take bytes; return the judgement once the response is complete, or cannot come."""
        try:
            for message in self._session.take(data):
                if message.stream == self._call:
                    if judgement := self._answered(message):
                        return judgement
                elif self._session.goaway and self._session.last < self._call:
                    return self._counted(_wrong(f"it refused the request: {self._session.goaway}"))
        except Broken as error:
            return self._counted(_wrong(f"it sent {error}"))
        return None

    def _answered(self, message: Message) -> Judgement | None:
        """Return the judgement of a response; None if the request is sent once more."""
        if message.reset:
            return self._counted(_wrong(f"it reset the request: RST_STREAM with {message.reset}"))
        judgement = self._counted(self.judge(message), whole=True)
        self._answers += 1
        if judgement.outcome is not Outcome.ANSWERED or self._answers >= self._kept:
            return judgement
        if self._session.goaway:
            return replace(judgement, detail=f"{judgement.detail}; the connection is not kept")
        self._call += _STEP
        self._session.request(self._head, self._body)
        return None

    def _counted(self, judgement: Judgement, *, whole: bool = False) -> Judgement:
        """Return the judgement of the last request; with its place on a connection that is to be kept."""
        return placed(judgement, self._answers, whole=whole) if self._kept else judgement


class Http2Client(RequestingEnd):
    """``GET`` of a path: the answer is a whole response with a status that counts as served."""

    def __init__(
        self,
        address: str,
        port: int,
        served: Sequence[str] = (),
        path: str = "/",
        *,
        secure: bool = False,
        kept: int = 0,
    ) -> None:
        """Build the request for a server at an address; ``served`` and ``kept`` as for HTTP/1.1."""
        self._served = tuple(served)
        more = [("user-agent", "dualstack"), ("accept", "*/*")]
        super().__init__([*request_head("GET", path, address, port, secure=secure), *more], kept=kept)

    def judge(self, answer: Message) -> Judgement:
        """Judge the status of a response."""
        status = status_of(answer)
        if status and is_served(status, self._served):
            size, words = len(answer.body), words_of(status, answer.body)
            detail = f"the answer's :status is {status}, its body has {size} bytes{words}"
            return Judgement(Outcome.ANSWERED, detail, status)
        allowed = as_in_manifests(self._served) if self._served else "a status below 500"
        found = answer.value(":status") or "missing"
        return Judgement(
            Outcome.WRONG, f"the answer's :status is {found}: it is not served, which takes {allowed}", status
        )


def status_of(answer: Message) -> int:
    """Return the status of a response; 0 if it is no number of three digits."""
    text = answer.value(":status")
    return int(text) if len(text) == len("200") and text.isascii() and text.isdigit() else 0


def _wrong(detail: str) -> Judgement:
    """Return the judgement of a wrong answer."""
    return Judgement(Outcome.WRONG, detail)


class AnsweringEnd:
    """A server that answers each request; what, a subclass decides."""

    def __init__(self) -> None:
        """Start with the settings."""
        self._session = Session(client=False)
        self._heads: list[str] = []
        self._answered = self._reset = 0
        self._broken = ""
        self._received = False

    def answer(self, request: Message) -> tuple[Headers, bytes, Headers]:
        """Return the answer to a request: header fields, body, and trailers."""
        raise NotImplementedError

    def start(self) -> bytes:
        """See `Conversation`: the server's settings, which it sends first (RFC 9113 §3.4)."""
        return self._session.sent()

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._received = self._received or bool(data)
        if self._broken:
            return Turn(close=True)
        try:
            for request in self._session.take(data):
                self._note(request)
                if request.reset:
                    self._reset += 1
                elif request.stream:
                    self._session.respond(request, *self.answer(request))
                    self._answered += 1
        except Broken as error:
            self._broken = str(error)
        return Turn(self._session.sent(), close=bool(self._broken))

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._broken:
            return self._judge(Outcome.WRONG, f"the client sent {self._broken}")
        if not self._session.begun:
            sent = (
                f"{show(self._session.fragment())}, which is no whole preface of HTTP/2"
                if self._received
                else "nothing"
            )
            return self._judge(Outcome.SILENT, f"the client sent {sent}")
        if self._answered and not self._session.open:
            return self._judge(Outcome.ANSWERED, f"the client sent {count(self._answered, 'request')}")
        if self._session.open or self._reset:
            return self._judge(Outcome.SILENT, "the client sent a request that is not complete")
        return self._judge(Outcome.SILENT, "the client sent the preface of HTTP/2 and no request")

    def _note(self, request: Message) -> None:
        """Keep the head of a request."""
        if not request.head:
            return
        first = sorted(request.head, key=lambda item: item[0] != ":method")
        head = "\r\n".join(f"{name}: {value}" for name, value in first)
        self._heads.append(head[:_KEPT_HEADS])
        while sum(map(len, self._heads)) > _KEPT_HEADS:
            self._heads.pop(0)

    def _judge(self, outcome: Outcome, detail: str) -> Judgement:
        """Return a judgement with the heads of the requests, of which an empty line is the end."""
        return Judgement(outcome, detail, head="\r\n\r\n".join(self._heads))


class Http2Server(AnsweringEnd):
    """The same page for every request."""

    def __init__(self, page: bytes) -> None:
        """Answer with ``page``, to HEAD without it."""
        super().__init__()
        self._page = page

    def answer(self, request: Message) -> tuple[Headers, bytes, Headers]:
        """See `AnsweringEnd`."""
        head = [(":status", "200"), ("content-type", "text/plain"), ("content-length", str(len(self._page)))]
        return head, b"" if request.value(":method") == "HEAD" else self._page, []
