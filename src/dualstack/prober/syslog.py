"""The system log of a host: what its programs send to /dev/log becomes a part of their output."""

import asyncio
import re
import socket
import struct
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol

SYSTEM_LOG = "/dev/shm/.log/socket"  # noqa: S108 - a private tmpfs in the host's own mount namespace
"""The socket behind a program's /dev/log: in /dev/shm, which all programs of a host share.

Its folder is made with the host's own /dev/shm. Where it is missing, /dev/shm is the machine's.
"""

_PRIORITY = re.compile(rb"^<\d{1,3}>")
_CREDENTIALS = struct.Struct("=3i")  # ucred: the sender's process, user and group, see unix(7)
_MESSAGE = 64 << 10
_AT_ONCE = 1000  # messages: one program that never stops does not keep the others waiting


class Writer(Protocol):
    """A program that may have sent a message."""

    def members(self) -> Collection[int]:
        """Return its processes."""

    def hear(self, data: bytes) -> None:
        """Take something that it has said elsewhere than in its output."""


class SystemLog:
    """Takes what arrives at /dev/log, which is a datagram socket as on every Linux system.

    Where /dev/shm is the machine's nothing is listened to.
    """

    def __init__(self) -> None:
        """Start to listen, where that is possible."""
        self._writers: list[Writer] = []
        self._socket: socket.socket | None = None
        if Path(SYSTEM_LOG).parent.is_dir():
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._socket.bind(SYSTEM_LOG)
            Path(SYSTEM_LOG).chmod(0o666)  # programs of every user may write to it
            asyncio.get_running_loop().add_reader(self._socket, self.drain)

    def add(self, writer: Writer) -> None:
        """Take a program's messages from now on."""
        self._writers.append(writer)

    def drain(self) -> None:
        """Hand over what has arrived until now."""
        if self._socket is None:
            return
        with suppress(BlockingIOError):
            for _ in range(_AT_ONCE):
                data, control, _, _ = self._socket.recvmsg(_MESSAGE, socket.CMSG_SPACE(_CREDENTIALS.size))
                writer = self._writer(_sender(control))
                if writer is not None:
                    writer.hear(line(data))

    def _writer(self, process: int) -> Writer | None:
        """Return the program that a process belongs to; of a process that has ended by now, the newest program."""
        if len(self._writers) > 1:
            for writer in reversed(self._writers):
                if process in writer.members():
                    return writer
        return self._writers[-1] if self._writers else None


def line(data: bytes) -> bytes:
    """Return a message as a line of output: without its priority (RFC 3164 §4.1.1), and with where it comes from."""
    return b"syslog: " + _PRIORITY.sub(b"", data).strip(b"\n\0 ") + b"\n"


def _sender(control: list[tuple[int, int, bytes]]) -> int:
    """Return the process that a message comes from; 0 if the kernel does not say."""
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return int(_CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0])
    return 0
