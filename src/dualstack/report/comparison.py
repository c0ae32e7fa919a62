"""Comparing the results of two runs, case by case."""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from dualstack.casekey import CaseKey
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.verdict_style import weight
from dualstack.results import Record
from dualstack.verdict import SPEAKS, Verdict

_VOLATILE = re.compile(r"\S*\d\S*")
"""Words with digits: times, ports, addresses and names of a lab differ between two runs of the same service."""


@enum.unique
class Change(enum.Enum):
    """What became of a case from one run to the next."""

    BROKEN = "broken"
    FIXED = "fixed"
    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"

    @property
    def meaning(self) -> str:
        """What it means, as a sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    Change.BROKEN: "Fails now, and did not fail before (or was not run before).",
    Change.FIXED: "Failed before, and is as required now.",
    Change.CHANGED: "Another verdict or another reason, but neither newly failing nor fixed.",
    Change.NEW: "Was not run before, and does not fail.",
    Change.GONE: "Was run before, and has no result now.",
}

_AS_REQUIRED = frozenset({Verdict.PASS, Verdict.OBSERVED, Verdict.DEVIATES})
"""Verdicts that fix what failed; a case that is not judged, or is accepted as known, is not fixed."""

_EXPLAINED = SPEAKS | {Verdict.UNEXPECTED_PASS}
"""Verdicts whose reason is about the service, so that another reason is news."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A case that differs between two runs.

    Attributes:
        change: What became of it.
        before: Its result in the earlier run; None without one.
        after: Its result in the later run; None without one.
    """

    change: Change
    before: Record | None
    after: Record | None

    @property
    def record(self) -> Record:
        """The later result; the earlier one if there is no later one."""
        found = self.after or self.before
        assert found is not None  # noqa: S101 - a difference has at least one of them
        return found

    @property
    def key(self) -> CaseKey:
        """What names the case."""
        return self.record.key

    @property
    def is_blocked(self) -> bool:
        """Whether the case did not run in the later run, as its service does not start."""
        return self.after is not None and self.after.verdict is Verdict.BLOCKED

    @property
    def verdicts(self) -> str:
        """``pass → fail``; ``not run`` stands for a result that does not exist."""
        return " → ".join(item.verdict.value if item else "not run" for item in (self.before, self.after))

    @property
    def why(self) -> str:
        """Why the case has its verdict: the later reason, or what failed before; empty for a pass."""
        shown = self.before if self.change is Change.FIXED else self.record
        return "" if shown is None or shown.verdict is Verdict.PASS else reason(shown)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, and how their cases differ.

    Attributes:
        before: The earlier run.
        after: The later run.
        differences: The cases that differ: in the order of `Change`, then of service, requirement and place;
            blocked cases come after the others of their service.
    """

    before: Report
    after: Report
    differences: tuple[Difference, ...]

    def of(self, change: Change) -> tuple[Difference, ...]:
        """Return the cases with one kind of change."""
        return tuple(item for item in self.differences if item.change is change)

    @property
    def counts(self) -> dict[Change, int]:
        """How many cases have each change."""
        return {change: len(self.of(change)) for change in Change}

    @property
    def same(self) -> int:
        """How many cases of the later run do not differ."""
        return len(_by_key(self.after.records)) - sum(item.after is not None for item in self.differences)

    @property
    def headline(self) -> str:
        """The outcome as one sentence, with the number of cases of each change."""
        said = ", ".join(f"{number} {change.value}" for change, number in self.counts.items())
        return f"{said}; {self.same} case{' is' if self.same == 1 else 's are'} the same."

    @property
    def warnings(self) -> list[str]:
        """What limits the comparison, one sentence each."""
        found = []
        for word, report in (("earlier", self.before), ("later", self.after)):
            if report.run.incomplete or report.missing:
                found.append(f"The {word} run is incomplete: cases that it did not finish count as not run.")
        if self.before.run.strict is not self.after.run.strict:
            strict = "later" if self.after.run.strict else "earlier"
            found.append(f"Only the {strict} run is strict: in it a SHOULD counts like a MUST.")
        return found


def compare(before: Report, after: Report) -> Comparison:
    """Return how the cases of two runs differ."""
    old, new = _by_key(before.records), _by_key(after.records)
    found = []
    for key in {**old, **new}:
        earlier, later = old.get(key), new.get(key)
        change = _change(before, earlier, after, later)
        if change is not None:
            found.append(Difference(change, earlier, later))
    order = list(Change)
    found.sort(key=lambda item: (order.index(item.change), item.key.subject, item.is_blocked, item.key))
    return Comparison(before, after, tuple(found))


def _by_key(records: Iterable[Record]) -> dict[CaseKey, Record]:
    """Return the record of each case; of a case that was repeated, the most serious one."""
    found: dict[CaseKey, Record] = {}
    for record in records:
        known = found.get(record.key)
        if known is None or weight(record.verdict) < weight(known.verdict):
            found[record.key] = record
    return found


def _change(before: Report, earlier: Record | None, after: Report, later: Record | None) -> Change | None:
    """Return what became of a case; None if nothing that matters."""
    failed = earlier is not None and before.fails(earlier)
    if later is None:
        return Change.GONE
    if after.fails(later):
        if not failed:
            return Change.BROKEN
    elif earlier is None:
        return Change.NEW
    elif failed and later.verdict in _AS_REQUIRED:
        return Change.FIXED
    return Change.CHANGED if earlier is None or _differ(earlier, later) else None


def _differ(earlier: Record, later: Record) -> bool:
    """Return whether two results of a case have another verdict, other causes, or another reason."""
    if earlier.verdict is not later.verdict:
        return True
    if later.verdict not in _EXPLAINED:
        return False
    said = [(item.causes, _VOLATILE.sub("#", reason(item))) for item in (earlier, later)]
    return said[0] != said[1]
