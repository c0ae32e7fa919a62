"""A client of known delay, which shows how exact times are that are read from a capture."""

from dataclasses import dataclass

from dualstack.prober.messages.requests import Request


@dataclass(frozen=True, slots=True)
class Pace(Request[None]):
    """Begin TCP connections to two addresses, one ``seconds`` after the other; close both; and again, ``times`` times.

    Attributes:
        first: The address of the first connection.
        second: The address of the second one.
        port: The port of both.
        seconds: Seconds between the two.
        times: How often it is done.
    """

    first: str
    second: str
    port: int
    seconds: float
    times: int = 1

    @property
    def time_limit(self) -> float:
        """Seconds that it takes."""
        return self.seconds * self.times
