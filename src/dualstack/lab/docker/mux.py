"""Many streams over one: how a lab's test process talks to everything inside one container.

A frame is a channel's number and the length of what follows (both big-endian, 4 bytes each), then the data; a frame
without data ends its channel. Channel 0 carries one JSON object a line: requests to the holder and its answers.
"""

import struct
from collections.abc import Iterator

CONTROL = 0
"""The channel of requests and answers."""

LARGEST = 1 << 16
"""How many bytes one frame carries at most."""

_HEADER = struct.Struct("!II")


def frame(channel: int, data: bytes) -> bytes:
    """Pack what goes out on a channel; no data at all ends it."""
    pieces = [data[start : start + LARGEST] for start in range(0, len(data), LARGEST)] or [b""]
    return b"".join(_HEADER.pack(channel, len(piece)) + piece for piece in pieces)


class Unpacker:
    """Cuts a byte stream into frames again."""

    def __init__(self) -> None:
        """Start with nothing."""
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
