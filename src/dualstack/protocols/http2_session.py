"""One connection of HTTP/2 (RFC 9113) on the library h2, for both ends of `http2` and `grpc`.

The library takes one whole frame at a time. So how the bytes are split changes neither what is sent nor what is judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from dualstack.protocols.judgement import show

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEAD = 9  # bytes: length, type, flags and stream (RFC 9113 §4.1)
_MOST_FRAME = 16_384  # bytes of a frame's payload, as our settings allow
_SETTINGS, _GOAWAY = 4, 7  # types of frames
_GOAWAY_HEAD = 8  # bytes: the last stream and the error code
_MOST_KEPT = 4 << 20  # bytes of all bodies that are not answered yet

Headers = list[tuple[str, str]]


class Broken(Exception):
    """The other end does not speak HTTP/2, or makes an error; the text says what it sent."""


@dataclass(slots=True)
class Message:
    """A request or a response.

    Attributes:
        stream: The number of its stream.
        head: Its header fields, pseudo-header fields first, as they came.
        body: Its body.
        trailers: The header fields after its body.
        reset: The error code of RST_STREAM, if the other end reset the stream; empty otherwise.
    """

    stream: int
    head: Headers = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    trailers: Headers = field(default_factory=list)
    reset: str = ""

    def value(self, name: str) -> str:
        """Return the value of a header field; empty without it."""
        return next((value for key, value in self.head if key == name), "")


class Session:
    """One end of a connection.

    Attributes:
        begun: Whether the other end's preface has arrived: it speaks HTTP/2.
        goaway: What a GOAWAY frame said; empty before one.
        last: The last stream that it accepts, from GOAWAY.
        open: The messages that are not complete.
    """

    def __init__(self, *, client: bool) -> None:
        """Prepare the preface and the settings; `sent` returns them."""
        self.begun = False
        self.goaway, self.last = "", 0
        self.open: dict[int, Message] = {}
        self._client = client
        self._rest = bytearray()
        self._kept = 0
        self._outbox: dict[int, tuple[bytearray, Headers]] = {}
        # The checks of the library would hide what a client sends; what is wrong with it is judged later.
        config = H2Configuration(client_side=client, header_encoding=False, validate_inbound_headers=False)
        self._h2 = H2Connection(config)
        if client:
            self._h2.local_settings = Settings(client=True, initial_values={SettingCodes.ENABLE_PUSH: 0})
        self._h2.initiate_connection()

    def sent(self) -> bytes:
        """Return what is to be sent now; it is returned once."""
        return self._h2.data_to_send()

    def request(self, head: Headers, body: bytes) -> None:
        """Send a request; a client sends the next one after its answer."""
        stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream, head, end_stream=not body)
        if body:
            self._send_body(stream, body, [])

    def respond(self, message: Message, head: Headers, body: bytes, trailers: Headers) -> None:
        """Answer a request, as far as the client's windows allow; the rest follows when they do."""
        try:
            self._h2.send_headers(message.stream, head, end_stream=not (body or trailers))
        except H2Error:  # its client has reset it
            return
        if body or trailers:
            self._send_body(message.stream, body, trailers)

    def take(self, data: bytes) -> Iterator[Message]:
        """Take the next bytes; yield each message when it is complete or reset, and one of stream 0 for GOAWAY.

        Raises:
            Broken: What came is not HTTP/2.
        """
        self._rest += data
        while (frame := self._next_frame()) is not None:
            if self.begun and frame[3] == _GOAWAY and len(frame) >= _FRAME_HEAD + _GOAWAY_HEAD:
                self._note_goaway(frame)  # after it, the library would refuse the answers that may still come
                yield Message(0)
                continue
            self.begun = True
            try:
                events = self._h2.receive_data(frame)
                finished = [*self._handle(events)]
                self._send_bodies()
            except (H2Error, ValueError, LookupError, TypeError, AttributeError) as error:
                raise Broken(f"an error of HTTP/2: {error}") from error
            yield from finished

    def fragment(self) -> bytes:
        """Return what came after the last whole frame."""
        return bytes(self._rest)

    def _next_frame(self) -> bytes | None:
        """Return the next whole frame, or the client's preface; None while it is not complete.

        Raises:
            Broken: What came cannot be the beginning of one.
        """
        rest = self._rest
        if not self.begun and not self._client:
            self._require_preface(rest)
            return self._cut(len(_PREFACE))
        if len(rest) < _FRAME_HEAD:
            self._require_text_to_end(rest)
            return None
        if not self.begun and (rest[3] != _SETTINGS or rest[0]):
            self._require_text_to_end(rest)
            if len(rest) >= len(_PREFACE):
                raise Broken(
                    f"{show(bytes(rest[: len(_PREFACE)]))}, which does not begin with SETTINGS (RFC 9113 §3.4)"
                )
            return None
        size = int.from_bytes(rest[:3])
        if size > _MOST_FRAME:
            raise Broken(f"a frame of {size} bytes; the settings allow {_MOST_FRAME} (RFC 9113 §4.2)")
        return self._cut(_FRAME_HEAD + size)

    def _require_preface(self, rest: bytearray) -> None:
        """Refuse what is not the beginning of a client's preface, once there is a line or enough bytes of it.

        Raises:
            Broken: It is something else.
        """
        begin = bytes(rest[: len(_PREFACE)])
        if _PREFACE.startswith(begin):
            return
        self._require_text_to_end(rest)
        if len(begin) == len(_PREFACE):
            raise Broken(f"{show(begin)}, which is not the preface of HTTP/2 (RFC 9113 §3.4)")

    def _require_text_to_end(self, rest: bytearray) -> None:
        """Refuse a first line of text; a sentence can show the whole line.

        Raises:
            Broken: There is one.
        """
        end = rest.find(b"\n", 0, len(_PREFACE))
        if not self.begun and end >= 0 and rest[:end].strip().isascii() and rest[0] >= 0x20:  # noqa: PLR2004
            raise Broken(f"{show(bytes(rest[: end + 1]))}, which is not HTTP/2")

    def _cut(self, size: int) -> bytes | None:
        """Remove and return the next bytes; None while there are fewer."""
        if len(self._rest) < size:
            return None
        cut = bytes(self._rest[:size])
        del self._rest[:size]
        return cut

    def _note_goaway(self, frame: bytes) -> None:
        """Keep what a GOAWAY frame says (RFC 9113 §6.8)."""
        payload = frame[_FRAME_HEAD:]
        self.last = int.from_bytes(payload[:4]) & 0x7FFFFFFF
        text = payload[_GOAWAY_HEAD:].decode("latin-1")
        self.goaway = f"GOAWAY with {_name(int.from_bytes(payload[4:8]))}" + (f" ({show(text)})" if text else "")

    def _handle(self, events: list[Event]) -> Iterator[Message]:
        """Note what the events say; yield the messages that are complete."""
        for event in events:
            if isinstance(event, RequestReceived | ResponseReceived):
                self._message(event.stream_id).head = _texts(event.headers)
            elif isinstance(event, TrailersReceived):
                self._message(event.stream_id).trailers = _texts(event.headers)
            elif isinstance(event, DataReceived):
                self._take_body(event)
            elif isinstance(event, StreamEnded):
                yield self._close(event.stream_id)
            elif isinstance(event, StreamReset):
                message = self._close(event.stream_id)
                message.reset = _name(int(event.error_code or 0))
                self._outbox.pop(event.stream_id, None)
                yield message

    def _message(self, stream: int | None) -> Message:
        """Return the message of a stream, which may be new."""
        return self.open.setdefault(stream or 0, Message(stream or 0))

    def _close(self, stream: int | None) -> Message:
        """Return a message that is complete; it is forgotten."""
        message = self.open.pop(stream or 0, None) or Message(stream or 0)
        self._kept -= len(message.body)
        return message

    def _take_body(self, event: DataReceived) -> None:
        """Keep a part of a body, and allow the other end to send as much again.

        Raises:
            Broken: The bodies are too long.
        """
        self._message(event.stream_id).body += event.data or b""
        self._kept += len(event.data or b"")
        if self._kept > _MOST_KEPT:
            raise Broken(f"more than {_MOST_KEPT >> 20} MiB at once")
        if event.flow_controlled_length:
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id or 0)

    def _send_body(self, stream: int, body: bytes, trailers: Headers) -> None:
        """Send a body and the header fields after it, or their beginning."""
        self._outbox[stream] = (bytearray(body), trailers)
        self._send_bodies()

    def _send_bodies(self) -> None:
        """Send of all bodies what the windows allow."""
        for stream, (body, trailers) in [*self._outbox.items()]:
            try:
                self._send_one(stream, body, trailers)
            except H2Error:  # the other end has closed the stream
                body.clear()
            if not body:
                del self._outbox[stream]

    def _send_one(self, stream: int, body: bytearray, trailers: Headers) -> None:
        """Send of one body what the windows allow; then, after its end, the trailers."""
        h2 = self._h2
        while body and (size := min(h2.local_flow_control_window(stream), h2.max_outbound_frame_size, len(body))) > 0:
            is_last = size == len(body) and not trailers
            h2.send_data(stream, bytes(body[:size]), end_stream=is_last)
            del body[:size]
        if not body and trailers:
            h2.send_headers(stream, trailers, end_stream=True)


def _texts(headers: object) -> Headers:
    """Return header fields as Latin-1 text."""
    pairs = headers if isinstance(headers, list) else []
    return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in pairs]


def _name(code: int) -> str:
    """Return the name of an error code (RFC 9113 §7)."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code}"
