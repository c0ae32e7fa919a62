"""How long the rest of a run will take."""

from collections.abc import Mapping

from dualstack.casekey import CaseKey

_LEAST_SECONDS = 2.0
"""How long a run must have lasted before its rate says anything."""

_UNKNOWN = 1.0
"""The seconds of a case, in a run of which no case has been run before: its rate replaces them."""


class Remaining:
    """The cases that a run still has to do, by the time that each takes alone."""

    def __init__(self, seconds: Mapping[CaseKey, float | None]) -> None:
        """Take the planned cases.

        Args:
            seconds: How long each took last time; 0 if it does not apply, None if that is not known.
        """
        known = [item for item in seconds.values() if item]
        usual = sum(known) / len(known) if known else _UNKNOWN
        self._open = {key: usual if item is None else item for key, item in seconds.items()}
        self._done = 0.0

    def finished(self, key: CaseKey) -> None:
        """Take that a case has ended."""
        self._done += self._open.pop(key, 0.0)

    def left(self, elapsed: float) -> float | None:
        """Return the seconds that are left at the rate of this run so far; None if that cannot be said yet.

        Args:
            elapsed: The seconds since its first case began.
        """
        if not self._done or elapsed < _LEAST_SECONDS:
            return None
        return elapsed * sum(self._open.values()) / self._done


def duration(seconds: float) -> str:
    """Return a duration for people: ``0:07``, ``12:40``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
