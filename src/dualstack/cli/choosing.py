"""Which cases ``dualstack run`` runs: what its options select, and what the newest earlier results say of it."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dualstack.casekey import CaseKey
from dualstack.cli.check import checked_subjects
from dualstack.cli.sharded import check_engines
from dualstack.earlier import Earlier, earlier_results
from dualstack.errors import UsageError
from dualstack.expression import parse
from dualstack.manifest import Subject, joined, load_baseline
from dualstack.plan import SERVICE, START, PlannedCase, Selection, plan_cases
from dualstack.suggestion import did_you_mean
from dualstack.suites import file_of, requirement, requirements
from dualstack.topology import load_topology


@dataclass(frozen=True, slots=True)
class Choice:
    """The cases of a run.

    Attributes:
        selection: What the run is restricted to.
        cases: Its cases.
        first: Those that failed last time and run first, if that is asked for.
        note: What the user must know of the choice; empty if nothing.
    """

    selection: Selection
    cases: tuple[PlannedCase, ...]
    first: tuple[str, ...] = ()
    note: str = ""

    @property
    def files(self) -> dict[Path, list[PlannedCase]]:
        """The cases of each suite file that has any."""
        found: dict[Path, list[PlannedCase]] = {}
        for case in self.cases:
            found.setdefault(file_of(case.requirement), []).append(case)
        return dict(sorted(found.items()))


def choose(options: argparse.Namespace, results: Path) -> Choice:
    """Return the cases that the options of ``run`` select.

    Args:
        options: The options.
        results: The folder with the results of earlier runs.

    Raises:
        UsageError: A manifest or a selection is wrong, or no case is selected.
    """
    selection = _selection(options)
    cases = _plan(options, selection)
    if not (options.last_failed or options.failed_first or options.time_budget is not None):
        return Choice(selection, cases)
    earlier = earlier_of(cases, results)
    failed = tuple(case.id for case in cases if case.key in earlier and _failed(case, earlier, options))
    if not options.last_failed:
        return Choice(selection, cases, first=failed)
    if not failed:
        what = "no case failed in the newest results" if earlier else f"no earlier results in {results}"
        return Choice(selection, cases, note=f"{what}: every case runs")
    chosen = tuple(case for case in cases if case.id in failed)
    return Choice(replace(selection, cases=frozenset(failed)), chosen, first=failed)


def earlier_of(cases: Sequence[PlannedCase], results: Path) -> dict[CaseKey, Earlier]:
    """Return the newest earlier results of cases."""
    return earlier_results(results, [case.key for case in cases], {case.subject.path.resolve() for case in cases})


def _failed(case: PlannedCase, earlier: dict[CaseKey, Earlier], options: argparse.Namespace) -> bool:
    """Return whether a case that applies failed in its newest results."""
    return not case.not_applicable and earlier[case.key].failed(strict=options.strict)


def _selection(options: argparse.Namespace) -> Selection:
    """Return what the run is restricted to.

    Raises:
        UsageError: A topology or requirement does not exist.
    """
    groups = {item.group for item in requirements().values()}
    for name in options.topology:
        load_topology(name)
    wanted = [item.upper() for item in options.requirement]
    for item in wanted:
        if item not in groups:
            requirement(item)
    check_engines(options)
    if options.keyword is not None:
        parse(options.keyword)  # a wrong expression is refused here, also an empty one
    return Selection(
        topologies=tuple(options.topology),
        requirements=tuple(wanted),
        elements=tuple(options.element),
        plans=tuple(options.plan),
        ignore_known=options.ignore_known,
        known_only=options.known_only,
        keyword=options.keyword or "",
    )


def _plan(options: argparse.Namespace, selection: Selection) -> tuple[PlannedCase, ...]:
    """Return the cases.

    Raises:
        UsageError: A manifest or a baseline is wrong, or no case is selected.
    """
    faults, subjects = [], []
    baseline = [entry for path in options.baseline for entry in load_baseline(path)]
    for path in options.manifest:
        try:
            found = checked_subjects(path, options.configuration, options.lab)
            subjects += [joined(subject, baseline) for subject in found]
        except UsageError as error:
            faults.append(str(error))
    if faults:
        raise UsageError("\n".join(faults))
    cases = tuple(
        case for item in requirements(options.suite).values() for case in plan_cases(item, subjects, selection)
    )
    fills = not selection.plans or any(case.requirement.id != START for case in cases)
    if not cases or not fills:
        raise UsageError(f"no case to run: {_why_none(selection, subjects)}")
    return cases


def _why_none(selection: Selection, subjects: Sequence[Subject]) -> str:
    """Return why a selection has no case."""
    names = list(dict.fromkeys(name for subject in subjects for name in (SERVICE, *_elements(subject))))
    for wanted in selection.elements:
        if wanted not in names:
            return f"--element: found {wanted!r}; allowed: {', '.join(names)}{did_you_mean(wanted, names)}"
    if selection.known_only and not any(subject.manifest.known for subject in subjects):
        return "--known-only: these manifests have no [[known]] table"
    if selection.keyword:
        return f"the key of no selected case matches -k {selection.keyword!r} (for example: {_EXAMPLE})"
    if selection.plans:
        hint = "; dualstack list --plans shows which cases fill which rows"
        return f"the rows of the selected plans do not apply to these services{hint}"
    kinds = {
        "[[listen]]": any(subject.listen for subject in subjects),
        "[[connect]]": any(subject.manifest.connect for subject in subjects),
        "[[relay]]": any(subject.manifest.relay for subject in subjects),
    }
    has = " and ".join(kind for kind, there in kinds.items() if there)
    return f"the selected suites, requirements and topologies do not apply to these services, which have {has} only"


def _elements(subject: Subject) -> list[str]:
    """Return the names of the listeners, connectors and relays of a service."""
    manifest = subject.manifest
    return [item.name for table in (manifest.listen, manifest.connect, manifest.relay) for item in table]


_EXAMPLE = "LISTEN-001:shop:web@ipv6-only"
