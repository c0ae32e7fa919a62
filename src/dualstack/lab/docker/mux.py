"""Many streams over one: the frames between a test process and everything inside one container.

A frame is a channel's number and the length of what follows (both big-endian, 4 bytes each), then the data; a frame
without data ends its channel. Channel 0 carries one JSON object a line: requests to the host supervisor, and answers.
"""

import struct
from collections.abc import Iterator

CONTROL = 0
"""The channel of requests and answers."""

LARGEST = 1 << 16
"""The most bytes that one frame carries."""

_HEADER = struct.Struct("!II")


def frame(channel: int, data: bytes) -> bytes:
    """Return the frames of data for a channel; without data, the frame that ends it."""
    pieces = [data[start : start + LARGEST] for start in range(0, len(data), LARGEST)] or [b""]
    return b"".join(_HEADER.pack(channel, len(piece)) + piece for piece in pieces)


class Unpacker:
    """Splits a byte stream into frames."""

    def __init__(self) -> None:
        """Start with an empty stream."""
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Take more of the stream; yield the frames that are complete."""
        self._rest += data
        while len(self._rest) >= _HEADER.size:
            channel, length = _HEADER.unpack_from(self._rest)
            end = _HEADER.size + length
            if len(self._rest) < end:
                return
            piece = bytes(self._rest[_HEADER.size : end])
            del self._rest[:end]
            yield channel, piece
