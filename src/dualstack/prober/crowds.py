"""Many clients at once: those that fall silent and stay, and those that come again and again."""

import asyncio
import resource
import socket
import struct
from collections.abc import Sequence

from dualstack.errors import HostCannot, UsageError
from dualstack.prober.dialling import dial, dial_until, speak
from dualstack.prober.messages import MOST_CLIENTS, Dial, Dialled, Linger, Load, Loaded, Outcome, Stage

_MOST_FAILURES = 5  # that are told in full
_OWN_DESCRIPTORS = 64  # that the agent, or a service under load, has open beside its connections
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time to linger


def check_room(dials: Sequence[Dial]) -> None:
    """Refuse what the host has no room for; a service has the same limit of descriptors as the agent.

    Raises:
        UsageError: There are too many clients, or none.
        HostCannot: The limit of open descriptors is too low.
    """
    if not 1 <= len(dials) <= MOST_CLIENTS:
        raise UsageError(f"1 to {MOST_CLIENTS} clients are possible at a time; found {len(dials)}")
    limit, needed = resource.getrlimit(resource.RLIMIT_NOFILE)[0], len(dials) + _OWN_DESCRIPTORS
    if limit < needed:
        raise HostCannot(f"{len(dials)} clients need {needed} open files; the limit here is {limit}: raise ulimit -n")


class Lingerers:
    """One `Linger`: its clients, as far as they have come."""

    def __init__(self) -> None:
        """Start without any."""
        self.clients: list[Dialled] = []
        self._sockets: list[socket.socket] = []
        self._silent: list[tuple[Dial, socket.socket]] = []

    async def gather(self, linger: Linger) -> None:
        """Let the clients come, until each has reached its stage or failed.

        Raises:
            UsageError: There are too many, or one of them asks for what is impossible.
            HostCannot: The host has no room for them.
        """
        check_room(linger.dials)
        came = await asyncio.gather(*(dial_until(item, linger.stage) for item in linger.dials), return_exceptions=True)
        self._sockets = [item[1] for item in came if not isinstance(item, BaseException) and item[1] is not None]
        for item in came:
            if isinstance(item, BaseException):
                self.close()
                raise item
            self.clients.append(item[0])
            if linger.stage is Stage.CONNECTED and item[0].connected and item[1] is not None:
                self._silent.append((linger.dials[len(self.clients) - 1], item[1]))

    async def speak(self) -> list[Dialled]:
        """Let those that have connected and said nothing hold their exchanges, all at the same time, and leave."""
        silent, self._silent = self._silent, []
        return list(await asyncio.gather(*(speak(dial, made) for dial, made in silent)))

    def close(self) -> None:
        """Close the connections."""
        for made in self._sockets:
            made.close()
        self._sockets.clear()

    def reset(self) -> None:
        """End the connections with a TCP reset each."""
        for made in self._sockets:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()


class Loading:
    """One `Load` under way."""

    def __init__(self, load: Load) -> None:
        """Let the clients begin.

        Raises:
            UsageError: There are too many.
            HostCannot: The host has no room for them.
        """
        check_room(load.dials)
        self._load = load
        self._ending = False
        self._exchanges = [0] * len(load.dials)
        self._longest = [0.0] * len(load.dials)
        self._failed = 0
        self._failures: list[Dialled] = []
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._come_again(number)) for number in range(len(load.dials))]

    async def finish(self, seconds: float) -> Loaded:
        """Wait until all rounds are over, or end those that have no number; at most ``seconds``.

        Raises:
            UsageError: A dial asks for what is impossible.
        """
        self._ending = self._load.rounds == 0
        done, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        for task in done:
            task.result()
        return Loaded(
            exchanges=tuple(self._exchanges),
            longest=tuple(self._longest),
            failed=self._failed,
            failures=tuple(self._failures),
        )

    def close(self) -> None:
        """End the clients where they are."""
        for task in self._tasks:
            task.cancel()

    async def _come_again(self, number: int) -> None:
        """Hold the exchanges of one client."""
        left = self._load.rounds
        while not self._ending:
            self._note(number, await dial(self._load.dials[number]))
            left -= 1
            if left == 0:
                return
            await asyncio.sleep(self._load.pause)

    def _note(self, number: int, dialled: Dialled) -> None:
        """Count an exchange."""
        self._exchanges[number] += 1
        self._longest[number] = max(self._longest[number], dialled.seconds)
        if dialled.outcome is not Outcome.ANSWERED:
            self._failed += 1
            if len(self._failures) < _MOST_FAILURES:
                self._failures.append(dialled)
