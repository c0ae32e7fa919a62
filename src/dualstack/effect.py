"""Classify the outcome of one start from the service's sockets, its answers and its output."""

import contextlib
import enum
import errno
import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, combinations, product

from dualstack.families import WILDCARDS, Family, unmapped
from dualstack.prober.messages import Exit, SocketRow

_COMPLAINT = re.compile(
    r"error|errno|\berr\b|E(ADDR|AF|ACCES|PERM|INVAL)\w*|exception|fail|panic|fatal|warn|cannot|can't|could ?n[o']t"
    r"|unable|in use|denied|refused|not (supported|available|permitted)|invalid",
    re.IGNORECASE,
)
"""Matches a line of output that reports a failure; narrower than `dualstack.complaint`, which looks for the cause."""

_ERRNOS = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ENETUNREACH)
_ERRNO = re.compile(
    "|".join(
        rf"\b{errno.errorcode[number]}\b|(?:errno|os error) {number}\b|{os.strerror(number)}" for number in _ERRNOS
    )
    + r"|address (?:already )?in use|can(?:no|')t assign requested address|protocol family unavailable",
    re.IGNORECASE,
)
"""How programs write the errors of socket() and bind() for a missing family or a port that is in use."""

_FAMILY = re.compile(r"\b(?:ipv?[46]|inet[46]?|af_inet6?|pf_inet6?|(?:tcp|udp)[46]|v6only)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w:.])[0-9A-Fa-f:.]{2,}(?!\w)")


@enum.unique
class Effect(enum.Enum):
    """The outcome of a start; the value is the word for tables and data."""

    BOTH = "both"
    """It serves both families."""
    ONE = "one"
    """It serves one family; no other was configured, or the host has no other."""
    NONE = "none"
    """It serves no client, and does not end with an error."""
    WIDER = "wider"
    """It serves a family, or every address, beyond what was configured."""
    NARROWER = "narrower"
    """It serves one of the two configured families, and its output does not mention the other."""
    REFUSES = "refuses"
    """It ends with an error."""
    HALF = "half-started"
    """It serves one of the two families, reports the failure of the other, and keeps running."""
    LATE = "late"
    """One of its sockets is bound but does not listen: listen() failed, not bind()."""
    SPLIT = "split"
    """Sockets of two programs take the same clients (SO_REUSEPORT): the kernel distributes them, without an error."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was observed of a start.

    Attributes:
        asked: The families that it was configured to serve.
        address: The one address or name that it was configured to listen on; empty for every address.
        world: The families that its host has.
        own: Its unconnected sockets on the port.
        others: The unconnected sockets of other programs on the port.
        answered: The families over which the port answered.
        ended: How it ended; None while it runs.
        output: Its output so far.
        port: The port that it was configured to listen on.
    """

    asked: frozenset[Family]
    address: str
    world: frozenset[Family]
    own: tuple[SocketRow, ...] = ()
    others: tuple[SocketRow, ...] = ()
    answered: frozenset[Family] = frozenset()
    ended: Exit | None = None
    output: str = ""
    port: int = 0


def serving(rows: Iterable[SocketRow]) -> tuple[SocketRow, ...]:
    """Return the sockets that take clients: listening TCP ones, and unconnected UDP ones."""
    return tuple(row for row in rows if row.state in {"LISTEN", "UNCONN"})


def admission(output: str, port: int) -> str:
    """Return the first output line that reports a failure of this port, an address, a family or a bind; else empty."""
    lines = (line.strip() for line in output.splitlines() if _COMPLAINT.search(line))
    return next((line for line in lines if _is_about_listening(line, port)), "")


def _is_about_listening(line: str, port: int) -> bool:
    """Return whether a line names the port, an address, a family, or an error of bind()."""
    return bool(
        _ERRNO.search(line)
        or _FAMILY.search(line)
        or (port and re.search(rf"(?<!\d){port}(?!\d)", line))
        or any(map(_is_address, _ADDRESS.findall(line)))
    )


def _is_address(word: str) -> bool:
    """Return whether a word is an IP address, with or without a port behind it."""
    word = word.rstrip(":.")
    for text in (word, word.rpartition(":")[0]):
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(text)
            return True
    return False


def effect_of(seen: Evidence) -> Effect:
    """Return the outcome of a start.

    A family counts as served if the port answered over it and one of the service's sockets takes it: the answer may
    come from another program that has the port too.
    """
    own = serving(seen.own)
    opened = frozenset(chain.from_iterable(row.serves for row in own))
    served, expected = opened & seen.answered, seen.asked & seen.world
    if len(own) < len(seen.own) and not expected <= served:
        return Effect.LATE
    if not own:
        reported = seen.ended is not None and (seen.ended.code != 0 or bool(admission(seen.output, seen.port)))
        return Effect.REFUSES if reported else Effect.NONE
    if _shared(own, serving(seen.others)):
        return Effect.SPLIT
    if opened - seen.asked or (seen.address and any(unmapped(row.address) in WILDCARDS for row in own)):
        return Effect.WIDER
    if served and expected <= served:
        return Effect.BOTH if len(served) > 1 else Effect.ONE
    lost = Effect.HALF if admission(seen.output, seen.port) else Effect.NARROWER
    return lost if served else Effect.NONE


def _shared(own: tuple[SocketRow, ...], others: tuple[SocketRow, ...]) -> bool:
    """Return whether one of its sockets and one of another program take the same family at the same addresses.

    Several sockets of one program on one port only distribute its load: every client reaches the same service.
    """
    several = ((one, other) for one, other in combinations(own, 2) if _program(one) != _program(other))
    pairs = [*several, *product(own, others)]
    return any(one.serves & other.serves and _same_place(one, other) for one, other in pairs)


def _program(row: SocketRow) -> str:
    """Return the name of the program that has a socket, without its process number."""
    return row.owner.rpartition("(")[0]


def _same_place(one: SocketRow, other: SocketRow) -> bool:
    """Return whether two sockets are on one address, or both on all of them."""
    return one.address == other.address or {unmapped(one.address), unmapped(other.address)} <= WILDCARDS
