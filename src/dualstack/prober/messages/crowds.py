"""Many clients over TCP or UDP: those that keep their connections, and those that come again and again."""

import enum
from dataclasses import dataclass

from dualstack.prober.messages.exchanges import Dial, Dialled

MOST_CLIENTS = 400
"""How many clients a `Linger` or a `Load` may have."""


@enum.unique
class Stage(enum.Enum):
    """How far an exchange over TCP goes before its client falls silent."""

    CONNECTED = "connected"
    """The connection is there, and nothing was sent."""
    HALF_SENT = "half sent"
    """The first half of the request was sent."""
    SENT = "sent"
    """The request was sent (with ``half_close``: and its end), and nothing was read."""
    ANSWERED = "answered"
    """The exchange is over, however it ended."""


@dataclass(frozen=True, slots=True)
class Linger:
    """Clients over TCP that fall silent, and keep their connections until they are closed.

    Attributes:
        dials: One for each client, at most `MOST_CLIENTS`.
        stage: How far each of them goes.
        in_turn: Whether each comes after the one before it was answered; all begin at the same time if not. Who is not
            answered then is the last, and keeps no connection.
    """

    dials: tuple[Dial, ...]
    stage: Stage = Stage.CONNECTED
    in_turn: bool = False


@dataclass(frozen=True, slots=True)
class Ends:
    """What has become of the connections of clients that linger.

    Attributes:
        open: How many are open.
        closed: How many the service has closed.
        reset: How many it has reset, or lost in another way.
    """

    open: int
    closed: int
    reset: int


@dataclass(frozen=True, slots=True)
class Load:
    """Clients that begin at the same time and hold one exchange after the other, each on a new connection or socket.

    Attributes:
        dials: One for each client, at most `MOST_CLIENTS`.
        rounds: How many exchanges each client holds; 0 for as many as it can until the load is ended.
        pause: Seconds that a client waits between two exchanges.
    """

    dials: tuple[Dial, ...]
    rounds: int = 1
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a `Load`.

    Attributes:
        exchanges: How many exchanges each client has finished, in the order of the dials.
        longest: The seconds that the longest exchange of each client took, in that order; 0.0 if it finished none.
        failed: How many of all exchanges did not end with the right answer.
        failures: The first few of those.
    """

    exchanges: tuple[int, ...]
    longest: tuple[float, ...]
    failed: int
    failures: tuple[Dialled, ...]
