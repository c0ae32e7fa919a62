"""The system log of a host: messages that its programs send to /dev/log become a part of their output."""

import asyncio
import re
import socket
import struct
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol

SYSTEM_LOG = "/dev/shm/.log/socket"  # noqa: S108 - a private tmpfs in the host's own mount namespace
"""The socket behind a program's /dev/log, in /dev/shm, which all programs of a host share.

Its folder is made with the host's own /dev/shm. If it is missing, /dev/shm is the machine's.
"""

_PRIORITY = re.compile(rb"^<\d{1,3}>")
_CREDENTIALS = struct.Struct("=3i")  # ucred: the sender's process, user and group, see unix(7)
_MOST_BYTES = 64 << 10  # of one message
_BATCH = 1000  # messages; a program that writes endlessly does not block the others


class Writer(Protocol):
    """A program that may have sent a message."""

    def members(self) -> Collection[int]:
        """Return its processes."""

    def hear(self, data: bytes) -> None:
        """Take a message of it as a part of its output."""


class SystemLog:
    """Receives the messages to /dev/log, which is a datagram socket as on every Linux system.

    If /dev/shm is the machine's it receives nothing.
    """

    def __init__(self) -> None:
        """Start to receive, if that is possible."""
        self._writers: list[Writer] = []
        self._socket: socket.socket | None = None
        if Path(SYSTEM_LOG).parent.is_dir():
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._socket.bind(SYSTEM_LOG)
            Path(SYSTEM_LOG).chmod(0o666)  # programs of every user may write to it
            asyncio.get_running_loop().add_reader(self._socket, self.drain)

    def add(self, writer: Writer) -> None:
        """Pass messages to a program from now on."""
        self._writers.append(writer)

    def drain(self) -> None:
        """Pass on the messages that have arrived."""
        if self._socket is None:
            return
        with suppress(BlockingIOError):
            for _ in range(_BATCH):
                data, control, _, _ = self._socket.recvmsg(_MOST_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size))
                writer = self._writer(_sender(control))
                if writer is not None:
                    writer.hear(line(data))

    def _writer(self, process: int) -> Writer | None:
        """Return the program that a process belongs to; the newest program if the process has ended."""
        if len(self._writers) > 1:
            for writer in reversed(self._writers):
                if process in writer.members():
                    return writer
        return self._writers[-1] if self._writers else None


def line(data: bytes) -> bytes:
    """Return a message as a line of output: without its priority (RFC 3164 §4.1.1), and with a prefix."""
    return b"syslog: " + _PRIORITY.sub(b"", data).strip(b"\n\0 ") + b"\n"


def _sender(control: list[tuple[int, int, bytes]]) -> int:
    """Return the process that sent a message; 0 if it is unknown."""
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return int(_CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0])
    return 0
