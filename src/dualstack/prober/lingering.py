"""Clients that fall silent and keep their connections, for what only shows while they are there, or after they were."""

import asyncio
import select
import socket
import struct

from dualstack.errors import UsageError
from dualstack.manifest.models import Transport
from dualstack.prober.crowds import check_room
from dualstack.prober.dialling import dial_until, speak
from dualstack.prober.messages import Dial, Dialled, Ends, Linger, Outcome, Stage

_READ = 64 << 10
_MOST_BYTES = 64 << 20  # from one connection, at a time
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time to linger


class Lingerers:
    """One `Linger`: its clients, as far as they have come.

    Attributes:
        clients: How far each of them came, in the order of the dials.
    """

    def __init__(self, linger: Linger) -> None:
        """Start without any.

        Raises:
            UsageError: There are too many, none at all, or some without connections.
            HostCannot: The host has no room for them.
        """
        check_room(linger.dials)
        if any(item.transport is not Transport.TCP for item in linger.dials):
            raise UsageError("clients linger on a connection: over TCP only")
        self.clients: list[Dialled] = []
        self._linger = linger
        self._connections: list[socket.socket] = []
        self._silent: list[tuple[Dial, socket.socket]] = []
        self._ended: dict[socket.socket, str] = {}

    @property
    def held(self) -> int:
        """How many have a connection."""
        return len(self._connections)

    async def gather(self) -> None:
        """Let the clients come, until each has reached its stage or failed.

        Raises:
            UsageError: One of them asks for what is impossible.
        """
        try:
            if self._linger.in_turn:
                await self._one_after_the_other()
            else:
                await self._all_at_once()
        except BaseException:
            self.close()
            raise

    async def _all_at_once(self) -> None:
        """Let them come at the same time."""
        linger = self._linger
        came = await asyncio.gather(*(dial_until(item, linger.stage) for item in linger.dials), return_exceptions=True)
        fine = [item for item in came if not isinstance(item, BaseException)]
        self._connections = [made for _, made in fine if made is not None]
        for item in came:
            if isinstance(item, BaseException):
                raise item
        self.clients = [dialled for dialled, _ in fine]
        if linger.stage is Stage.CONNECTED:
            came_so_far = zip(linger.dials, fine, strict=True)
            self._silent = [(dial, made) for dial, (dialled, made) in came_so_far if made and dialled.connected]

    async def _one_after_the_other(self) -> None:
        """Let each come when the one before it was answered; who was not keeps no connection."""
        for item in self._linger.dials:
            dialled, made = await dial_until(item, self._linger.stage)
            self.clients.append(dialled)
            answered = dialled.outcome is Outcome.ANSWERED
            if made is not None and answered:
                self._connections.append(made)
            elif made is not None:
                made.close()
            if not answered:
                return

    async def speak(self) -> list[Dialled]:
        """Let those that have connected and said nothing hold their exchanges, all at the same time, and leave."""
        silent, self._silent = self._silent, []
        for _, made in silent:
            self._connections.remove(made)
        return list(await asyncio.gather(*(speak(dial, made) for dial, made in silent)))

    def hung_up(self) -> list[bool]:
        """Return of each that has connected and said nothing whether the service has ended it; nothing is read."""
        found = []
        for _, made in self._silent:
            poll = select.poll()
            poll.register(made, select.POLLRDHUP)
            found.append(bool(poll.poll(0)))
        return found

    def ends(self) -> Ends:
        """Read what has come, and tell what has become of the connections."""
        seen = [self._ended.get(item, "") or self._read(item) for item in self._connections]
        return Ends(open=seen.count("open"), closed=seen.count("closed"), reset=seen.count("reset"))

    def close(self) -> None:
        """Close the connections; after an exchange, what is unread would make resets of that, and is read."""
        if self._linger.stage is Stage.ANSWERED:
            self.ends()
        for made in self._connections:
            made.close()
        self._connections.clear()

    def reset(self) -> None:
        """End the connections with a TCP reset each."""
        for made in self._connections:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            made.close()
        self._connections.clear()

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
