"""The prober of a docker host: its socket table, in which the service's processes cannot be seen."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from socket import socket

from dualstack.prober.client import Prober
from dualstack.prober.messages import SocketRow
from dualstack.prober.messages.tables import ListSockets
from dualstack.transport import Transport

ENGINES_OWN = "127.0.0.11"
"""The address of the engine's name server in every host; the host's files do not name it."""

Components = Mapping[str, Sequence[int]]
"""The inodes of the sockets of each component of a service, by its name."""

_HELD = frozenset({"LISTEN", "UNCONN", "ESTABLISHED", "CLOSE_WAIT", "SYN_SENT"})
"""The states of sockets that a process holds: a connection in TIME_WAIT, for example, has none any more."""


class DockerProber(Prober):
    """The prober of a host whose service runs in another container."""

    def __init__(self, stream: socket, components: Callable[[], Components]) -> None:
        """Take over the stream to an agent.

        Args:
            stream: The stream.
            components: Returns the inodes of the sockets of each component of the service.
        """
        super().__init__(stream)
        self._components = components

    def sockets(self, transport: Transport | None = None) -> tuple[SocketRow, ...]:
        """Return the host's socket table, of one transport or (None) both.

        A socket that no process beside the prober owns is the service's or a component's: no other container is in the
        namespace. Our own sockets are shown as process 1's, as in a lab whose prober is process 1.
        """
        return tuple(_owned(row) for row in self.raw_sockets(self._components(), transport))

    def raw_sockets(self, components: Components, transport: Transport | None = None) -> tuple[SocketRow, ...]:
        """Return the same with visible owners only, and without the engine's name server.

        Args:
            components: The inodes of the sockets of components.
            transport: The transport of the sockets; None for both.
        """
        request = ListSockets(transport, {name: tuple(inodes) for name, inodes in components.items()})
        return tuple(row for row in self.call(request) if row.address != ENGINES_OWN)


def _owned(row: SocketRow) -> SocketRow:
    """Return a row of the socket table with its owner."""
    if row.owner:
        return dataclasses.replace(row, owner="prober(1)")
    whose = row.component or "service"
    return dataclasses.replace(row, owner=f"{whose}(container)") if row.state in _HELD else row
