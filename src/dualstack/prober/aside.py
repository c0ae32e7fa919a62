"""What a server of the prober sends beside its connections: the datagrams of a medium."""

import socket
from contextlib import suppress

from dualstack.prober.sockets import bound_socket, with_zone
from dualstack.protocols.conversation import Aside
from dualstack.transport import Transport


class SidePorts:
    """The UDP ports beside a server's connections, in pairs at each address; each is opened when it is first needed.

    Nothing is read from them: what a client sends there gets no ICMP error.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._sockets: dict[tuple[str, int], list[socket.socket]] = {}

    def send(self, aside: Aside, connection: socket.socket) -> None:
        """Send from the address of a connection to that of its client; a datagram may get lost.

        Raises:
            HarnessError: The ports are in use.
        """
        try:
            local, peer = with_zone(connection.getsockname()), connection.getpeername()
        except OSError:  # its client has gone
            return
        key = (local, aside.port)
        if key not in self._sockets:
            self._sockets[key] = [bound_socket(local, aside.port + more, Transport.UDP) for more in range(2)]
        for datagram in aside.datagrams:
            with suppress(OSError):
                self._sockets[key][0].sendto(datagram, (*peer[:1], aside.to, *peer[2:]))

    def close(self) -> None:
        """Close them."""
        for made in (made for pair in self._sockets.values() for made in pair):
            made.close()
        self._sockets.clear()
