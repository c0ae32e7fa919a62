"""Records the packets of a host's interface into a file; runs in a separate process inside the host.

One JSON object a line, over a stream: first ``{"interface": "eth0", "path": "<pcap file>", "nonce": "<text>"}``, which
is answered by ``{"ready": true, "mac": "<hardware address>"}`` when the capture has recorded a witness of each family;
then ``{"stop": true}``, which is answered by ``{"frames": n, "drops": n, "error": "<text or empty>", "witnessed":
["ipv4", ...]}`` when it has recorded a second witness of each family, and so all earlier packets. A request that
fails is answered by ``{"error": "<text>"}``. The end of the stream ends the recording; the file keeps its packets.
"""

import contextlib
import errno
import json
import os
import select
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.wire.pcap import HEADER, RECORD
from dualstack.wire.ring import Ring
from dualstack.wire.witness import witnesses

BATCH = 1 << 18
"""Bytes after which the buffer is written, even if packets keep arriving."""

WITNESS_SECONDS = 3.0
"""Seconds within which the capture must record its witness."""

AGAIN_SECONDS = 0.1
"""Seconds after which a missing witness is sent again."""

_NO_INTERFACE = frozenset({errno.ENETDOWN, errno.ENXIO, errno.ENODEV})


class Recording:
    """The capture file, with whole records only, and the first write error.

    Attributes:
        frames: The number of frames that were written.
        error: Why writing stopped; empty if it did not.
    """

    def __init__(self, path: Path) -> None:
        """Create the file and write its header.

        Raises:
            OSError: The file cannot be created or written.
        """
        self.frames = 0
        self.error = ""
        self._pending = bytearray()
        self._waiting = 0
        self._good = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._pending += HEADER
        self.flush()
        if self.error:
            os.close(self._file)
            raise OSError(self.error)

    def add(self, seconds: int, nanoseconds: int, length: int, data: bytes) -> None:
        """Add a frame; it is written with its batch."""
        self._pending += RECORD.pack(seconds, nanoseconds, len(data), length)
        self._pending += data
        self._waiting += 1
        if len(self._pending) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write the buffer; after the first error nothing more is written, and the file has whole records only."""
        if self._pending and not self.error:
            try:
                self._write(memoryview(self._pending))
            except OSError as error:
                self.error = error.strerror or str(error)
                os.ftruncate(self._file, self._good)
            else:
                self._good += len(self._pending)
                self.frames += self._waiting
        self._pending = bytearray()
        self._waiting = 0

    def _write(self, data: memoryview) -> None:
        """Write all of ``data``."""
        with data:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])

    def close(self) -> None:
        """Write the buffer and close the file, once; some file systems report a full disk only now."""
        if self._file < 0:
            return
        self.flush()
        try:
            os.close(self._file)
        except OSError as error:
            self.error = self.error or error.strerror or str(error)
        self._file = -1


class Recorder:
    """A running capture."""

    def __init__(self, stream: socket.socket, order: dict[str, Any]) -> None:
        """Open the interface and the file.

        Raises:
            OSError: One of them cannot be opened.
        """
        self._stream = stream
        self._nonce = str(order["nonce"])
        self._interface = str(order["interface"])
        with contextlib.ExitStack() as undo:
            self.ring = Ring(self._interface)
            undo.callback(self.ring.close)
            self._sender = undo.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            self._sender.bind((self._interface, 0))
            self.file = Recording(Path(order["path"]))
            undo.callback(self.file.close)
            self._undo = undo.pop_all()

    def close(self) -> None:
        """Close everything."""
        self._undo.close()

    def until_asked(self) -> bool:
        """Record until a request arrives or the stream ends; return whether a request arrived."""
        poller = select.poll()
        poller.register(self.ring.fileno(), select.POLLIN)
        poller.register(self._stream, select.POLLIN)
        while True:
            ready = dict(poller.poll())
            if ready.get(self.ring.fileno(), 0) & select.POLLERR:
                self.ring.take_error()
            self._drain()
            if self._stream.fileno() in ready:
                return bool(self._stream.recv(4096))

    def witness(self, moment: str) -> set[Family]:
        """Send a witness of each family and record until both are recorded; return the families that were."""
        missing = witnesses(self.ring.mac, moment, self._nonce)
        seen: set[Family] = set()
        deadline = Deadline(WITNESS_SECONDS, f"the witnesses of {self._interface}")
        while missing and not deadline.expired:
            if not self._send(missing.values()):
                self._drain()
                break
            again = Deadline(AGAIN_SECONDS, "a witness")
            while missing and not again.expired:
                recorded = self._drain(watch=True)
                found = {family for family, frame in missing.items() if frame in recorded}
                seen |= found
                missing = {family: frame for family, frame in missing.items() if family not in found}
                if missing:
                    select.select([self.ring], [], [], again.remaining)
        return seen

    def _send(self, frames: Iterable[bytes]) -> bool:
        """Send frames; return whether the interface can send at all, False if it is down or gone."""
        for frame in frames:
            try:
                self._sender.send(frame)
            except OSError as error:
                if error.errno in _NO_INTERFACE:
                    return False
                if error.errno != errno.ENOBUFS:
                    raise
        return True

    def _drain(self, *, watch: bool = False) -> list[bytes]:
        """Record the packets that have arrived; return them if ``watch`` is set."""
        watched = []
        for seconds, nanoseconds, length, data in self.ring.frames():
            self.file.add(seconds, nanoseconds, length, data)
            if watch:
                watched.append(data)
        self.file.flush()
        return watched


def record(stream: socket.socket) -> None:
    """Record as the requests on the stream say, until the stream ends or a request says stop."""
    line = _read_line(stream)
    if not line:
        return
    order = json.loads(line)
    try:
        recorder = Recorder(stream, order)
    except OSError as error:
        _say(stream, error=f"{order['path']}: cannot record {order['interface']}: {error.strerror or error}")
        return
    with contextlib.closing(recorder):
        seen = recorder.witness("start")
        if len(seen) < len(Family):
            _say(stream, error=f"{order['path']}: the capture did not see its witness on {order['interface']}")
            return
        _say(stream, ready=True, mac=recorder.ring.mac.hex(":"))
        if not recorder.until_asked():
            return
        seen = recorder.witness("stop")
        drops = recorder.ring.count_drops()
        file = recorder.file
        file.close()
        failure = f"{order['path']}: the capture could not be written: {file.error}" if file.error else ""
        # Answer before closing the ring: closing takes the kernel tens of milliseconds.
        _say(stream, frames=file.frames, drops=drops, error=failure, witnessed=sorted(family.value for family in seen))


def _read_line(stream: socket.socket) -> bytes:
    """Return the first line, empty if the stream ended before it did."""
    data = b""
    while not data.endswith(b"\n"):
        more = stream.recv(4096)
        if not more:
            return b""
        data += more
    return data


def _say(stream: socket.socket, **fields: object) -> None:
    """Send an answer; do nothing if the other end has closed the stream."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.sendall(json.dumps(fields).encode() + b"\n")
