"""Clients that keep their connections open, to see what the service does while they are open and after they end."""

import asyncio
import select
import socket
import struct

from dualstack.errors import UsageError
from dualstack.prober.dialling import dial_until, exchange_on
from dualstack.prober.load import check_client_count
from dualstack.prober.messages import Dial, Dialled, Ends, HoldConnections, Outcome, Stage
from dualstack.prober.messages.connections import Connected, CountEnds, ExchangeNow, FindClosed, SendResets
from dualstack.prober.verbs import Agent, verb
from dualstack.transport import Transport

_READ = 64 << 10
_MOST_BYTES = 64 << 20  # read from one connection at a time
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class HeldConnections:
    """The connections of one `HoldConnections`.

    Attributes:
        clients: How far each client came, in the order of the dials.
    """

    def __init__(self, request: HoldConnections) -> None:
        """Start without any.

        Raises:
            UsageError: There are too many clients, none, or some that use UDP.
            HostCannot: The limit of open descriptors is too low.
        """
        check_client_count(request.dials)
        if any(item.transport is not Transport.TCP for item in request.dials):
            raise UsageError("clients keep connections over TCP only")
        self.clients: list[Dialled] = []
        self._request = request
        self._open: list[socket.socket] = []
        self._idle: list[tuple[Dial, socket.socket]] = []
        self._ended: dict[socket.socket, str] = {}

    @property
    def held(self) -> int:
        """How many clients have a connection."""
        return len(self._open)

    async def connect(self) -> None:
        """Connect the clients; return when each has reached its stage or failed.

        Raises:
            UsageError: A dial is not possible.
        """
        try:
            if self._request.in_turn:
                await self._connect_in_turn()
            else:
                await self._connect_all()
        except BaseException:
            self.close()
            raise

    async def _connect_all(self) -> None:
        """Connect all clients at the same time."""
        request = self._request
        results = await asyncio.gather(
            *(dial_until(item, request.stage) for item in request.dials), return_exceptions=True
        )
        fine = [item for item in results if not isinstance(item, BaseException)]
        self._open = [made for _, made in fine if made is not None]
        for item in results:
            if isinstance(item, BaseException):
                raise item
        self.clients = [dialled for dialled, _ in fine]
        if request.stage is Stage.CONNECTED:
            pairs = zip(request.dials, fine, strict=True)
            self._idle = [(dial, made) for dial, (dialled, made) in pairs if made and dialled.connected]

    async def _connect_in_turn(self) -> None:
        """Connect each client when the one before it was answered; stop at the first that is not."""
        for item in self._request.dials:
            dialled, made = await dial_until(item, self._request.stage)
            self.clients.append(dialled)
            answered = dialled.outcome is Outcome.ANSWERED
            if made is not None and answered:
                self._open.append(made)
            elif made is not None:
                made.close()
            if not answered:
                return

    async def exchange(self) -> list[Dialled]:
        """Carry out the exchanges on the connections on which nothing was sent, all at the same time; close them."""
        idle, self._idle = self._idle, []
        for _, made in idle:
            self._open.remove(made)
        return list(await asyncio.gather(*(exchange_on(made, dial) for dial, made in idle)))

    def closed_by_service(self) -> list[bool]:
        """Return, for each connection on which nothing was sent, whether the service closed it; nothing is read."""
        found = []
        for _, made in self._idle:
            poll = select.poll()
            poll.register(made, select.POLLRDHUP)
            found.append(bool(poll.poll(0)))
        return found

    def ends(self) -> Ends:
        """Read what has arrived, and count the connections by their state."""
        seen = [self._ended.get(item, "") or self._read(item) for item in self._open]
        return Ends(open=seen.count("open"), closed=seen.count("closed"), reset=seen.count("reset"))

    def close(self) -> None:
        """Close the connections; unread data would make the close a reset, so it is read after an exchange."""
        if self._request.stage is Stage.ANSWERED:
            self.ends()
        for made in self._open:
            made.close()
        self._open.clear()

    def reset(self) -> None:
        """End the connections with a TCP reset each."""
        for made in self._open:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            made.close()
        self._open.clear()

    def _read(self, connection: socket.socket) -> str:
        """Read what has arrived on a connection; return its state, and keep an end, which the kernel reports once."""
        state = _state_of(connection)
        if state != "open":
            self._ended[connection] = state
        return state


def _state_of(connection: socket.socket) -> str:
    """Read what has arrived on a connection; return ``open``, ``closed`` (by the service) or ``reset``."""
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


@verb(HoldConnections)
async def connect(agent: Agent, request: HoldConnections) -> Connected:
    """Connect clients that keep their connections."""
    connections = HeldConnections(request)
    await connections.connect()
    return Connected(agent.keep(connections), tuple(connections.clients), connections.held)


@verb(CountEnds)
async def count_ends(agent: Agent, request: CountEnds) -> Ends:
    """Count connections by their state."""
    return agent.kept(HeldConnections, request.handle).ends()


@verb(FindClosed)
async def find_closed(agent: Agent, request: FindClosed) -> tuple[bool, ...]:
    """Return which idle connections the service closed."""
    return tuple(agent.kept(HeldConnections, request.handle).closed_by_service())


@verb(ExchangeNow)
async def exchange_now(agent: Agent, request: ExchangeNow) -> tuple[Dialled, ...]:
    """Carry out the exchanges on idle connections."""
    return tuple(await agent.kept(HeldConnections, request.handle).exchange())


@verb(SendResets)
async def send_resets(agent: Agent, request: SendResets) -> None:
    """Reset connections."""
    agent.kept(HeldConnections, request.handle).reset()
