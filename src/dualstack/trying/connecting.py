"""A program that connects: which of its cases are tried, and in which order they are shown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, unique

from dualstack.measure import Measure
from dualstack.results import Record
from dualstack.verdict import FAILURES, Verdict

REQUIREMENTS = {
    "an IPv4 address": ("CONNECT-002",),
    "an IPv6 address": ("CONNECT-001",),
    "a name with A only": ("CONNECT-004",),
    "a name with AAAA only": ("CONNECT-003",),
    "a name with both, IPv6 preferred": ("CONNECT-009",),
    "a name, the first address refuses": ("CONNECT-005",),
    "a name, one family is broken": ("DNS-003",),
    "a name, the first attempt is not answered": ("DNS-002",),
    "a name, a query for one type fails": ("DNS-008",),
    "a name, the host has no IPv6": ("CONNECT-007",),
    "a name, the host has no IPv4": ("CONNECT-008",),
    "attempts that lost are closed": ("DNS-005",),
}
"""The rows of the table, and the requirements whose cases fill each."""

TOPOLOGIES = ("dual-stack", "ipv4-only-disable-ipv6", "ipv6-only-strict")
"""Where they are tried."""


@unique
class State(Enum):
    """What a row shows; the value is its sign."""

    WORKS = "✓"
    FAILS = "✗"
    DEVIATES = "≈"
    UNKNOWN = "?"
    ABSENT = "-"


MEANINGS = {
    State.DEVIATES: "differs from a recommendation",
    State.UNKNOWN: "not judged",
    State.ABSENT: "does not apply",
}
"""What the signs mean that do not explain themselves."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        target: What the program was given, and what is broken.
        state: What its cases have shown; the most serious counts.
        reason: Why it does not work, differs, was not judged or does not apply; empty if it works.
        measures: What was measured.
    """

    target: str
    state: State
    reason: str
    measures: tuple[Measure, ...]


def rows(records: Iterable[Record]) -> Iterator[Row]:
    """Yield the rows of the table for a run's records."""
    records = list(records)
    for target, wanted in REQUIREMENTS.items():
        own = [record for record in records if record.requirement in wanted]
        state, because = _state(own)
        measures = tuple(measure for record in own for measure in record.measures)
        yield Row(target, state, next((record.reason for record in because), ""), measures)


def _state(records: list[Record]) -> tuple[State, list[Record]]:
    """Return what the cases of a row show, and those of them that are the reason."""
    tried = [record for record in records if record.verdict is not Verdict.NOT_APPLICABLE]
    if bad := [record for record in tried if record.verdict in FAILURES]:
        return State.FAILS, bad
    if deviating := [record for record in tried if record.verdict is Verdict.DEVIATES]:
        return State.DEVIATES, deviating
    if any(record.verdict in {Verdict.PASS, Verdict.OBSERVED} for record in tried):
        return State.WORKS, []
    return (State.UNKNOWN, tried) if tried else (State.ABSENT, records)
