"""Clients over TCP that are silent, and how long they keep their connections."""

from dataclasses import dataclass

from dualstack.prober.messages.crowds import Stage
from dualstack.prober.messages.exchanges import Dial, Outcome

_FACTOR, _SLACK = 1.5, 1.0


def alike_until(seconds: float) -> float:
    """Return how long a connection may live that counts as ended like one that lived ``seconds``.

    Services look for silent connections now and then, and a busy machine keeps them from it.
    """
    return seconds * _FACTOR + _SLACK


@dataclass(frozen=True, slots=True)
class Idle:
    """Clients over TCP that come at the same time and are silent from a stage on.

    Attributes:
        dials: One for each client.
        stage: How far each of them goes before it is silent.
        seconds: How long they are watched while none has lost its connection; from the last end on they are watched
            until `alike_until` of that.
    """

    dials: tuple[Dial, ...]
    stage: Stage
    seconds: float


@dataclass(frozen=True, slots=True)
class Idled:
    """How long one client of an `Idle` kept its connection.

    Attributes:
        outcome: How its exchange went, as far as it did.
        connected: Whether it had a connection that was open when it fell silent.
        lived: Seconds for which the connection was silent until it ended; of one that did not end, for which it was
            watched.
        ended: Whether it ended: the service closed or reset it.
    """

    outcome: Outcome
    connected: bool
    lived: float
    ended: bool
