"""Waiting until a program is ready: which conditions it does not meet yet, and when the wait ends."""

import asyncio
from collections.abc import Collection
from time import monotonic
from typing import Protocol

from dualstack.prober.children import pulsed
from dualstack.prober.messages import STARVATION_FACTOR, Await, Exit, Readiness
from dualstack.prober.output import Output, Watch
from dualstack.prober.processes import kept_waiting, process_name, socket_owners
from dualstack.prober.readiness import not_listening, unready
from dualstack.prober.sockdiag import KernelSocket, SocketTable
from dualstack.transport import Transport

_FIRST_INTERVAL, _LAST_INTERVAL = 0.001, 0.01  # seconds between two looks at the socket table


class Followed(Protocol):
    """A program that was started."""

    @property
    def exit(self) -> Exit | None:
        """How it ended; None while it runs."""

    @property
    def is_gone(self) -> bool:
        """Whether none of its processes is left."""

    @property
    def output(self) -> Output:
        """What it has written."""

    @property
    def changed(self) -> asyncio.Event:
        """A pulse at each output and at its end."""

    def members(self) -> Collection[int]:
        """Return its processes."""


class ReadyWait:
    """One wait for a program."""

    def __init__(self, program: Followed, condition: Await, table: SocketTable) -> None:
        """Prepare to wait."""
        self._program = program
        self._condition = condition
        self._table = table
        self._serving_since: float | None = None

    async def run(self) -> Readiness:
        """Return when the program is ready, when all its processes have ended, or when the timeout expires.

        The timeout is extended by the time for which other programs kept it from the CPU, see `STARVATION_FACTOR`.
        """
        condition, output = self._condition, self._program.output
        watch = output.watch(condition.log) if condition.log is not None else None
        try:
            return await self._run(watch)
        finally:
            if watch is not None:
                output.unwatch(watch)

    async def _run(self, watch: Watch | None) -> Readiness:
        """Look until the wait ends."""
        condition, program = self._condition, self._program
        start, timeout, interval = monotonic(), condition.timeout, _FIRST_INTERVAL
        while True:
            missing = self._missing(watch)
            passed = monotonic() - start
            # While a program forks, a look at /proc may miss its only process: one that is found proves that it runs,
            # none proves nothing. Only the end of the supervisor, right after the last process, proves the end.
            ready = not missing and (program.exit is None or bool(program.members()))
            if passed >= timeout:
                timeout = min(
                    condition.timeout + kept_waiting(program.members()), condition.timeout * STARVATION_FACTOR
                )
            if program.is_gone or ready or passed >= timeout:
                return self._readiness(passed, missing, ready=ready)
            await pulsed(program.changed, min(interval, timeout - passed))
            interval = min(interval * 1.5, _LAST_INTERVAL)

    def _missing(self, watch: Watch | None) -> list[str]:
        """Return the conditions that are not met yet, one phrase each."""
        missing = []
        if watch is not None and watch.line is None:
            missing.append(f"no line of its output matches {self._condition.log!r}")
        if self._condition.port:
            missing += self._missing_socket()
        return missing

    def _missing_socket(self) -> list[str]:
        """Return why the program does not own the port yet, as a list of one phrase; empty if it does."""
        condition = self._condition
        where = f"{condition.transport.value.upper()} port {condition.port}"
        serving = self._table.serving(condition.transport, condition.port)
        if not serving:
            return [not_listening(condition)]
        owners, members = socket_owners(), set(self._program.members())
        own = [item for item in serving if owners.get(item.inode, set()) & members]
        if own:
            return self._missing_families(own)
        others = set().union(*(owners.get(item.inode, set()) for item in serving))
        names = ", ".join(process_name(pid) for pid in sorted(others)) or "a process that cannot be seen"
        return [f"{where} belongs to {names}, not to it"]

    def _missing_families(self, own: list[KernelSocket]) -> list[str]:
        """Return which family has no socket yet, as a list of one phrase; empty after the grace period, too."""
        condition = self._condition
        if self._serving_since is None:
            self._serving_since = monotonic()
        served = set().union(*(item.serves for item in own))
        missing = [family.label for family in condition.families if family not in served]
        if not missing or monotonic() - self._serving_since >= condition.grace:
            return []
        return [f"its sockets on port {condition.port} do not serve {' and '.join(missing)}"]

    def _serving(self) -> list[tuple[Transport, int]]:
        """Return transport and port of each socket on which the program accepts clients."""
        owners, members = socket_owners(), set(self._program.members())
        own = [item for item in self._table.sockets() if owners.get(item.inode, set()) & members]
        return [(item.transport, item.port) for item in own if item.serving]

    def _readiness(self, seconds: float, missing: list[str], *, ready: bool) -> Readiness:
        """Return the result of the wait, with its sentence."""
        how = self._program.exit
        if ready and how is None:
            detail = "it is ready"
        elif ready:
            left = ", ".join(process_name(pid) for pid in sorted(self._program.members()))
            detail = f"it {how}, and what it left behind is ready: {left}"
        else:
            detail = unready(self._condition, seconds, how, missing, self._serving())
        return Readiness(ready=ready, exit=how, seconds=seconds, detail=detail)
