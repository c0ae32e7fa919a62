"""Deadlines: a timeout with the name of what is waited for."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dualstack.errors import DeadlineExpired

_POLL_INTERVAL = 0.01
"""Seconds between two polls of a condition that has no event."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time until which something is waited for.

    Attributes:
        seconds: The timeout, from the moment when the deadline is created.
        what: What is waited for; the error names it.
    """

    seconds: float
    what: str
    _end: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        object.__setattr__(self, "_end", time.monotonic() + self.seconds)

    @property
    def remaining(self) -> float:
        """The seconds that are left, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.remaining == 0.0

    def until(self, condition: Callable[[], bool]) -> bool:
        """Poll ``condition``, at least once, until it is true or the deadline passes; return its last value."""
        while not condition():
            if self.expired:
                return False
            time.sleep(min(_POLL_INTERVAL, self.remaining))
        return True

    def check(self, detail: str = "") -> None:
        """Raise `DeadlineExpired` if no time is left; ``detail`` adds what was seen instead."""
        if self.expired:
            raise self.error(detail)

    def error(self, detail: str = "") -> DeadlineExpired:
        """Return the error for this wait, with an optional ``detail``."""
        return DeadlineExpired(f"waited {self.seconds:g} s for {self.what}" + (f"; {detail}" if detail else ""))
