"""Reaping: how child processes ended; no orphan stays a zombie."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from dualstack.prober.libc import prctl
from dualstack.prober.messages import Exit

_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


class Reaper:
    """Waits for every child of this process; for PID 1 that includes each orphan of the namespace.

    Attributes:
        changed: A pulse each time a child has ended: it is set and cleared at once.
    """

    def __init__(self) -> None:
        """Handle SIGCHLD in the running loop."""
        self.changed = asyncio.Event()
        self._watched: dict[int, Callable[[Exit], None]] = {}
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def watch(self, pid: int, ended: Callable[[Exit], None]) -> None:
        """Call ``ended`` when the child ``pid`` has ended.

        It must be called in the same step of the loop as the fork, before the child can have been reaped.
        """
        self._watched[pid] = ended

    def _reap(self) -> None:
        """Collect all children that have ended; one SIGCHLD may stand for several."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                ended = self._watched.pop(pid, None)
                if ended is not None:
                    ended(exit_of(status))
        pulse(self.changed)


def adopt_orphans() -> None:
    """Make this process the parent of orphaned descendants (PR_SET_CHILD_SUBREAPER), as PID 1 is anyway."""
    prctl(_SET_CHILD_SUBREAPER, 1)


def pulse(event: asyncio.Event) -> None:
    """Wake all tasks that wait for ``event`` now."""
    event.set()
    event.clear()


async def pulsed(event: asyncio.Event, seconds: float) -> None:
    """Return at the next pulse of ``event``, at the latest after ``seconds``."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def exit_of(status: int) -> Exit:
    """Return how a process ended, from its wait status."""
    code = os.waitstatus_to_exitcode(status)
    return Exit(code=code) if code >= 0 else Exit(code=None, signal=signal_name(-code))


def signal_name(number: int) -> str:
    """Return a signal's name; real-time signals, which have none, by their number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
