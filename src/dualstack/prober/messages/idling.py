"""Idle clients over TCP, and how long they keep their connections."""

from dataclasses import dataclass

from dualstack.prober.messages.connections import Stage
from dualstack.prober.messages.exchanges import Dial
from dualstack.prober.messages.requests import Request
from dualstack.protocols.judgement import Outcome

_FACTOR, _SLACK = 1.5, 1.0


def alike_until(seconds: float) -> float:
    """Return up to which duration a connection counts as ended by the same timeout as one that lasted ``seconds``.

    Services check for idle connections at intervals, and a busy machine delays the check.
    """
    return seconds * _FACTOR + _SLACK


@dataclass(frozen=True, slots=True)
class Idled:
    """How long one client of an `Idle` kept its connection.

    Attributes:
        outcome: The outcome of its exchange, up to the stage.
        connected: Whether it had an open connection when it became idle.
        lived: Seconds for which the connection was idle until it ended, or for which it was watched if it did not end.
        ended: Whether it ended: the service closed or reset it.
    """

    outcome: Outcome
    connected: bool
    lived: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Idle(Request[tuple[Idled, ...]]):
    """Connect clients over TCP at the same time; from a stage on they are idle.

    Attributes:
        dials: One for each client.
        stage: The stage at which each of them becomes idle.
        seconds: How long they are watched while all connections are open. After each end they are watched until
            `alike_until` of its duration.
    """

    dials: tuple[Dial, ...]
    stage: Stage
    seconds: float

    @property
    def time_limit(self) -> float:
        """Seconds that the watch may take: each connection that ends makes it longer."""
        seconds = self.seconds
        for _ in self.dials:
            seconds = alike_until(seconds)
        return seconds + max((dial.timeout for dial in self.dials), default=0.0)
