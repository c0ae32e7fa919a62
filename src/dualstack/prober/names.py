"""The names that the lab's name server knows: each name says how it is answered. Pure: no sockets here.

``a-ok.aaaa-delay-300.7f3a9c01.lab.test``: the A question is answered at once, the AAAA question after 300 ms. A
missing label means ``none``. The nonce makes every name new for every cache. The server keeps no state except how often
a name with ``rebind`` was asked for.
"""

import enum
import re
import secrets
from dataclasses import dataclass

from dualstack.errors import UsageError
from dualstack.families import Family

ZONE = "lab.test"

REVERSE = {Family.IPV4: "in-addr.arpa", Family.IPV6: "ip6.arpa"}
"""The domains of reverse lookups (RFC 1035 §3.5, RFC 3596 §2.5)."""

_LABEL = re.compile(r"(a|aaaa)-([a-z]+)(?:-(\d{1,5}))?")
_NONCE = re.compile(r"[a-z0-9]{1,32}")


@enum.unique
class Action(enum.Enum):
    """How a question is answered."""

    OK = "ok"
    """All configured addresses."""
    FIRST = "first"
    """The first configured address only."""
    NONE = "none"
    """NOERROR without an answer, with the zone's SOA: the name exists, the record does not (RFC 2308 §2.2)."""
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
    DELAY = "delay"
    """All configured addresses after a delay: ``delay-300`` is 300 ms."""
    LOOPBACK = "loopback"
    """The loopback address of the family."""
    MAPPED = "mapped"
    """The IPv4-mapped form of 127.0.0.1, for AAAA."""
    REBIND = "rebind"
    """DNS rebinding: ``rebind-2`` gives the first configured address twice, then the loopback address."""


_COUNTED = frozenset({Action.DELAY, Action.REBIND})
"""The actions with a number."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the questions for one name and type are answered.

    Attributes:
        action: See `Action`.
        milliseconds: The delay, for ``delay``; otherwise 0.
        times: After how many answers the answer changes, for ``rebind``; otherwise 0.
    """

    action: Action
    milliseconds: int = 0
    times: int = 0


NOTHING = Behaviour(Action.NONE)


def query_name(*, a: str = "none", aaaa: str = "none", nonce: str = "") -> str:
    """Return a name with these behaviours, without the final dot.

    Args:
        a: How its A question is answered: ``ok``, ``delay-300`` …
        aaaa: How its AAAA question is answered.
        nonce: A label that makes the name new, of letters and digits; empty for random ones.

    Raises:
        UsageError: There is no such behaviour, or the nonce is no label.
    """
    nonce = nonce or fresh_nonce()
    if not _NONCE.fullmatch(nonce):
        raise UsageError(f"a nonce has 1 to 32 lower-case letters and digits; found {nonce!r}")
    labels = [f"a-{a}", f"aaaa-{aaaa}"]
    for label in labels:
        _parse_label(label)
    return ".".join([*labels, nonce, ZONE])


def fresh_nonce() -> str:
    """Return eight random hexadecimal digits."""
    return secrets.token_hex(4)


def in_zone(name: str, zone: str = ZONE) -> bool:
    """Return whether a name is in a zone, its apex included."""
    return f".{name.lower().rstrip('.')}".endswith(f".{zone}")


def behaviours(name: str) -> dict[Family, Behaviour] | None:
    """Return the behaviours in a name, by family; None for a name that is not in the zone."""
    relative = name.lower().rstrip(".").removesuffix(ZONE).rstrip(".")
    found: dict[Family, Behaviour] = {}
    nonces = 0
    for label in relative.split("."):
        try:
            family, behaviour = _parse_label(label)
        except UsageError:
            nonces += bool(_NONCE.fullmatch(label))
            if not _NONCE.fullmatch(label) or nonces > 1:
                return None
        else:
            if family in found:
                return None
            found[family] = behaviour
    return {Family.IPV4: NOTHING, Family.IPV6: NOTHING} | found if found else None


def _parse_label(label: str) -> tuple[Family, Behaviour]:
    """Return the behaviour in a label such as ``aaaa-delay-300``.

    Raises:
        UsageError: It contains none.
    """
    match = _LABEL.fullmatch(label)
    known = ", ".join(action.value for action in Action if action not in _COUNTED)
    known += ", delay-<milliseconds> and rebind-<times>"
    if match is None or match[2] not in {action.value for action in Action}:
        raise UsageError(f"{label!r} is no behaviour of a name; there are: {known}")
    action = Action(match[2])
    if (match[3] is not None) != (action in _COUNTED):
        raise UsageError(f"{label!r}: a number belongs to 'delay' and 'rebind', and to them alone")
    family = Family.IPV4 if match[1] == "a" else Family.IPV6
    if action is Action.MAPPED and family is Family.IPV4:
        raise UsageError(f"{label!r}: only AAAA records hold IPv4-mapped addresses")
    number = int(match[3] or 0)
    if action is Action.REBIND:
        return family, Behaviour(action, times=number)
    return family, Behaviour(action, number)
