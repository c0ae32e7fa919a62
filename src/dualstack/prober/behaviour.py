"""How a question to the lab's name server is answered; `dualstack.prober.names` reads it from the name. Pure."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

DEFAULT_TTL = 60
"""Seconds; it has an effect only if a name is asked for twice."""


@enum.unique
class Action(enum.Enum):
    """How a question is answered."""

    OK = "ok"
    """All configured addresses; for HTTPS a record in ServiceMode (RFC 9460 §2.4.3) without hints."""
    FIRST = "first"
    """The first configured address only."""
    PICK = "pick"
    """``pick-201``: the configured addresses with these indexes, in this order."""
    NONE = "none"
    """NOERROR without an answer, with the zone's SOA: the name exists, the record does not (RFC 2308 §2.2)."""
    FORMERR = "formerr"
    """RCODE 1 (FORMERR)."""
    SERVFAIL = "servfail"
    """RCODE 2 (SERVFAIL)."""
    NXDOMAIN = "nxdomain"
    """RCODE 3 (NXDOMAIN): wrong if the name has a record of the other type (RFC 4074 §4.2)."""
    NOTIMP = "notimp"
    """RCODE 4 (NOTIMP), for the question's type (RFC 4074 §4.3)."""
    REFUSED = "refused"
    """RCODE 5 (REFUSED)."""
    DROP = "drop"
    """No answer (RFC 4074 §4.1)."""
    LOOPBACK = "loopback"
    """The loopback address of the family."""
    UNSPECIFIED = "unspecified"
    """0.0.0.0 or ::."""
    MAPPED = "mapped"
    """For AAAA, the IPv4-mapped form of 127.0.0.1; ``mapped-0``: of the configured IPv4 address with this index."""
    REBIND = "rebind"
    """DNS rebinding: ``rebind-2`` gives the first configured address twice, then the loopback address."""
    LOOP = "loop"
    """A CNAME record that leads to its own name."""
    CUT = "cut"
    """Malformed: the message ends in the middle of the answer."""
    GARBAGE = "garbage"
    """Malformed: after the header of an answer come bytes that are no question and no record."""
    POINTER = "pointer"
    """Malformed: the name of the answer's record is a compression pointer to itself (RFC 1035 §4.1.4)."""
    SHORT = "short"
    """Malformed: RDATA that is too short; an AAAA record has 4 bytes (RFC 4074 §4.4)."""
    OTHER = "other"
    """The record in the answer belongs to a name that was not asked for."""
    ALIAS = "alias"
    """For HTTPS: AliasMode (RFC 9460 §2.4.2), to a name with the same A and AAAA records."""
    HINTS = "hints"
    """For HTTPS: ServiceMode with the configured addresses as ipv4hint and ipv6hint (RFC 9460 §7.3)."""


MALFORMED = frozenset({Action.CUT, Action.GARBAGE, Action.POINTER, Action.SHORT})
"""The actions whose answers cannot be read."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the questions for one name and type are answered.

    Attributes:
        action: See `Action`.
        indexes: Which configured addresses, for ``pick`` and ``mapped``.
        times: After how many answers the answer changes, for ``rebind``; otherwise 0.
        milliseconds: The delay of the answer, from the arrival of the question.
        ttl: The TTL of the records, in seconds.
        aliases: How many CNAME records lead to the records.
        truncated: Whether answers over UDP are empty and have the TC bit, so that the question is repeated over TCP.
        edns: Whether questions with EDNS are answered; otherwise FORMERR (RFC 6891 §7).
        then: How the questions after the first one are answered; None: like the first one.
    """

    action: Action = Action.OK
    indexes: tuple[int, ...] = ()
    times: int = 0
    milliseconds: int = 0
    ttl: int = DEFAULT_TTL
    aliases: int = 0
    truncated: bool = False
    edns: bool = True
    then: "Behaviour | None" = None

    def nth(self, number: int) -> "Behaviour":
        """Return how the n-th question is answered, counted from 0."""
        if number and self.then is not None:
            return self.then.nth(number - 1)
        if self.action is not Action.REBIND:
            return self
        return replace(self, action=Action.FIRST if number < self.times else Action.LOOPBACK, ttl=0)

    def answers(self) -> Iterator["Behaviour"]:
        """Yield this behaviour, and those of the questions after the first one."""
        yield self
        if self.then is not None:
            yield from self.then.answers()

    def __str__(self) -> str:
        """Return its text in a label: ``delay-300-servfail``."""
        modifiers = (
            (f"delay-{self.milliseconds}", self.milliseconds != 0),
            (f"ttl-{self.ttl}", self.ttl != DEFAULT_TTL),
            (f"cname-{self.aliases}", self.aliases != 0),
            ("tc", self.truncated),
            ("noedns", not self.edns),
        )
        words = [text for text, there in modifiers if there]
        if self.action is not Action.OK or not words:
            words.append(self.action.value)
        if self.action is Action.REBIND:
            words.append(str(self.times))
        if self.indexes:
            words.append("".join(map(str, self.indexes)))
        return "-".join(words) + (f"-then-{self.then}" if self.then is not None else "")


NOTHING = Behaviour(Action.NONE)
