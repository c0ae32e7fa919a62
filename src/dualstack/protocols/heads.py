"""The head of an HTTP/1.1 message: its first line and headers, up to the blank line."""

import re

STATUS_LINE = re.compile(rb"HTTP/\d(\.\d)? [1-5]\d\d( [^\r\n]*)?\r?\n")
REQUEST_LINE = re.compile(rb"[!-~]+ [^\r\n]+ HTTP/\d\.\d *\r?\n")
KEPT_HEAD = 8 << 10
"""How many bytes of a request's head are reported."""

_METHOD = re.compile(rb"[A-Z]+( |\Z)")
_BLANK_LINE = b"\r\n\r\n"


def begins_like_a_request(data: bytes | bytearray) -> bool:
    """Return whether the first line is one of an HTTP request, or may become one."""
    return bool((REQUEST_LINE if b"\n" in data else _METHOD).match(data))


class Head:
    """The beginning of a stream, up to the blank line that ends a head.

    Attributes:
        data: What was received of the head, with its blank line.
        is_complete: Whether the blank line came.
    """

    def __init__(self, most: int) -> None:
        """Take up to ``most`` bytes."""
        self.data = bytearray()
        self.is_complete = False
        self._most = most

    def add(self, piece: bytes) -> bytes:
        """Take the next bytes; return those after the blank line, or none while it has not come."""
        searched = max(0, len(self.data) + 1 - len(_BLANK_LINE))
        self.data += piece
        end = self.data.find(_BLANK_LINE, searched)
        if end < 0:
            return b""
        self.is_complete = True
        rest = bytes(self.data[end + len(_BLANK_LINE) :])
        del self.data[end + len(_BLANK_LINE) :]
        return rest

    @property
    def is_too_long(self) -> bool:
        """Whether it has more bytes than are taken, or has that many and no blank line."""
        return len(self.data) >= self._most + self.is_complete

    @property
    def first_line(self) -> bytes | None:
        """The first line with its end; None while it is not complete."""
        line, end, _ = self.data.partition(b"\n")
        return bytes(line + end) if end else None

    @property
    def text(self) -> str:
        """What is reported of it, without the blank line, as Latin-1 text."""
        return bytes(self.data[:KEPT_HEAD]).removesuffix(_BLANK_LINE).decode("latin-1")
