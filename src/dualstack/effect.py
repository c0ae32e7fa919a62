"""What a start of a service came to: its sockets, the answers and its own word, brought down to one of few effects."""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, combinations, product

from dualstack.families import Family, unmapped
from dualstack.prober.messages import Exit, SocketRow

_WILDCARDS = {family.wildcard for family in Family}

_COMPLAINT = re.compile(
    r"error|errno|\berr\b|E(ADDR|AF|ACCES|PERM|INVAL)\w*|exception|fail|panic|fatal|warn|cannot|can't|could ?n[o']t"
    r"|unable|in use|denied|refused|not (supported|available|permitted)|invalid",
    re.IGNORECASE,
)
"""What a line of output has in it that says that something did not work."""


@enum.unique
class Effect(enum.Enum):
    """What a start came to; the value is the word for tables and data."""

    BOTH = "both"
    """It serves both families."""
    ONE = "one"
    """It serves one family, and no other was asked for, or the world has no other."""
    NONE = "none"
    """It serves nobody, and does not say so by refusing."""
    WIDER = "wider"
    """It serves a family, or every address, that was not asked for."""
    NARROWER = "narrower"
    """It serves one of the two families that were asked for, and says nothing of the other."""
    REFUSES = "refuses"
    """It ends with an error."""
    HALF = "half-started"
    """It lost one of the two families, says so, and runs on."""
    LATE = "late"
    """A socket of it is bound, but does not listen: the conflict came with listen(), not with bind()."""
    SPLIT = "split"
    """Two sockets of the port take the same clients (SO_REUSEPORT): the kernel deals them out, and nobody is told."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is seen of a start.

    Attributes:
        asked: The families that it was told to serve.
        address: The one address that it was told to listen on; empty when it was told none.
        world: The families that its host has.
        own: Its sockets on the port that are not connected.
        others: Those of others.
        answered: The families over which the port answered.
        ended: How it ended; None while it runs.
        output: What it has written.
    """

    asked: frozenset[Family]
    address: str
    world: frozenset[Family]
    own: tuple[SocketRow, ...] = ()
    others: tuple[SocketRow, ...] = ()
    answered: frozenset[Family] = frozenset()
    ended: Exit | None = None
    output: str = ""


def serving(rows: Iterable[SocketRow]) -> tuple[SocketRow, ...]:
    """Return the sockets that take what comes: listening TCP ones, and unconnected UDP ones."""
    return tuple(row for row in rows if row.state in {"LISTEN", "UNCONN"})


def complaint(output: str) -> str:
    """Return the first line in which a program says that something did not work; empty if there is none."""
    return next((line.strip() for line in output.splitlines() if _COMPLAINT.search(line)), "")


def effect_of(seen: Evidence) -> Effect:
    """Return what a start came to.

    A family counts as served if the port answered over it and a socket of the service's own takes it: an answer may
    come from who has the port besides.
    """
    own = serving(seen.own)
    opened = frozenset(chain.from_iterable(row.serves for row in own))
    served, expected = opened & seen.answered, seen.asked & seen.world
    if len(own) < len(seen.own) and not expected <= served:
        return Effect.LATE
    if not own:
        loud = seen.ended is not None and (seen.ended.code != 0 or bool(complaint(seen.output)))
        return Effect.REFUSES if loud else Effect.NONE
    if _shared(own, serving(seen.others)):
        return Effect.SPLIT
    if opened - seen.asked or (seen.address and any(_covers_more(row, seen.address) for row in own)):
        return Effect.WIDER
    if served and expected <= served:
        return Effect.BOTH if len(served) > 1 else Effect.ONE
    lost = Effect.HALF if complaint(seen.output) else Effect.NARROWER
    return lost if served else Effect.NONE


def _shared(own: tuple[SocketRow, ...], others: tuple[SocketRow, ...]) -> bool:
    """Return whether one of its sockets takes the same family's clients, at the same addresses, as another socket."""
    pairs = [*combinations(own, 2), *product(own, others)]
    return any(one.serves & other.serves and _same_place(one, other) for one, other in pairs)


def _same_place(one: SocketRow, other: SocketRow) -> bool:
    """Return whether two sockets are on one address, or both on all of them."""
    return one.address == other.address or {unmapped(one.address), unmapped(other.address)} <= _WILDCARDS


def _covers_more(row: SocketRow, address: str) -> bool:
    """Return whether a socket takes more than what comes for ``address``."""
    return unmapped(row.address) in _WILDCARDS - {address}
