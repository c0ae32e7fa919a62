"""Connections that stay open after an exchange, for what only shows while clients are there, or after they were."""

import socket

from dualstack.errors import UsageError
from dualstack.manifest.models import Transport
from dualstack.prober.dialling import dial_until
from dualstack.prober.messages import Dialled, Ends, Outcome, Stage, Stay

_READ = 64 << 10
_MOST_BYTES = 64 << 20  # from one connection, at a time


class Staying:
    """The connections of one `Stay`.

    Attributes:
        last: The last exchange.
    """

    def __init__(self, last: Dialled, connections: list[socket.socket]) -> None:
        """Keep them."""
        self.last = last
        self._connections = connections
        self._ended: dict[socket.socket, str] = {}

    @property
    def held(self) -> int:
        """How many there are."""
        return len(self._connections)

    def ends(self) -> Ends:
        """Read what has come, and tell what has become of the connections."""
        seen = [self._ended.get(item, "") or self._read(item) for item in self._connections]
        return Ends(open=seen.count("open"), closed=seen.count("closed"), reset=seen.count("reset"))

    def close(self) -> None:
        """Close them; what is unread then would make resets of that."""
        self.ends()
        for item in self._connections:
            item.close()

    def _read(self, connection: socket.socket) -> str:
        """Read what has come on a connection and return what it is; the kernel tells of an end only once."""
        state = _state_of(connection)
        if state != "open":
            self._ended[connection] = state
        return state


def _state_of(connection: socket.socket) -> str:
    """Read what has come on a connection and return what it is: ``open``, ``closed`` by the service, or ``reset``."""
    left = _MOST_BYTES
    try:
        while left > 0:
            data = connection.recv(_READ)
            if not data:
                return "closed"
            left -= len(data)
    except BlockingIOError:
        return "open"
    except OSError:
        return "reset"
    return "open"


async def stay(request: Stay) -> Staying:
    """Open connections one after the other, each with an exchange, until one is not answered; all stay open.

    Raises:
        UsageError: The transport has no connections, or none is wanted.
    """
    if request.dial.transport is not Transport.TCP or request.count < 1:
        raise UsageError("only TCP connections can stay, at least one of them")
    connections: list[socket.socket] = []
    try:
        while True:
            dialled, connection = await dial_until(request.dial, Stage.ANSWERED)
            answered = dialled.outcome is Outcome.ANSWERED
            if connection is not None and answered:
                connections.append(connection)
            elif connection is not None:
                connection.close()
            if not answered or len(connections) == request.count:
                return Staying(dialled, connections)
    except BaseException:
        for item in connections:
            item.close()
        raise
