"""Captures of a lab host: from before the service starts until the last packet has been recorded."""

import contextlib
import errno
import json
import os
import secrets
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError, Inconclusive
from dualstack.wire.evidence import CaptureData, read_capture

ENTRY = "dualstack.wire.recorder:record"
"""The function that runs inside the host."""

_NO_ROOM = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
"""What a recorder's error ends with on a full disk, or beyond a quota."""

ANSWER_SECONDS = 20.0
"""Seconds within which the recorder must answer; it stops waiting for its witnesses much earlier."""


class Recordable(Protocol):
    """What a capture needs of a host; every `dualstack.lab.protocol.Host` has it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def interface(self) -> str:
        """The interface that is recorded."""

    def inside(self, entry: str) -> socket.socket:
        """Run ``module:function`` in the host's network namespace; return the stream to it."""

    def place(self, path: Path) -> str:
        """Return the path inside the host that `fetch` copies to ``path``."""

    def fetch(self, path: Path) -> None:
        """Copy the file at `place` of ``path`` to ``path``, unless both are the same file."""


class Capture:
    """A capture on one host; as a context manager it ends with the block.

    Attributes:
        path: The capture file.
        mac: The hardware address of the host's interface.
    """

    def __init__(self, host: Recordable, path: Path, stream: socket.socket) -> None:
        """Use the recorder on ``host`` at the other end of ``stream``; `start` makes both."""
        self.path = path
        self.mac = ""
        self._host = host
        self._stream = stream
        self._nonce = secrets.token_hex(8)
        self._rest = b""
        self._wire: CaptureData | None = None

    @classmethod
    def start(cls, host: Recordable, path: Path) -> Self:
        """Start a recorder of the host's interface that writes to ``path``; it records when this returns.

        Raises:
            HarnessError: The interface or the file cannot be opened, or the capture does not see its own witness.
            DeadlineExpired: The recorder does not answer.
        """
        capture = cls(host, path, host.inside(ENTRY))
        try:
            answer = capture._ask(interface=host.interface, path=host.place(path.absolute()), nonce=capture._nonce)
        except BaseException:
            capture.close()
            raise
        capture.mac = str(answer["mac"])
        return capture

    def stop(self) -> CaptureData:
        """End the recording when all packets so far have been recorded; return them. Further calls return the same.

        Raises:
            HarnessError: The file could not be written, or the recorder has died.
            Inconclusive: The disk is full.
            DeadlineExpired: The recorder does not answer.
        """
        if self._wire is None:
            try:
                answer = self._ask(stop=True)
            finally:
                self.close()
            self._host.fetch(self.path.absolute())
            self._wire = read_capture(self.path, nonce=self._nonce, mac=self.mac, drops=int(answer["drops"]))
        return self._wire

    def close(self) -> None:
        """End the recording at once; the file keeps the packets that were recorded."""
        self._stream.close()

    def _ask(self, **order: object) -> dict[str, Any]:
        """Send one request and return its answer."""
        deadline = Deadline(ANSWER_SECONDS, f"the recorder of host {self._host.name} to answer")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died; its last answer is still there
            self._stream.sendall(json.dumps(order).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._line(deadline))
        error: str = answer.get("error", "")
        if error.endswith(_NO_ROOM):
            raise Inconclusive(f"{error}; make room there, or name another place with --results")
        if error:
            raise HarnessError(error)
        return answer

    def _line(self, deadline: Deadline) -> bytes:
        """Return the recorder's next line."""
        while b"\n" not in self._rest:
            self._stream.settimeout(max(deadline.remaining, 0.001))
            try:
                more = self._stream.recv(4096)
            except TimeoutError:
                raise deadline.error() from None
            except ConnectionResetError:
                more = b""
            if not more:
                raise HarnessError(f"{self.path}: the recorder of host {self._host.name} has died")
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        return line

    def __enter__(self) -> Self:
        """Return the capture itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()
