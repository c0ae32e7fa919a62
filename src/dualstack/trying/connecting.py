"""A program that connects: which of its cases are tried, and in which order they are shown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dualstack.measure import Measure
from dualstack.results import Record
from dualstack.verdict import FAILURES, Verdict

REQUIREMENTS = {
    "an IPv4 address": ("CONNECT-002",),
    "an IPv6 address": ("CONNECT-001",),
    "a name with A only": ("CONNECT-004",),
    "a name with AAAA only": ("CONNECT-003", "CONNECT-008"),
    "a name with both, IPv6 preferred": ("CONNECT-009",),
    "a name, the first address refuses": ("CONNECT-005",),
    "a name, one family is never answered": ("DNS-003",),
    "a name, the first attempt is not answered": ("DNS-002",),
    "a name, a query for one type fails": ("DNS-008",),
    "a name, the host has no IPv6": ("CONNECT-007",),
    "attempts that lost are closed": ("DNS-005",),
}
"""The rows of the table, and the requirements whose cases fill each."""

TOPOLOGIES = ("dual-stack", "ipv4-only-disable-ipv6", "ipv6-only-strict")
"""Where they are tried."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        target: What the program was given, and what is broken.
        works: Whether every case is as it should be; None if none was judged.
        reason: Why one is not, or why none was judged.
        measures: What was measured.
    """

    target: str
    works: bool | None
    reason: str
    measures: tuple[Measure, ...]


def rows(records: Iterable[Record]) -> Iterator[Row]:
    """Yield the rows of the table for a run's records."""
    records = list(records)
    for target, wanted in REQUIREMENTS.items():
        own = [record for record in records if record.requirement in wanted]
        tried = [record for record in own if record.verdict is not Verdict.NOT_APPLICABLE]
        bad = [record for record in tried if record.verdict in FAILURES]
        unsure = [record for record in tried if record.verdict not in {*FAILURES, Verdict.PASS, Verdict.OBSERVED}]
        judged = [record for record in tried if record not in unsure]
        reason = next((record.reason for record in (*bad, *unsure)), "" if tried else "does not apply")
        measures = tuple(measure for record in tried for measure in record.measures)
        yield Row(target, not bad if judged or bad else None, reason, measures)
