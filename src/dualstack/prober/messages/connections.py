"""Many clients over TCP that keep their connections open."""

import enum
from dataclasses import dataclass

from dualstack.prober.messages.exchanges import Dial, Dialled
from dualstack.prober.messages.requests import Handle, ObjectRequest, Request

MOST_CLIENTS = 400
"""How many clients a `HoldConnections` or a `Load` may have."""


@enum.unique
class Stage(enum.Enum):
    """How far an exchange over TCP proceeds before its client stops sending and reading."""

    CONNECTED = "connected"
    """The connection is established; nothing was sent."""
    HALF_SENT = "half sent"
    """The first half of the request was sent."""
    SENT = "sent"
    """The whole request was sent (with ``half_close`` also its end); nothing was read."""
    ANSWERED = "answered"
    """The exchange has ended, with whatever outcome."""


@dataclass(frozen=True, slots=True)
class Connected:
    """How the clients of a `HoldConnections` connected.

    Attributes:
        handle: The connections, for later requests.
        clients: How far each client came, in the order of the dials; with ``in_turn`` the last ones may be missing.
        held: How many of them have a connection.
    """

    handle: Handle
    clients: tuple[Dialled, ...]
    held: int


@dataclass(frozen=True, slots=True)
class HoldConnections(Request[Connected]):
    """Connect clients over TCP that stop at a stage and keep their connections until the handle is closed.

    Attributes:
        dials: One for each client, at most `MOST_CLIENTS`.
        stage: Where each of them stops.
        in_turn: Whether each client starts after the one before it was answered; otherwise all start at the same time.
            The first client that is not answered is the last one and keeps no connection.
    """

    dials: tuple[Dial, ...]
    stage: Stage = Stage.CONNECTED
    in_turn: bool = False

    @property
    def time_limit(self) -> float:
        """Seconds until the last client has connected."""
        seconds = [dial.timeout for dial in self.dials]
        return sum(seconds) if self.in_turn else max(seconds, default=0.0)


@dataclass(frozen=True, slots=True)
class Ends:
    """The state of the connections of a `HoldConnections`.

    Attributes:
        open: How many are open.
        closed: How many the service has closed.
        reset: How many it has reset, or that failed otherwise.
    """

    open: int
    closed: int
    reset: int


class CountEnds(ObjectRequest[Ends]):
    """Count the connections of a `HoldConnections` by their state."""

    __slots__ = ()


class FindClosed(ObjectRequest[tuple[bool, ...]]):
    """Return, for each connected client that sent nothing, whether the service closed its connection."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ExchangeNow(ObjectRequest[tuple[Dialled, ...]]):
    """Carry out the exchanges of the connected clients that sent nothing, at the same time; then close.

    Attributes:
        timeout: The longest timeout of their dials, in seconds.
    """

    timeout: float


class SendResets(ObjectRequest[None]):
    """End the connections of a `HoldConnections` with a TCP reset each."""

    __slots__ = ()
