"""Deadlines: how long to wait, and for what."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dualstack.errors import DeadlineExpired

_LOOK = 0.01
"""Seconds between two looks at what no event tells of."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time by which something named must have happened.

    Attributes:
        seconds: How long the wait may be in all.
        what: What is being waited for; it names the wait in the error.
    """

    seconds: float
    what: str
    _end: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        object.__setattr__(self, "_end", time.monotonic() + self.seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return self.remaining == 0.0

    def until(self, condition: Callable[[], bool]) -> bool:
        """Look until ``condition`` holds, at least once; return whether it does when the time is up at the latest."""
        while not condition():
            if self.expired:
                return False
            time.sleep(min(_LOOK, self.remaining))
        return True

    def check(self, detail: str = "") -> None:
        """Raise `DeadlineExpired` when the time is up; ``detail`` says what was seen instead."""
        if self.expired:
            raise self.error(detail)

    def error(self, detail: str = "") -> DeadlineExpired:
        """Return the error that names this wait."""
        return DeadlineExpired(f"waited {self.seconds:g} s for {self.what}" + (f"; {detail}" if detail else ""))
