"""Ctrl-C during ``dualstack run``: the first one ends the run with reports, the second one kills it."""

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import Any, Self

from dualstack.lab.forked import Forked

_GRACE = 1.7
"""Seconds that the work may take to end after an interrupt."""


class Interrupts:
    """Passes SIGINT (Ctrl-C) and SIGTERM on to the pytest that does the work, which then writes its reports and ends.

    It is killed if it still runs after `_GRACE` seconds, or when a second signal arrives.

    Attributes:
        number: How many signals arrived.
    """

    def __init__(self) -> None:
        """Start with no signal."""
        self.number = 0
        self._process: Forked | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Replace the handlers of the signals."""
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._kill)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the handlers that were there before."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pass_on_to(self, process: Forked) -> None:
        """Pass signals on to the process group that ``process`` leads; the terminal's Ctrl-C does not reach it."""
        self._process = process
        if self.number:
            self._pass_on()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        """Count a signal, and acknowledge the first one at once."""
        self.number += 1
        if self.number == 1:
            text = "\ndualstack: interrupted: stopping …\n"
            with contextlib.suppress(OSError):
                os.write(2, text.encode(sys.stderr.encoding or "ascii", errors="replace"))
            signal.setitimer(signal.ITIMER_REAL, _GRACE)
        if self._process is not None:
            self._pass_on()

    def _kill(self, _number: int, _frame: FrameType | None) -> None:
        """Kill the process that has not ended in time."""
        self.number += 1
        self._pass_on()

    def _pass_on(self) -> None:
        """Interrupt the group after the first signal, kill it after the second."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGINT if self.number == 1 else signal.SIGKILL)
