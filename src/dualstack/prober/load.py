"""Concurrent clients that repeat their exchanges."""

import asyncio
import resource
from collections.abc import Sequence

from dualstack.errors import HostCannot, UsageError
from dualstack.prober.dialling import exchange
from dualstack.prober.messages import MOST_CLIENTS, Dial, Dialled, Load, LoadResult, Outcome
from dualstack.prober.messages.load import FinishLoad
from dualstack.prober.messages.requests import Handle
from dualstack.prober.verbs import Agent, verb
from dualstack.protocols.judgement import LIMITS

_REPORTED_FAILURES = 5
_TICK = 0.05  # seconds between two looks whether the clients are late
_OWN_DESCRIPTORS = 64  # that the agent, or a service under load, has open beside its connections


def check_client_count(dials: Sequence[Dial]) -> None:
    """Check that there may be so many clients; a service has the same limit of descriptors as the agent.

    Raises:
        UsageError: There are too many clients, or none.
        HostCannot: The limit of open descriptors is too low.
    """
    if not 1 <= len(dials) <= MOST_CLIENTS:
        raise UsageError(f"1 to {MOST_CLIENTS} clients are possible at a time; found {len(dials)}")
    limit, needed = resource.getrlimit(resource.RLIMIT_NOFILE)[0], len(dials) + _OWN_DESCRIPTORS
    if limit < needed:
        raise HostCannot(f"{len(dials)} clients need {needed} open files; the limit here is {limit}: raise ulimit -n")


class RunningLoad:
    """The clients of one `Load`."""

    def __init__(self, load: Load) -> None:
        """Start the clients.

        Raises:
            UsageError: There are too many.
            HostCannot: The limit of open descriptors is too low.
        """
        check_client_count(load.dials)
        self._load = load
        self._ending = False
        self._exchanges = [0] * len(load.dials)
        self._longest = [0.0] * len(load.dials)
        self._statuses = [0] * len(load.dials)
        self._lost = [0] * len(load.dials)
        self._limited = 0
        self._failures: list[Dialled] = []
        self._late = 0.0
        loop = asyncio.get_running_loop()
        self._clock = loop.create_task(self._measure_lateness())
        self._tasks = [loop.create_task(self._repeat(number)) for number in range(len(load.dials))]

    async def finish(self, seconds: float) -> LoadResult:
        """Wait until all rounds are over, or end the clients of a load without a number of rounds.

        Clients that have not ended after ``seconds`` are ended.

        Raises:
            UsageError: A dial is not possible.
        """
        self._ending = self._load.rounds == 0
        done, late = await asyncio.wait(self._tasks, timeout=seconds)
        self._clock.cancel()
        for task in late:
            task.cancel()
        for task in done:
            task.result()
        return LoadResult(
            exchanges=tuple(self._exchanges),
            longest=tuple(self._longest),
            failed=sum(self._lost),
            failures=tuple(self._failures),
            late=self._late,
            statuses=tuple(self._statuses),
            limited=self._limited,
            lost=tuple(self._lost),
        )

    def close(self) -> None:
        """End the clients, also within an exchange."""
        for task in (self._clock, *self._tasks):
            task.cancel()

    async def _repeat(self, number: int) -> None:
        """Carry out the exchanges of one client."""
        left = self._load.rounds
        while not self._ending:
            self._note(number, await exchange(self._load.dials[number]))
            left -= 1
            if left == 0:
                return
            await asyncio.sleep(self._load.pause)

    async def _measure_lateness(self) -> None:
        """Note by how much this process is late: what a client does next is late by as much."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _TICK
            await asyncio.sleep(_TICK)
            self._late = max(self._late, loop.time() - due)

    def _note(self, number: int, dialled: Dialled) -> None:
        """Count an exchange."""
        self._exchanges[number] += 1
        self._longest[number] = max(self._longest[number], dialled.seconds)
        self._statuses[number] = max(self._statuses[number], dialled.status)
        if dialled.status in LIMITS:
            self._limited += 1
        elif dialled.outcome is not Outcome.ANSWERED:
            self._lost[number] += 1
            if len(self._failures) < _REPORTED_FAILURES:
                self._failures.append(dialled)


@verb(Load)
async def load(agent: Agent, request: Load) -> Handle:
    """Start a load."""
    return agent.keep(RunningLoad(request))


@verb(FinishLoad)
async def finish_load(agent: Agent, request: FinishLoad) -> LoadResult:
    """Wait for the end of a load, or end it."""
    return await agent.kept(RunningLoad, request.handle).finish(request.timeout)
