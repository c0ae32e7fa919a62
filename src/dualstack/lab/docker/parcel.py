"""Sends a file out of a container: an entry point that runs inside it, and the other end of its stream."""

import socket
import struct
from pathlib import Path

LENGTH = struct.Struct("!q")
"""The file's length, sent before it; -1 if there is no such file."""

_PIECE = 1 << 16


def send(stream: socket.socket) -> None:
    """Read the name of a file, ended by a line feed, and send its length and content."""
    name = b""
    while not name.endswith(b"\n"):
        more = stream.recv(4096)
        if not more:
            return
        name += more
    path = Path(name[:-1].decode())
    if not path.is_file():
        stream.sendall(LENGTH.pack(-1))
        return
    with path.open("rb") as file:
        left = path.stat().st_size
        stream.sendall(LENGTH.pack(left))
        while left and (piece := file.read(min(left, _PIECE))):
            stream.sendall(piece)
            left -= len(piece)


def receive(stream: socket.socket, name: str, path: Path) -> bool:
    """Request the file of that name from `send`, and write it to ``path``; return whether it has arrived completely.

    Raises:
        OSError: It cannot be written.
    """
    with stream.makefile("rb") as parcels:
        stream.sendall(f"{name}\n".encode())
        header = parcels.read(LENGTH.size)
        left = LENGTH.unpack(header)[0] if len(header) == LENGTH.size else -1
        with path.open("wb") as file:
            while left > 0 and (piece := parcels.read(min(left, 1 << 20))):
                file.write(piece)
                left -= len(piece)
    return bool(left == 0)
