"""What a start of a service came to: its sockets, the answers and its own word, brought down to one of few effects."""

import contextlib
import enum
import errno
import ipaddress
import os
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

_ERRNOS = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ENETUNREACH)
_ERRNO = re.compile(
    "|".join(
        rf"\b{errno.errorcode[number]}\b|(?:errno|os error) {number}\b|{os.strerror(number)}" for number in _ERRNOS
    )
    + r"|address (?:already )?in use|can(?:no|')t assign requested address|protocol family unavailable",
    re.IGNORECASE,
)
"""How programs write the errors with which socket() and bind() end where a family or a port is not to be had."""

_FAMILY = re.compile(r"\b(?:ipv?[46]|inet[46]?|af_inet6?|pf_inet6?|(?:tcp|udp)[46]|v6only)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w:.])[0-9A-Fa-f:.]{2,}(?!\w)")


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
    """Sockets of two programs take the same clients (SO_REUSEPORT): the kernel deals them out, and reports no error."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is seen of a start.

    Attributes:
        asked: The families that it was told to serve.
        address: The one address, or the name, that it was told to listen on; empty for every address.
        world: The families that its host has.
        own: Its sockets on the port that are not connected.
        others: Those of others.
        answered: The families over which the port answered.
        ended: How it ended; None while it runs.
        output: What it has written.
        port: The port that it was told to listen on.
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
    """Return the sockets that take what comes: listening TCP ones, and unconnected UDP ones."""
    return tuple(row for row in rows if row.state in {"LISTEN", "UNCONN"})


def complaint(output: str) -> str:
    """Return the first line in which a program says that something did not work; empty if there is none."""
    return next((line.strip() for line in output.splitlines() if _COMPLAINT.search(line)), "")


def admission(output: str, port: int) -> str:
    """Return the first complaint that is about the port, an address, a family or the errno of a bind; or nothing."""
    lines = (line.strip() for line in output.splitlines() if _COMPLAINT.search(line))
    return next((line for line in lines if _is_about_listening(line, port)), "")


def _is_about_listening(line: str, port: int) -> bool:
    """Return whether a line names the port, an address, a family, or an error that a bind ends with."""
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
        loud = seen.ended is not None and (seen.ended.code != 0 or bool(admission(seen.output, seen.port)))
        return Effect.REFUSES if loud else Effect.NONE
    if _shared(own, serving(seen.others)):
        return Effect.SPLIT
    if opened - seen.asked or (seen.address and any(unmapped(row.address) in _WILDCARDS for row in own)):
        return Effect.WIDER
    if served and expected <= served:
        return Effect.BOTH if len(served) > 1 else Effect.ONE
    lost = Effect.HALF if admission(seen.output, seen.port) else Effect.NARROWER
    return lost if served else Effect.NONE


def _shared(own: tuple[SocketRow, ...], others: tuple[SocketRow, ...]) -> bool:
    """Return whether one of its sockets takes the same family's clients, at the same addresses, as another program's.

    Several sockets of one program on one port are how it spreads its load: each client meets the same service.
    """
    several = ((one, other) for one, other in combinations(own, 2) if _program(one) != _program(other))
    pairs = [*several, *product(own, others)]
    return any(one.serves & other.serves and _same_place(one, other) for one, other in pairs)


def _program(row: SocketRow) -> str:
    """Return the name of the program that has a socket, without its process number."""
    return row.owner.rpartition("(")[0]


def _same_place(one: SocketRow, other: SocketRow) -> bool:
    """Return whether two sockets are on one address, or both on all of them."""
    return one.address == other.address or {unmapped(one.address), unmapped(other.address)} <= _WILDCARDS
