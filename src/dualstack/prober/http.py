"""An HTTP/1.1 client: one ``GET /``, and whether its whole response was received (RFC 9112 §6.3)."""

import re
from collections.abc import Sequence

import h11

from dualstack.families import endpoint
from dualstack.prober.answers import Judgement, Reader, show
from dualstack.prober.messages import Outcome

_STATUS_LINE = re.compile(rb"HTTP/\d(\.\d)? [1-5]\d\d( [^\r\n]*)?\r?\n")
_MOST_STATUS_LINE = 8 << 10  # bytes
_MOST_HEAD = 256 << 10  # bytes
_ERROR = 500
"""A status from this one on means that a request is not served, unless the manifest lists it."""


class Http:
    """``GET /``: the answer is a whole response with a status that counts as served.

    Attributes:
        request: What is sent.
    """

    def __init__(self, address: str, port: int, served: Sequence[str] = ()) -> None:
        """Build the request for a server at an address (RFC 9112 §3.2: an IPv6 Host has brackets and no zone).

        Args:
            address: The address.
            port: The port.
            served: The statuses that count as served, such as ``200`` or ``3xx``; none for all below 500.
        """
        host = endpoint(address.partition("%")[0], port)
        headers = [("Host", host), ("User-Agent", "dualstack"), ("Accept", "*/*"), ("Connection", "close")]
        self._event = h11.Request(method="GET", target="/", headers=headers)
        self._served = tuple(served)
        self.request = h11.Connection(h11.CLIENT).send(self._event) or b""

    def reader(self) -> Reader:
        """See `Dialogue`."""
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
        connection.send(self._event)
        connection.send(h11.EndOfMessage())
        return _Response(connection, self._served)


class _Response:
    """The reader of a response; h11 detects its end."""

    def __init__(self, connection: h11.Connection, served: Sequence[str]) -> None:
        """Start with an empty response."""
        self._connection, self._served = connection, served
        self._line: bytes | None = b""
        self._final: h11.Response | None = None
        self._size = 0

    def feed(self, data: bytes) -> Judgement | None:
        """See `Reader`."""
        if self._line is not None:
            self._line += data
            if b"\n" not in self._line and len(self._line) < _MOST_STATUS_LINE:
                return None
            if not _STATUS_LINE.match(self._line):
                return self._no_status_line()
            data, self._line = self._line, None
        return self._take(data)

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Reader`: the end of the connection ends a body without a declared length."""
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
            return Judgement(
                Outcome.ANSWERED, f"the answer's status line is {line}, its body has {self._size} bytes", status
            )
        allowed = f"status = {list(self._served)}" if self._served else f"a status below {_ERROR}"
        return self._wrong(f"the answer's status line is {line}: it is not served, which takes {allowed}")

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


def is_served(status: int, served: Sequence[str]) -> bool:
    """Return whether a status counts as served: as one of ``served`` (``200``, ``3xx``), or without them below 500."""
    if not served:
        return status < _ERROR
    return str(status) in served or f"{status // 100}xx" in served
