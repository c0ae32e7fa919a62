"""Control of running processes: signals, pauses and their resource usage."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from time import monotonic

from dualstack.errors import HarnessError, HostCannot, UsageError
from dualstack.prober.messages import ResourceUsage
from dualstack.prober.processes import count_descriptors, handled_signals, process_name, processes, thread_times

_PAUSE_TIMEOUT = 5.0  # seconds within which SIGSTOP must have worked
_POLL_INTERVAL = 0.001  # seconds between two checks whether it has


class ProcessControl:
    """The processes of one program.

    Attributes:
        members: Returns all of them, by number.
        main: Returns the number of the one that signals are sent to; None once it has ended.
    """

    def __init__(self, members: Callable[[], set[int]], main: Callable[[], int | None]) -> None:
        """Take the functions that list them."""
        self.members = members
        self.main = main

    async def send_signals(self, names: Sequence[str], every: float) -> None:
        """Send signals to the main process, ``every`` seconds apart, until it has ended.

        Raises:
            UsageError: There is no such signal.
        """
        numbers = [signal_number(name) for name in names]
        main = self.main()
        if main is None:
            return
        with suppress(ProcessLookupError):
            for number in numbers:
                os.kill(main, number)
                await asyncio.sleep(every)

    async def pause(self) -> None:
        """Stop all processes (SIGSTOP), and wait until none of them runs.

        Raises:
            HarnessError: One of them still runs.
        """
        start = monotonic()
        while running := self._running():
            if monotonic() - start > _PAUSE_TIMEOUT:
                names = ", ".join(process_name(pid) for pid in sorted(running))
                raise HarnessError(f"{names} still ran {_PAUSE_TIMEOUT:g} s after SIGSTOP")
            send(running, signal.SIGSTOP)
            await asyncio.sleep(_POLL_INTERVAL)

    def resume(self) -> None:
        """Continue all processes (SIGCONT)."""
        send(self.members(), signal.SIGCONT)

    def resource_usage(self) -> ResourceUsage:
        """Return the resource usage of the processes.

        Raises:
            HostCannot: There is no permission to list the descriptors of one of them.
        """
        table, members = processes(), self.members()
        own = [table[pid] for pid in members if pid in table]
        try:
            descriptors = sum(count_descriptors(process.pid) for process in own)
        except PermissionError as error:
            raise HostCannot(f"the open files of the service cannot be counted: {error}") from None
        return ResourceUsage(
            processes=len(own),
            descriptors=descriptors,
            zombies=sum(process.state == "Z" for process in own),
            handled=handled_signals(self.main()),
            thread_times=tuple(item for pid in members for item in thread_times(pid)),
            at=monotonic(),
        )

    def _running(self) -> set[int]:
        """Return the processes that are neither stopped nor ended."""
        table = processes()
        return {pid for pid in self.members() if pid in table and table[pid].state not in "tTZX"}


def signal_number(name: str) -> signal.Signals:
    """Return the signal of that name.

    Raises:
        UsageError: There is none.
    """
    number = getattr(signal, name, None)
    if not isinstance(number, signal.Signals):
        raise UsageError(f"there is no signal {name!r}")
    return number


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that still exists."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
