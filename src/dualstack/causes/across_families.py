"""What all cases of a connector say together of the families that it uses: one bug has one cause."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from dualstack.families import BOTH, Family
from dualstack.results import Record
from dualstack.verdict import SPEAKS

_ONE_FAMILY, _ORDER, _RESOLVER, _LATE = "RC-ONEFAMILY", "RC-RESOLVERORDER", "RC-RESOLVER", "RC-NOHE"

_OF_ATTEMPTS = ("RC-FIRSTADDR", "RC-ERRORFINAL", "RC-FAMILYORDER", _ONE_FAMILY)
"""What seems to be the cause, in single cases, if addresses of one family are never tried."""

_OF_SOCKETS = ("RC-WRONGFAMILYSOURCE", "RC-SOCKADDR")
"""Causes for which every attempt towards a family fails, whether its address comes from a name or not."""

_PREFIX = "RC-PREF64"
"""The cause of addresses that are synthesized for NAT64 and are not tried, if others of their family are."""

_OF_LOCALHOST, _OF_ORDER = "DNS-011", "CONNECT-009"

_OF_NAMES = ("CONNECT-003", "CONNECT-004")
"""Where a name has addresses of one family alone."""

_TRANSLATED = "nat64-clat"
"""Where packets to IPv4 addresses leave the host as IPv6 packets."""

_NO_ATTEMPT = re.compile(r"^For (\S+) it made no connection attempt\.$")
_NOT_TRIED = re.compile(r"^It did not try (.+)\.$")


@dataclass(frozen=True, slots=True)
class _Habit:
    """A connector that never tries addresses of a family.

    Attributes:
        family: The family that it never tries.
        cause: Why.
        because: A sentence with the case that shows the cause, and what it shows.
        case: That case.
        asks_both: Whether it queried both types of addresses in some case.
    """

    family: Family
    cause: str
    because: str
    case: str
    asks_both: bool


def families_settled(records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the records of connectors with one cause for all cases in which addresses of one family are not tried."""
    own = {key: tuple(group) for key, group in groupby(sorted(records, key=_element), _element)}
    habits = {key: habit for key, group in own.items() if (habit := _habit(group))}
    return tuple(
        _with_habit(record, habits[_element(record)])
        if _element(record) in habits
        else _with_order(record, own[_element(record)])
        for record in records
    )


def _element(record: Record) -> tuple[str, str]:
    """Return the service and the element that a record is about."""
    return record.subject, record.element


def _families(records: Iterable[Record]) -> set[Family]:
    """Return the families of all attempts."""
    charts = [chart for record in records if record.topology != _TRANSLATED for chart in record.charts]
    named = {lane.family for chart in charts for lane in chart.lanes}
    return {family for family in BOTH if family.value in named}


def _asked(record: Record) -> set[str]:
    """Return the types of addresses that were queried."""
    return {lane.label for chart in record.charts for lane in chart.lanes} & {family.record for family in BOTH}


def _habit(own: Sequence[Record]) -> _Habit | None:
    """Return the habit of a connector that never tries one family, if a case shows a cause; None otherwise."""
    used = _families(own)
    missed = [(record, family) for record in own if (family := _missed_alone(record)) and family not in used]
    family = next((item for _, item in missed), None) or next((item.other for item in used), None)
    if len(used) > 1 or family is None:
        return None
    asks_both = any(_asked(record) == {item.record for item in BOTH} for record in own)
    for cause, record in _shown([record for record, item in missed if item is family], own):
        if not (cause == _RESOLVER and asks_both):
            where = f"In {record.requirement} on {record.topology}"
            return _Habit(family, cause, f"{where}: {record.facts[0]}" if record.facts else "", record.case, asks_both)
    return None


def _shown(missed: Sequence[Record], own: Sequence[Record]) -> Iterator[tuple[str, Record]]:
    """Yield causes for which a family is never tried, each with a case that shows it, the most specific first.

    A literal that is not tried may be refused as a text: it shows something only if the socket is the reason.
    """
    by_name = [record for record in missed if record.requirement in _OF_NAMES]
    for record in missed:
        yield from ((code, record) for code in record.causes[:1] if code in _OF_SOCKETS)
    for record in by_name:
        yield from ((code, record) for code in record.causes[:1] if code not in _OF_ATTEMPTS)
    yield from ((_ONE_FAMILY, record) for record in own if record.causes[:1] == (_ONE_FAMILY,))
    yield from ((_ONE_FAMILY, record) for record in by_name if _families(own))


def _missed_alone(record: Record) -> Family | None:
    """Return the family of all addresses that a failed connector had, if it tried none of them; None otherwise."""
    if record.verdict not in SPEAKS or _families([record]):
        return None
    found = [match[1] for text in record.facts for match in (_NO_ATTEMPT.match(text), _NOT_TRIED.match(text)) if match]
    families = {family for text in found for item in text.split(", ") if (family := _family(item))}
    family = families.pop() if len(families) == 1 else None
    lacking = family is not None and any(text.startswith(f"This host has no {family.label}") for text in record.facts)
    return None if lacking else family


def _family(text: str) -> Family | None:
    """Return the family of an address; None if a text is none."""
    try:
        return Family.of(text)
    except ValueError:
        return None


def _with_habit(record: Record, habit: _Habit) -> Record:
    """Return a record with the cause of its connector's habit, if that explains it."""
    if record.verdict not in SPEAKS or _misses_other_loopback(record, habit.family):
        return record
    alone = _missed_alone(record) is habit.family
    wrong = {*_OF_ATTEMPTS} - {habit.cause}
    if habit.asks_both and (alone or _is_about(record.facts[:1], habit.family)):
        wrong |= {_RESOLVER, _PREFIX}
    if record.requirement == _OF_ORDER:
        wrong.add(_ORDER)
    if not any(len({lane.label for lane in chart.lanes if lane.family}) > 1 for chart in record.charts):
        wrong.add(_LATE)
    left = tuple(code for code in record.causes if code not in wrong)
    explains = {*record.causes} & wrong - {_LATE} or (alone and not record.causes)
    if not explains or habit.cause in left:
        return replace(record, causes=left)
    at = min((record.causes.index(code) for code in {*record.causes} & wrong), default=0)
    because = (habit.because,) if habit.because and habit.case != record.case and not at else ()
    return replace(record, causes=(*left[:at], habit.cause, *left[at:]), facts=(*because, *record.facts))


def _is_about(facts: Sequence[str], family: Family) -> bool:
    """Return whether facts name addresses of a family, and none of the other one."""
    return {_family(word.strip(".,;()[]")) for text in facts for word in text.split()} - {None} == {family}


def _misses_other_loopback(record: Record, family: Family) -> bool:
    """Return whether a record is about localhost, and the loopback address of the other family is missed."""
    return record.requirement == _OF_LOCALHOST and any(f"not {family.other.loopback}" in item for item in record.facts)


def _with_order(record: Record, own: Sequence[Record]) -> Record:
    """Return a record of a connector that has tried the other family in another case, so that it uses both."""
    used = _families([record])
    other = next((item for item in own if _families([item]) - used), None)
    if _ONE_FAMILY not in record.causes or other is None:
        return record
    because = f"In {other.requirement} on {other.topology} it used the other family."
    causes = tuple(_ORDER if code == _ONE_FAMILY else code for code in record.causes)
    return replace(record, causes=causes, facts=(*record.facts[:1], because, *record.facts[1:]))
