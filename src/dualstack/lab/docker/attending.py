"""The test process's end of the stream to who attends to a service's processes (`dualstack.lab.docker.attendant`)."""

import json
import socket
import struct
from typing import Any

from dualstack import errors
from dualstack.errors import HarnessError

_STDOUT = 1
_STREAM_HEADER = struct.Struct("!BxxxI")
_SECONDS = 30.0
"""Seconds that an answer may take beyond what was asked for, its start included."""


class Attendant:
    """One attendant, from its start to the end of its stream."""

    def __init__(self, stream: socket.socket) -> None:
        """Take over the stream that is attached to its standard streams."""
        self._stream = stream

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request that takes ``seconds``, and return its answer.

        Raises:
            DualstackError: What was answered instead.
            HarnessError: It is gone, or does not answer.
        """
        self._stream.settimeout(seconds + _SECONDS)
        said, complaints = bytearray(), bytearray()
        try:
            self._stream.sendall(json.dumps(request).encode() + b"\n")
            while not said.endswith(b"\n"):
                kind, length = _STREAM_HEADER.unpack(self._exactly(_STREAM_HEADER.size))
                (said if kind == _STDOUT else complaints).extend(self._exactly(length))
        except OSError as error:
            text = complaints.decode(errors="backslashreplace").strip()
            raise HarnessError(f"nobody attends to the service's processes any more: {text or error}") from None
        answer = json.loads(said)
        if "error" in answer:
            raise getattr(errors, answer["kind"], HarnessError)(answer["error"])
        result: dict[str, Any] = answer["ok"]
        return result

    def close(self) -> None:
        """End the stream and, with it, the attendant."""
        self._stream.close()

    def _exactly(self, size: int) -> bytes:
        """Return so many bytes of what it says.

        Raises:
            ConnectionError: The stream has ended before.
        """
        data = bytearray()
        while len(data) < size:
            piece = self._stream.recv(size - len(data))
            if not piece:
                raise ConnectionError("the stream has ended")
            data += piece
        return bytes(data)
