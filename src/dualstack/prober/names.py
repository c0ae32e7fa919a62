"""The names that the lab's name server knows: each name says how it is answered. Pure: no sockets here.

``a-ok.aaaa-delay-300-servfail.7f3a9c01.lab.test``: the A question is answered at once, the AAAA question with SERVFAIL
after 300 ms. There is one label for each type, and a missing label means ``none``. A label is read like this::

    label    = type "-" answer *("-then-" answer)    the n-th answer is for the n-th question, the last one for the rest
    type     = "a" / "aaaa" / "https"
    answer   = *(modifier "-") action / modifier *("-" modifier)                    without an action it is "ok"
    modifier = "delay-" number / "ttl-" number / "cname-" number / "tc" / "noedns"
    action   = a value of `Action`; "pick-" digits; "mapped" ["-" digits]; "rebind-" number

The nonce makes every name new for every cache.
"""

import itertools
import re
import secrets
from dataclasses import replace

from dualstack.errors import UsageError
from dualstack.families import Family
from dualstack.prober.behaviour import NOTHING, Action, Behaviour

ZONE = "lab.test"

REVERSE = {Family.IPV4: "in-addr.arpa", Family.IPV6: "ip6.arpa"}
"""The domains of reverse lookups (RFC 1035 §3.5, RFC 3596 §2.5)."""

_NONCE = re.compile(r"[a-z0-9]{1,32}")
_NUMBER = re.compile(r"[0-9]{1,5}")
_DIGITS = re.compile(r"[0-9]+")
_MOST_ALIASES = 16
_LONGEST = 63  # bytes of a label: RFC 1035 §2.3.4


_FOR_HTTPS = frozenset({Action.ALIAS, Action.HINTS})
_FOR_ADDRESSES = frozenset(
    {Action.FIRST, Action.PICK, Action.LOOPBACK, Action.UNSPECIFIED, Action.MAPPED, Action.REBIND}
)
_NUMBERED = frozenset({Action.PICK, Action.REBIND})
"""The actions that need a number; that of `Action.MAPPED` may be missing."""

_MODIFIERS = frozenset({"delay", "ttl", "cname", "tc", "noedns"})
_TYPES = ("A", "AAAA", "HTTPS")

_THERE_ARE = (
    ", ".join(action.value for action in Action if action not in _NUMBERED)
    + ", pick-<digits>, mapped-<digits> and rebind-<times>; before each of them delay-<milliseconds>, ttl-<seconds>, "
    "cname-<names>, tc and noedns; 'then' between answers to successive questions"
)


def query_name(*, a: str = "none", aaaa: str = "none", https: str = "none", nonce: str = "") -> str:
    """Return a name with these behaviours, without the final dot.

    Args:
        a: How its A question is answered: ``ok``, ``delay-300`` …
        aaaa: How its AAAA question is answered.
        https: How its HTTPS question is answered; a name without such a record has no label for it.
        nonce: A label that makes the name new, of letters and digits; empty for random ones.

    Raises:
        UsageError: There is no such behaviour, or the nonce is no label.
    """
    nonce = nonce or fresh_nonce()
    if not _NONCE.fullmatch(nonce):
        raise UsageError(f"a nonce has 1 to 32 lower-case letters and digits; found {nonce!r}")
    labels = [f"a-{a}", f"aaaa-{aaaa}", *([f"https-{https}"] if https != "none" else [])]
    for label in labels:
        _parse_label(label)
    return ".".join([*labels, nonce, ZONE])


def fresh_nonce() -> str:
    """Return eight random hexadecimal digits."""
    return secrets.token_hex(4)


def in_zone(name: str, zone: str = ZONE) -> bool:
    """Return whether a name is in a zone, its apex included."""
    return f".{name.lower().rstrip('.')}".endswith(f".{zone}")


def behaviours(name: str) -> dict[str, Behaviour] | None:
    """Return the behaviours in a name, by record type; None for a name that is not in the zone."""
    relative = name.lower().rstrip(".").removesuffix(ZONE).rstrip(".")
    found: dict[str, Behaviour] = {}
    nonces = 0
    for label in relative.split("."):
        try:
            record, behaviour = _parse_label(label)
        except UsageError:
            nonces += bool(_NONCE.fullmatch(label))
            if not _NONCE.fullmatch(label) or nonces > 1:
                return None
        else:
            if record in found:
                return None
            found[record] = behaviour
    return dict.fromkeys(_TYPES, NOTHING) | found if found else None


