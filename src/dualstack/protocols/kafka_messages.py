"""The messages of Kafka: frames, and fields of a fixed form; for both ends of `dualstack.protocols.kafka`."""

import struct
from collections.abc import Callable
from typing import TypeVar

from dualstack.protocols.judgement import show

_SIZE = 4  # bytes of the size before each message
_TLS_ALERT, _TLS_HANDSHAKE = b"\x15\x03", b"\x16\x03"

_Item = TypeVar("_Item")


class Damaged(ValueError):
    """These bytes are no Kafka message; the text says why."""


class Frames:
    """The messages in what was received, in pieces of any size.

    Attributes:
        rest: What was received of the message that is not complete.
    """

    def __init__(self, most: int) -> None:
        """Take messages of up to ``most`` bytes."""
        self.rest = bytearray()
        self._most = most

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        self.rest += data

    def next(self) -> bytes | None:
        """Return the next complete message; None if more must come.

        Raises:
            Damaged: No message has this size.
        """
        if len(self.rest) < _SIZE:
            return None
        size = int.from_bytes(self.rest[:_SIZE], "big", signed=True)
        if not 0 < size <= self._most:
            raise Damaged(_what_else(bytes(self.rest[:_SIZE]), size))
        if len(self.rest) < _SIZE + size:
            return None
        message = bytes(self.rest[_SIZE : _SIZE + size])
        del self.rest[: _SIZE + size]
        return message


class Reader:
    """The fields of a message, one after the other; each method raises `Damaged` if the message ends before it."""

    def __init__(self, message: bytes) -> None:
        """Read from the beginning."""
        self._message, self._place = message, 0

    def short(self) -> int:
        """Return the next number of 2 bytes."""
        return int.from_bytes(self._take(2), "big", signed=True)

    def number(self) -> int:
        """Return the next number of 4 bytes."""
        return int.from_bytes(self._take(4), "big", signed=True)

    def text(self) -> bytes | None:
        """Return the next text in UTF-8, which may be null."""
        size = self.short()
        return None if size < 0 else self._take(size)

    def array(self, item: Callable[[], _Item]) -> list[_Item]:
        """Return the next array, whose items ``item`` reads; null is an empty one."""
        return [item() for _ in range(self.number())]

    def _take(self, size: int) -> bytes:
        """Return the next bytes."""
        place, self._place = self._place, self._place + size
        if self._place > len(self._message):
            raise Damaged(f"it ends after {len(self._message)} bytes, inside a field")
        return self._message[place : self._place]


def framed(message: bytes) -> bytes:
    """Return a message with its size before it."""
    return struct.pack(">i", len(message)) + message


def text(data: bytes | None) -> bytes:
    """Return a text with its size before it, or null."""
    return struct.pack(">h", -1) if data is None else struct.pack(">h", len(data)) + data


def request(key: int, version: int, number: int, body: bytes = b"") -> bytes:
    """Return the frame of a request; ``number`` is its correlation id, which the answer repeats."""
    return framed(struct.pack(">hhi", key, version, number) + text(b"dualstack") + body)


def _what_else(begin: bytes, size: int) -> str:
    """Say what begins with bytes that are no size of a message."""
    if begin == b"HTTP":
        return "it is HTTP, not Kafka"
    if begin.startswith(_TLS_ALERT):
        return "it is a TLS alert, not Kafka: the port speaks TLS"
    if begin.startswith(_TLS_HANDSHAKE):
        return "it is a TLS handshake, not Kafka"
    return f"it begins with {show(begin)}, as a message of {size} bytes would"
