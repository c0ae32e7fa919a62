"""A measured time: its value, the interval that the true time is in, and the repetitions that it comes from."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_PLACES = 3
"""The decimal places of milliseconds that are kept."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A time that was measured several times, in milliseconds.

    A busy machine makes a measured time longer, never shorter, so the value is the minimum.

    Attributes:
        name: What was measured: ``attempt delay``.
        value: The minimum of the repetitions.
        low: The lower end of the interval that the true time is in.
        high: The upper end of that interval.
        repetitions: How many there were.
        median: Their median.
        spread: The difference between the largest and the smallest one.
        reference: What the standards say of it; empty without any.
    """

    name: str
    value: float
    low: float
    high: float
    repetitions: int
    median: float
    spread: float
    reference: str = ""

    @classmethod
    def of(cls, name: str, seconds: Sequence[float], *, error: float, reference: str = "") -> "Measure":
        """Return the measure of some repetitions.

        Args:
            name: What was measured.
            seconds: The repetitions, in seconds; at least one.
            error: By how many seconds the smallest one may be too long.
            reference: What the standards say of it.
        """
        times = [round(item * 1000, _PLACES) for item in seconds]
        least = min(times)
        return cls(
            name=name,
            value=least,
            low=round(max(0.0, least - error * 1000), _PLACES),
            high=least,
            repetitions=len(times),
            median=round(statistics.median(times), _PLACES),
            spread=round(max(times) - least, _PLACES),
            reference=reference,
        )

    def __str__(self) -> str:
        """Return it as text: ``attempt delay 200.9 ms (199.6 to 200.9)``."""
        return f"{self.name} {self.value:.1f} ms ({self.low:.1f} to {self.high:.1f})"

    @property
    def details(self) -> str:
        """Its repetitions as text: ``3 runs, median 201.2 ms, spread 1.4 ms``."""
        if self.repetitions == 1:
            return "1 run"
        return f"{self.repetitions} runs, median {self.median:.1f} ms, spread {self.spread:.1f} ms"
