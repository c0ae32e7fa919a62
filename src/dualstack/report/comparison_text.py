"""A comparison of two runs as data, as the rows of a table, and as Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any

from dualstack.counting import count
from dualstack.report.comparison import Change, Comparison, Difference
from dualstack.report.markdown import LIMIT, bullets, escaped, table
from dualstack.report.provenance import started
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.results import Record
from dualstack.verdict import Verdict

SCHEMA = 1
"""The version of the form of `as_data`; it grows when a key changes its meaning."""

HEADS = ("change", "requirement", "service", "element", "topologies", "verdict", "reason")
"""The heads of the table."""

_OTHERS = "(others)"
"""What stands for the requirements of cases that are blocked."""

_ROOM_FOR_OTHERS = 4_000
"""How many characters of a page each kind of change leaves for the others."""


def label(report: Report) -> str:
    """Return how a run is named: its id and when it began; ``a run without a name`` if neither is known."""
    return ", ".join(item for item in (report.run.run, started(report.run)) if item) or "a run without a name"


def rows(differences: Iterable[Difference]) -> Sequence[Sequence[str]]:
    """Return the rows of a table; cases that differ in their topology only share a row, and so do blocked ones."""
    alike: dict[tuple[str, ...], list[Difference]] = {}
    for item in differences:
        key = item.key
        what = (_OTHERS, key.subject, "") if item.is_blocked else (key.requirement, key.subject, key.element)
        why = item.why if item.change in {Change.BROKEN, Change.FIXED, Change.CHANGED} else ""
        alike.setdefault((item.change.value, *what, item.verdicts, why), []).append(item)
    found = []
    for (change, requirement, subject, element, verdicts, why), group in alike.items():
        names = list(dict.fromkeys(item.key.topology for item in group))
        places = count(len(group), "case") if requirement == _OTHERS else ", ".join(names)
        found.append((change, requirement, subject, element, places, verdicts, why))
    return found


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison as a page of Markdown of at most `LIMIT` characters."""
    page = [
        f"### dualstack: {escaped(comparison.headline)}\n",
        f"Compared: {escaped(label(comparison.after))}, with the earlier run {escaped(label(comparison.before))}.\n",
    ]
    if comparison.warnings:
        page.append(bullets(comparison.warnings, LIMIT))
    present = [change for change in Change if comparison.of(change)]
    for place, change in enumerate(present, start=1):
        found = comparison.of(change)
        page.append(f"#### {len(found)} {change.value}\n\n{change.meaning}\n")
        room = LIMIT - sum(len(part) + 1 for part in page) - _ROOM_FOR_OTHERS * (len(present) - place)
        page.append(table(HEADS[1:], [line[1:] for line in rows(found)], room))
    return "\n".join(page)


def as_data(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON values."""
    return {
        "schema": SCHEMA,
        "headline": comparison.headline,
        "before": _run(comparison.before),
        "after": _run(comparison.after),
        "warnings": comparison.warnings,
        "same": comparison.same,
        "counts": {change.value: number for change, number in comparison.counts.items()},
    } | {change.value: [_case(item) for item in comparison.of(change)] for change in Change}


def _run(report: Report) -> dict[str, Any]:
    """Return what names a run."""
    run = report.run
    return {
        "run": run.run,
        "started": run.started,
        "dualstack": run.dualstack,
        "git": run.git,
        "incomplete": run.incomplete or bool(report.missing),
        "cases": len(report.records),
    }


def _case(item: Difference) -> dict[str, Any]:
    """Return one case that differs."""
    return {
        "case": str(item.key),
        "title": item.record.title,
        "level": item.record.level,
        "manifest": item.record.manifest,
        "before": _result(item.before),
        "after": _result(item.after),
    }


def _result(record: Record | None) -> dict[str, Any] | None:
    """Return one result of a case."""
    if record is None:
        return None
    why = "" if record.verdict is Verdict.PASS else reason(record)
    return {"verdict": record.verdict.value, "reason": why, "causes": list(record.causes)}
