"""Concurrent clients over TCP or UDP that repeat their exchanges."""

from dataclasses import dataclass

from dualstack.prober.messages.exchanges import Dial, Dialled
from dualstack.prober.messages.requests import Handle, ObjectRequest, Request


@dataclass(frozen=True, slots=True)
class Load(Request[Handle]):
    """Start clients, all at the same time, that repeat an exchange, each time on a new connection or socket.

    Attributes:
        dials: One for each client, at most `MOST_CLIENTS`.
        rounds: How many exchanges each client carries out; 0 to repeat them until the load is ended.
        pause: Seconds that a client waits between two exchanges.
    """

    dials: tuple[Dial, ...]
    rounds: int = 1
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of a `Load`.

    Attributes:
        exchanges: How many exchanges each client has finished, in the order of the dials.
        longest: The duration of each client's longest exchange in seconds, in that order; 0.0 if it finished none.
        failed: How many of all exchanges ended neither with the right answer nor with that of a limit.
        failures: The first few of those.
        late: By how many seconds the clients were late at most, because this machine was busy.
        statuses: The greatest status or reply code of each client's answers, in the order of the dials; 0 without one.
        limited: How many of all exchanges ended with the answer of a limit (`LIMITS`).
        lost: How many exchanges of each client `failed` counts, in the order of the dials.
    """

    exchanges: tuple[int, ...]
    longest: tuple[float, ...]
    failed: int
    failures: tuple[Dialled, ...]
    late: float = 0.0
    statuses: tuple[int, ...] = ()
    limited: int = 0
    lost: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FinishLoad(ObjectRequest[LoadResult]):
    """Wait until all rounds of a `Load` are over; end the clients of one without a number of rounds.

    Attributes:
        timeout: Seconds after which clients are ended; an exchange that has not ended then is not counted.
    """

    timeout: float
