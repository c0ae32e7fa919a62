"""The prober as a test sees it: typed, synchronous, usable from several threads.

`Prober.call` sends any request and returns its answer; the other methods are shorter to read in a test.
"""

import socket
from collections.abc import Sequence

from dualstack.prober.channel import Channel
from dualstack.prober.handles import ConnectionsHandle, LoadHandle, NameServerHandle, PortHandle, ServerHandle
from dualstack.prober.hostprogram import ProgramHandle
from dualstack.prober.messages import (
    AddressRow,
    Dial,
    Dialled,
    Hold,
    HoldConnections,
    Launch,
    Load,
    Names,
    Serve,
    SocketRow,
)
from dualstack.prober.messages.requests import A, Ping, Request
from dualstack.prober.messages.serving import TryHold
from dualstack.prober.messages.tables import (
    CountFailedAttempts,
    ListAddresses,
    ListSockets,
    ReadSysctl,
    ReadTcpStates,
    ReadTexts,
)
from dualstack.transport import Transport

__all__ = [
    "ConnectionsHandle",
    "LoadHandle",
    "NameServerHandle",
    "PortHandle",
    "Prober",
    "ProgramHandle",
    "ServerHandle",
]


class Prober:
    """The prober of one host."""

    def __init__(self, stream: socket.socket) -> None:
        """Take over the stream to an agent.

        Every method raises HarnessError when the agent is gone or does not answer.
        """
        self._channel = Channel(stream)

    def call(self, request: Request[A]) -> A:
        """Send a request and return its answer.

        Raises:
            DualstackError: The agent's error, as the exception that it names.
        """
        return self._channel.call(request)

    def call_all(self, requests: Sequence[Request[A]]) -> list[A]:
        """Send requests, all at the same time; return their answers in the same order."""
        return self._channel.call_all(requests)

    def dial(self, dial: Dial) -> Dialled:
        """Carry out one exchange with a service."""
        return self.call(dial)

    def dial_all(self, dials: Sequence[Dial]) -> list[Dialled]:
        """Carry out exchanges, all at the same time; return the results in the order of ``dials``."""
        return self.call_all(dials)

    def hold_connections(self, request: HoldConnections) -> ConnectionsHandle:
        """Connect clients that keep their connections; return when each has reached its stage or failed.

        Raises:
            UsageError: There are too many clients, none, or some that use UDP.
            HostCannot: The host's limit of open files is too low for them.
        """
        return ConnectionsHandle(self._channel, self.call(request))

    def load(self, load: Load) -> LoadHandle:
        """Start clients that repeat their exchange; return at once.

        Raises:
            HostCannot: The host's limit of open files is too low for them.
        """
        return LoadHandle(self._channel, self.call(load))

    def serve(self, serve: Serve) -> ServerHandle:
        """Start a server for connectors.

        Raises:
            HarnessError: An address cannot be bound.
        """
        return ServerHandle(self._channel, self.call(serve))

    def hold(self, hold: Hold) -> PortHandle:
        """Occupy a port.

        Raises:
            HarnessError: It cannot be bound.
        """
        return PortHandle(self._channel, self.call(hold))

    def try_hold(self, hold: Hold) -> PortHandle | None:
        """Occupy a port as `hold` does; return None if it is taken (EADDRINUSE)."""
        handle = self.call(TryHold(hold))
        return PortHandle(self._channel, handle) if handle is not None else None

    def names(self, names: Names) -> NameServerHandle:
        """Start a name server.

        Raises:
            HarnessError: An address cannot be bound.
        """
        return NameServerHandle(self._channel, self.call(names))

    def start(self, launch: Launch) -> ProgramHandle:
        """Start a program.

        Raises:
            ServiceError: It cannot be executed; the message names the file and the reason.
        """
        return ProgramHandle(self._channel, self.call(launch), launch.command[0])

    def sockets(self, transport: Transport | None = None) -> tuple[SocketRow, ...]:
        """Return the host's socket table, of one transport or (None) both."""
        return self.call(ListSockets(transport))

    def tcp_states(self, inodes: Sequence[int]) -> tuple[str, ...]:
        """Return the states of TCP sockets of the host, ``CLOSE`` for those that are not connected."""
        return self.call(ReadTcpStates(tuple(inodes)))

    def failed_attempts(self) -> int:
        """Return how many TCP connection attempts of the host have failed since it was made."""
        return self.call(CountFailedAttempts())

    def addresses(self) -> tuple[AddressRow, ...]:
        """Return the host's addresses, including loopback and link-local ones."""
        return self.call(ListAddresses())

    def texts(self, folder: str) -> tuple[str, ...]:
        """Return the ends of the text files below a folder of the host."""
        return self.call(ReadTexts(folder))

    def sysctl(self, name: str) -> str:
        """Return a kernel setting of the host, ``net.ipv6.bindv6only``.

        Raises:
            HarnessError: There is none of that name.
        """
        return self.call(ReadSysctl(name))

    def ping(self) -> None:
        """Return when the agent has answered."""
        self.call(Ping())

    def close(self) -> None:
        """End the agent and, with it, everything on its host; it may be called twice."""
        self._channel.close()
