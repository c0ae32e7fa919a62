"""The Unix sockets on which programs of a host listen; the kernel lists those of a network namespace."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

ENTRY = "dualstack.prober.unixsockets:send"

_ACCEPTS = 0x10000
"""__SO_ACCEPTCON in the column of flags: listen() was called."""

_COLUMNS = 8
"""The columns of a socket that has a name: the last one is the name."""


def send(stream: socket.socket) -> None:
    """Send the names as one line of JSON (inside the host)."""
    text = Path("/proc/net/unix").read_text(encoding="utf-8", errors="backslashreplace")
    stream.sendall(json.dumps(list(listening(text))).encode() + b"\n")


def listening(table: str) -> Iterator[str]:
    """Yield the names of the sockets in /proc/net/unix that accept connections; abstract ones begin with ``@``."""
    for line in table.splitlines()[1:]:
        columns = line.split(maxsplit=_COLUMNS - 1)
        if len(columns) == _COLUMNS and int(columns[3], 16) & _ACCEPTS:
            yield columns[-1]


def receive(stream: socket.socket) -> list[str]:
    """Return the names that `send` sends; empty if its process has ended before."""
    with stream, stream.makefile("rb") as lines:
        line = lines.readline()
    return [str(name) for name in json.loads(line)] if line else []
