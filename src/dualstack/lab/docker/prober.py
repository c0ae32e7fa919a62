"""The prober of a docker host: its socket table, in which the service's processes cannot be seen."""

import dataclasses

from dualstack.prober.client import Prober
from dualstack.prober.messages import SocketRow
from dualstack.transport import Transport

ENGINES_OWN = "127.0.0.11"
"""The address of the engine's name server in every host; the host's files do not name it."""

_HELD = frozenset({"LISTEN", "UNCONN", "ESTABLISHED", "CLOSE_WAIT", "SYN_SENT"})
"""The states of sockets that a process holds: a connection in TIME_WAIT, for example, has none any more."""


class DockerProber(Prober):
    """The prober of a host whose service runs in another container."""

    def sockets(self, transport: Transport | None = None) -> tuple[SocketRow, ...]:
        """Return the host's socket table, of one transport or (None) both.

        A socket that no process beside the prober owns is the service's: no other container is in the namespace. Our
        own sockets are shown as process 1's, as in a lab whose prober is process 1.
        """
        return tuple(_owned(row) for row in self.raw_sockets(transport))

    def raw_sockets(self, transport: Transport | None = None) -> tuple[SocketRow, ...]:
        """Return the same with visible owners only, and without the engine's name server."""
        return tuple(row for row in super().sockets(transport) if row.address != ENGINES_OWN)


def _owned(row: SocketRow) -> SocketRow:
    """Return a row of the socket table with its owner."""
    if row.owner:
        return dataclasses.replace(row, owner="prober(1)")
    return dataclasses.replace(row, owner="service(container)") if row.state in _HELD else row
