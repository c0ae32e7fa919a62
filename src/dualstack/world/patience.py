"""How long a connector is waited for: its timeout, and longer if the machine starves it of CPU."""

import contextlib
from collections.abc import Callable

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, HarnessError, HostCannot
from dualstack.lab.protocol import Program
from dualstack.prober.messages import STARVATION_FACTOR, Exit

_LOOK = 0.25
"""Seconds between two looks whether a wait may be ended."""

_REPORT = 1.0
"""Seconds within which the end of a program is reported whose processes have ended."""

_LEAST = 0.1
"""Seconds: a wait is not extended by less."""


class Patience:
    """A wait for a program.

    Attributes:
        deadline: When it ends.
        seconds: How many seconds it has been given.
    """

    def __init__(self, program: Program, allowed: float, what: str) -> None:
        """Begin to wait for something of a program, for ``allowed`` seconds."""
        self.deadline = Deadline(allowed, what)
        self.seconds = allowed
        self._allowed = allowed
        self._program = program

    def extend(self) -> bool:
        """Return whether the wait, whose time is up, continues: the machine has starved the program of CPU.

        It gets that much more, up to `STARVATION_FACTOR` times its timeout. If its processes have ended, the kernel no
        longer says how long they had no CPU: the wait continues until the end is reported.
        """
        limit = min(self._allowed + _starved(self._program), self._allowed * STARVATION_FACTOR)
        more = limit - self.seconds
        if more < _LEAST:
            return False
        self.seconds = limit
        self.deadline = Deadline(more, self.deadline.what)
        return True

    def await_end(self, enough: Callable[[], bool] | None = None) -> Exit:
        """Wait for the program's end, at most until ``enough`` is true.

        Raises:
            DeadlineExpired: It still runs.
        """
        while enough is not None and self.deadline.remaining > _LOOK:
            try:
                return self._program.wait(Deadline(_LOOK, self.deadline.what))
            except DeadlineExpired:
                if enough():
                    raise
        while True:
            try:
                return self._program.wait(self.deadline)
            except DeadlineExpired:
                if not self.extend():
                    raise


def _starved(program: Program) -> float:
    """Return the seconds for which a thread of a program could have run but had no CPU; 0 if they are not counted."""
    with contextlib.suppress(HostCannot, HarnessError):
        usage = program.resource_usage()
        waiting = max((item.waiting for item in usage.thread_times), default=0.0)
        return waiting if usage.processes > usage.zombies else max(waiting, _REPORT)
    return 0.0
