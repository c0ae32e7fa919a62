"""What is open on a host, as a test sees it: each object is closed at the end of its ``with`` block."""

from types import TracebackType
from typing import Self

from dualstack.deadline import Deadline
from dualstack.prober.channel import Channel
from dualstack.prober.messages import Accepted, Dialled, Ends, LoadResult, Query
from dualstack.prober.messages.connections import Connected, CountEnds, ExchangeNow, FindClosed, SendResets
from dualstack.prober.messages.load import FinishLoad
from dualstack.prober.messages.naming import ReadQueries
from dualstack.prober.messages.requests import Close, Handle
from dualstack.prober.messages.serving import (
    AwaitClient,
    CountConnections,
    ForgetPeers,
    Present,
    ReadClients,
    StartListening,
)
from dualstack.protocols.certificates import ServerTls


class _Opened:
    """An object of the agent, open until it is closed."""

    def __init__(self, channel: Channel, handle: Handle) -> None:
        """Keep its handle."""
        self._call = channel.call
        self._channel = channel
        self._handle = handle
        self._closed = False

    def close(self) -> None:
        """Close it; it may be called twice, and after the host has ended."""
        if not self._closed and not self._channel.gone:
            self._call(Close(self._handle))
        self._closed = True

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


class ServerHandle(_Opened):
    """A server on the prober's side, for connectors."""

    def listen(self) -> None:
        """Listen, if its TCP sockets are only bound.

        Raises:
            HarnessError: The kernel refuses; the message says why.
        """
        self._call(StartListening(self._handle))

    def accepted(self) -> tuple[Accepted, ...]:
        """Return its clients until now, in order of arrival."""
        return self._call(ReadClients(self._handle))

    def forget_peers(self) -> None:
        """Take the next datagram of every peer for that of a new client.

        A client that always uses one port would otherwise be the same client whenever it is run.
        """
        self._call(ForgetPeers(self._handle))

    def await_client(self, since: int, deadline: Deadline, *, completed: bool = True) -> bool:
        """Wait for one more client than the first ``since`` ones; return whether it came before the deadline.

        With ``completed`` an exchange with one of the later clients must be completed.
        """
        return self._call(AwaitClient(self._handle, since, completed, deadline.remaining))

    def present(self, tls: ServerTls) -> None:
        """Present another certificate to later clients; it speaks TLS."""
        self._call(Present(self._handle, tls))


class PortHandle(_Opened):
    """A port that is occupied until this is closed."""

    def taken(self) -> int:
        """Return how many connections came to it since the last call; it must be a TCP port that listens."""
        return self._call(CountConnections(self._handle))


class ConnectionsHandle(_Opened):
    """Clients of the prober that keep their connections until this is closed.

    Attributes:
        clients: How far each of them came, in the order of the dials; with ``in_turn`` the last ones may be missing.
        held: How many of them have a connection.
    """

    def __init__(self, channel: Channel, connected: Connected) -> None:
        """Keep their handle."""
        super().__init__(channel, connected.handle)
        self.clients = connected.clients
        self.held = connected.held

    def ends(self) -> Ends:
        """Return how many of their connections are open, closed and reset."""
        return self._call(CountEnds(self._handle))

    def hung_up(self) -> tuple[bool, ...]:
        """Return, for each connected client that sent nothing, whether the service closed its connection.

        They are in the order of the dials, without those that have no connection. Nothing is read.
        """
        return self._call(FindClosed(self._handle))

    def speak(self, seconds: float) -> tuple[Dialled, ...]:
        """Carry out the exchanges of the connected clients that sent nothing, all at the same time; then close.

        Args:
            seconds: The longest timeout of their dials.

        Returns:
            How the exchanges ended, in the order of the dials, without clients that have no connection.
        """
        return self._call(ExchangeNow(self._handle, seconds))

    def reset(self) -> None:
        """End their connections with a TCP reset each, instead of an orderly close."""
        self._call(SendResets(self._handle))


class LoadHandle(_Opened):
    """Clients of the prober that repeat their exchange until this is closed."""

    def finish(self, deadline: Deadline) -> LoadResult:
        """Wait until all rounds are over, or end the clients of a load without a number of rounds.

        Clients that have not ended by the deadline are ended; their last exchange is not counted.
        """
        return self._call(FinishLoad(self._handle, deadline.remaining))


class NameServerHandle(_Opened):
    """The lab's name server."""

    def queries(self) -> tuple[Query, ...]:
        """Return its questions until now, in order."""
        return self._call(ReadQueries(self._handle))
