"""Messages of a start line, header fields and a body, as in RTSP and SIP, read piece by piece."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dualstack.counting import count
from dualstack.protocols.judgement import Judgement, Outcome

_KEPT_HEAD = 8 << 10  # bytes of the first request's head that are reported
_MOST_HEAD = 64 << 10  # bytes of the start line and the fields
_MOST_BODY = 1 << 20
_LENGTHS = frozenset({"content-length", "l"})  # the short form is SIP's
_FRAME = ord("$")
_FRAME_HEAD = 4  # the dollar sign, the channel and two bytes for the size


class FormatError(Exception):
    """The bytes are no such message; the text says what is wrong, after "which"."""


@dataclass(frozen=True, slots=True)
class Message:
    """One request or response.

    Attributes:
        line: Its start line.
        fields: Its header fields, names in lower case, in their order.
        body: Its body.
    """

    line: str
    fields: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    def all(self, *names: str) -> list[str]:
        """Return the values of the fields with one of these names (lower case), in their order."""
        return [value for name, value in self.fields if name in names]

    def field(self, *names: str) -> str:
        """Return the first value of the fields with one of these names (lower case); empty if there is none."""
        return next(iter(self.all(*names)), "")

    def status(self, protocol: str) -> int:
        """Return the status if it is a response of ``protocol``, such as ``RTSP``; 0 if it is none."""
        version, _, rest = self.line.partition(" ")
        code = rest[:3]
        is_status = len(code) == 3 and code.isascii() and code.isdigit() and code[0] in "123456"  # noqa: PLR2004 - digits
        return int(code) if version.startswith(f"{protocol}/") and is_status else 0


@dataclass(frozen=True, slots=True)
class Frame:
    """Binary data between RTSP's messages (RFC 7826 §14), such as one RTP packet."""

    channel: int
    data: bytes


class Messages:
    """Finds the messages in what is received; each byte is searched once, and memory is bounded."""

    def __init__(self, line: re.Pattern[bytes] | None = None, *, frames: bool = False) -> None:
        """Start with nothing.

        Args:
            line: What every start line must match; None for no restriction.
            frames: Whether binary data may stand between messages.
        """
        self._buffer = bytearray()
        self._line = line
        self._searched = 0
        self._checked = False  # the start line of the message that is being read
        self._head: Message | None = None
        self._size = 0
        self._frames = frames

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._buffer += data

    @property
    def rest(self) -> bytes:
        """What belongs to no complete message yet."""
        return self._head.line.encode("latin-1") if self._head is not None else bytes(self._buffer)

    def next(self) -> Message | Frame | None:
        """Return the next message or frame; None if there is no complete one.

        Raises:
            FormatError: The bytes are no message, or it is too long.
        """
        if self._head is None:
            self._drop_blank_lines()
            if self._frames and self._buffer[:1] == b"$":
                return self._take_frame()
            self._head = self._take_head()
        if self._head is None or len(self._buffer) < self._size:
            return None
        found = Message(self._head.line, self._head.fields, self._take(self._size))
        self._head = None
        return found

    def _take(self, size: int) -> bytes:
        """Move bytes out of the buffer."""
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._searched, self._checked = 0, False
        return taken

    def _drop_blank_lines(self) -> None:
        """Ignore line ends before a start line (RFC 7826 §5, RFC 3261 §7.5)."""
        blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
        if blank:
            self._take(blank)

    def _take_frame(self) -> Frame | None:
        """Move a complete frame out of the buffer."""
        size = _FRAME_HEAD + int.from_bytes(self._buffer[2:_FRAME_HEAD])
        if len(self._buffer) < _FRAME_HEAD or len(self._buffer) < size:
            return None
        frame = self._take(size)
        return Frame(frame[1], frame[_FRAME_HEAD:])

    def _check_line(self) -> None:
        """Check the start line once it is complete.

        Raises:
            FormatError: It is none of the protocol.
        """
        end = -1 if self._checked else self._buffer.find(b"\n", self._searched)
        if end >= 0:
            self._checked = True
            if self._line is not None and not self._line.fullmatch(self._buffer[:end].removesuffix(b"\r")):
                raise FormatError(f"begins with {self._buffer[:60].decode('latin-1')!r}")

    def _take_head(self) -> Message | None:
        """Move a complete head out of the buffer."""
        self._check_line()
        end = self._buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - 3)
        if max(end, self._searched) > _MOST_HEAD:
            raise FormatError(f"has no blank line in its first {_MOST_HEAD >> 10} KiB")
        if end < 0:
            return None
        head = _read_head(self._take(end + 4)[:-4].decode("latin-1"))
        self._size = _length_of(head)
        return head


def _read_head(text: str) -> Message:
    """Return a message without its body.

    Raises:
        FormatError: A line is no header field.
    """
    line, *rest = text.split("\r\n")
    fields: list[tuple[str, str]] = []
    for item in rest:
        name, colon, value = item.partition(":")
        if item[:1] in {" ", "\t"} and fields:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {item.strip()}")
        elif colon and name.strip():
            fields.append((name.strip().lower(), value.strip()))
        else:
            raise FormatError(f"has the line {item[:40]!r}, which is no header field")
    return Message(line, tuple(fields))


def _length_of(head: Message) -> int:
    """Return the size of the body.

    Raises:
        FormatError: It is no number, or too large.
    """
    text = head.field(*_LENGTHS) or "0"
    if not (text.isascii() and text.isdigit() and len(text) < len(str(_MOST_BODY)) + 1 and int(text) <= _MOST_BODY):
        raise FormatError(f"has the Content-Length {text[:40]!r}; expected a number up to {_MOST_BODY}")
    return int(text)


def read_all(received: bytes, *, frames: bool = False) -> list[Message]:
    """Return the complete messages at the beginning of what was received, up to what is none."""
    reader, found = Messages(frames=frames), list[Message]()
    reader.add(received)
    try:
        while (item := reader.next()) is not None:
            if isinstance(item, Message):
                found.append(item)
    except FormatError:
        pass
    return found


@dataclass(slots=True)
class Requests:
    """What a server has been sent, for its judgement.

    Attributes:
        count: How many requests it has taken.
        head: The start line and the header fields of the first one.
        fault: What it did not understand first; empty if nothing.
    """

    count: int = 0
    head: str = ""
    fault: str = ""

    def take(self, request: Message) -> None:
        """Count a request, and keep the head of the first one."""
        self.count += 1
        fields = "".join(f"{name}: {value}\r\n" for name, value in request.fields)
        self.head = self.head or f"{request.line}\r\n{fields}"[:_KEPT_HEAD]

    def refuse(self, fault: str) -> None:
        """Keep what is not understood, unless something else was before."""
        self.fault = self.fault or fault

    def judged(self, *, partial: bool) -> Judgement:
        """Return the judgement of what the client sent; ``partial``: whether its last request is not complete."""
        if self.fault:
            return Judgement(Outcome.WRONG, f"the client sent {self.fault}", head=self.head)
        if partial:
            return Judgement(Outcome.SILENT, "the client sent a request that is not complete", head=self.head)
        if not self.count:
            return Judgement(Outcome.SILENT, "the client sent nothing")
        return Judgement(Outcome.ANSWERED, f"the client sent {count(self.count, 'request')}", head=self.head)
