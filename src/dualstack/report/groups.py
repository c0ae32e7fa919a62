"""The cases of a run that a job page and annotations name: alike ones together, the most serious ones first."""

from collections.abc import Sequence
from dataclasses import dataclass

from dualstack.counting import count
from dualstack.plan import START
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.verdict_style import weight
from dualstack.results import Record
from dualstack.verdict import OUR_FAULT, Verdict


@dataclass(frozen=True, slots=True)
class Group:
    """Cases of one requirement on one part of a service, which differ in their topology; or cases without a verdict.

    Attributes:
        records: The cases; at least one.
        fails: Whether they make the run fail because of the service or its manifest.
    """

    records: tuple[Record, ...]
    fails: bool

    @property
    def first(self) -> Record:
        """The case that stands for the others."""
        return self.records[0]

    @property
    def is_about_the_service(self) -> bool:
        """Whether the service is judged: not by a case that was lost to the lab, the harness or the machine."""
        return self.first.verdict not in OUR_FAULT

    @property
    def topologies(self) -> list[str]:
        """The topologies of the cases, each once."""
        return list(dict.fromkeys(item.topology for item in self.records))

    @property
    def where(self) -> str:
        """The topologies; for cases that were blocked or not judged, how many they are."""
        alike = self.first.verdict is Verdict.BLOCKED or not self.is_about_the_service
        return count(len(self.records), "case") if alike else ", ".join(self.topologies)

    @property
    def title(self) -> str:
        """``LISTEN-005 Dual-stack does not depend on …``; of cases that were not judged, their verdict."""
        first = self.first
        if first.verdict is Verdict.BLOCKED or not self.is_about_the_service:
            return first.verdict.value
        return f"{first.requirement} {first.title}"


def groups_of(report: Report) -> Sequence[Group]:
    """Return the cases that make the run fail, could not be judged, or deviate.

    The cases that are blocked because START-001 fails are left out: they have no reason of their own.
    """
    alike: dict[tuple[str, ...], list[Record]] = {}
    unstarted = {item.subject for item in report.records if item.requirement == START and report.fails(item)}
    for item in sorted(report.records, key=lambda record: (weight(record.verdict), record.key)):
        if item.verdict is Verdict.BLOCKED and (item.subject in unstarted or not report.fails(item)):
            continue
        if item.verdict is Verdict.BLOCKED or item.verdict in OUR_FAULT:
            alike.setdefault((item.verdict.value, item.subject, reason(item)), []).append(item)
        elif report.fails(item) or item.verdict is Verdict.DEVIATES:
            alike.setdefault((item.verdict.value, item.subject, item.element, item.requirement), []).append(item)
    return [Group(tuple(records), report.fails(records[0])) for records in alike.values()]
