"""An entry point for tests of `dualstack.lab.tap`."""

import json
import socket

from dualstack.lab import tap

_PLAIN = socket.socket


class _Late(socket.socket):
    """A socket that is bound only after loopback has carried a datagram."""

    def bind(self, address: tuple[str, int]) -> None:  # type: ignore[override]
        """Send a datagram over loopback, then bind."""
        with _PLAIN(type=socket.SOCK_DGRAM) as sender, _PLAIN(type=socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            sender.sendto(b"early", receiver.getsockname())
            receiver.recv(9)
        super().bind(address)


def early_frame(stream: socket.socket) -> None:
    """Report what is counted on eth0 if a frame passes loopback before the socket is bound."""
    vars(socket)["socket"] = _Late
    made = tap.watch("eth0")
    vars(socket)["socket"] = _PLAIN
    stream.sendall(json.dumps(tap.count(made)).encode() + b"\n")