def alias_target(name: str) -> str:
    """Return the name that the CNAME or HTTPS alias of a name leads to: the same behaviours, one alias less.

    Raises:
        UsageError: The name has no behaviour.
    """
    found = behaviours(name)
    if found is None:
        raise UsageError(f"{name!r} has no behaviour")
    less = {
        record.lower(): str(replace(behaviour, aliases=max(0, behaviour.aliases - 1)))
        for record, behaviour in found.items()
        if behaviour.action is not Action.ALIAS
    }
    nonce = next((label for label in name.lower().split(".") if _NONCE.fullmatch(label)), "")
    return query_name(nonce=nonce, **less)


def _parse_label(label: str) -> tuple[str, Behaviour]:
    """Return the record type and the behaviour in a label such as ``aaaa-delay-300``.

    Raises:
        UsageError: It contains none.
    """
    kind, _, text = label.partition("-")
    record = kind.upper()
    if record not in _TYPES or len(label) > _LONGEST:
        raise UsageError(f"{label!r} is no behaviour: a label has at most {_LONGEST} bytes, and begins with {_TYPES}")
    words = text.split("-")
    answers = [list(group) for is_then, group in itertools.groupby(words, "then".__eq__) if not is_then]
    if words.count("then") != len(answers) - 1:
        raise UsageError(f"{label!r} is no behaviour: 'then' stands between two answers")
    behaviour: Behaviour | None = None
    for answer in reversed(answers):
        behaviour = replace(_parse_answer(label, record, answer), then=behaviour)
    return record, behaviour or NOTHING


def _parse_answer(label: str, record: str, words: list[str]) -> Behaviour:
    """Return the behaviour in the words of one answer."""
    left, behaviour, seen = list(words), Behaviour(), set[str]()
    while left and left[0] in _MODIFIERS:
        word = left.pop(0)
        if word in seen:
            raise UsageError(f"{label!r} is no behaviour: {word!r} stands in it twice")
        seen.add(word)
        behaviour = _modify(behaviour, label, word, left)
    return _parse_action(behaviour, label, record, left) if left or not seen else behaviour


def _modify(behaviour: Behaviour, label: str, word: str, left: list[str]) -> Behaviour:
    """Return a behaviour with one modifier; its number is removed from the words that are left."""
    match word:
        case "tc":
            return replace(behaviour, truncated=True)
        case "noedns":
            return replace(behaviour, edns=False)
        case "delay":
            return replace(behaviour, milliseconds=_number(label, word, left))
        case "ttl":
            return replace(behaviour, ttl=_number(label, word, left))
    aliases = _number(label, word, left)
    if aliases > _MOST_ALIASES:
        raise UsageError(f"{label!r} is no behaviour: an answer has at most {_MOST_ALIASES} aliases")
    return replace(behaviour, aliases=aliases)


def _parse_action(behaviour: Behaviour, label: str, record: str, words: list[str]) -> Behaviour:
    """Return a behaviour with the action in the words after the modifiers."""
    word, *left = words or [""]
    if word not in {action.value for action in Action}:
        raise UsageError(f"{label!r} is no behaviour of a name; there are: {_THERE_ARE}")
    action = Action(word)
    if action is Action.MAPPED and record == "A":
        raise UsageError(f"{label!r}: only AAAA records hold IPv4-mapped addresses")
    if action in (_FOR_ADDRESSES if record == "HTTPS" else _FOR_HTTPS):
        raise UsageError(f"{label!r} is no behaviour: a question for {record} cannot be answered with {word!r}")
    behaviour = replace(behaviour, action=action)
    if action is Action.REBIND:
        behaviour = replace(behaviour, times=_number(label, word, left))
    elif action is Action.PICK or (action is Action.MAPPED and left):
        behaviour = replace(behaviour, indexes=tuple(map(int, _digits(label, word, left))))
    if left:
        raise UsageError(f"{label!r} is no behaviour of a name: nothing can follow {word!r}; there are: {_THERE_ARE}")
    return behaviour


def _digits(label: str, word: str, left: list[str]) -> str:
    """Remove and return the digits that follow a word."""
    if not left or not _DIGITS.fullmatch(left[0]):
        raise UsageError(f"{label!r}: a number belongs to {word!r}, whose digits are indexes of addresses")
    return left.pop(0)


def _number(label: str, word: str, left: list[str]) -> int:
    """Remove and return the number that follows a word."""
    if not left or not _NUMBER.fullmatch(left[0]):
        raise UsageError(f"{label!r}: a number belongs to {word!r}, with 1 to 5 digits")
    return int(left.pop(0))
