"""The test process's side of the stream to a sidecar (`dualstack.lab.docker.sidecar`)."""

import json
import socket
import struct
from typing import Any

from dualstack import errors
from dualstack.errors import HarnessError

_STDOUT = 1
_STREAM_HEADER = struct.Struct("!BxxxI")
_ANSWER_TIMEOUT = 30.0
"""Seconds that an answer may take beyond the time of the request itself, the sidecar's start included."""


class SidecarClient:
    """A sidecar, from its start to the end of its stream."""

    def __init__(self, stream: socket.socket) -> None:
        """Take over the stream that is attached to its standard streams."""
        self._stream = stream

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request that takes ``seconds``, and return its answer.

        Raises:
            DualstackError: The sidecar answered with this error.
            HarnessError: It has ended, or does not answer in time.
        """
        stdout, stderr = bytearray(), bytearray()
        try:
            self._stream.settimeout(seconds + _ANSWER_TIMEOUT)
            self._stream.sendall(json.dumps(request).encode() + b"\n")
            while not stdout.endswith(b"\n"):
                kind, length = _STREAM_HEADER.unpack(self._exactly(_STREAM_HEADER.size))
                (stdout if kind == _STDOUT else stderr).extend(self._exactly(length))
        except OSError as error:
            self.close()  # an answer that comes later would be taken for that to the next request
            text = stderr.decode(errors="backslashreplace").strip()
            raise HarnessError(f"lost connection to the container's helper process: {text or error}") from None
        answer = json.loads(stdout)
        if "error" in answer:
            raise getattr(errors, answer["kind"], HarnessError)(answer["error"])
        result: dict[str, Any] = answer["ok"]
        return result

    def close(self) -> None:
        """End the stream and, with it, the sidecar."""
        self._stream.close()

    def _exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes of the stream.

        Raises:
            ConnectionError: The stream has ended earlier.
        """
        data = bytearray()
        while len(data) < size:
            piece = self._stream.recv(size - len(data))
            if not piece:
                raise ConnectionError("the stream has ended")
            data += piece
        return bytes(data)
