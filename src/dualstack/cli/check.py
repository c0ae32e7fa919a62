"""``dualstack check``: validate manifests, and say what would be run."""

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path

from dualstack.cli.terminal import Terminal
from dualstack.errors import HostCannot, UsageError
from dualstack.kinds import DOCKER
from dualstack.manifest import Reach, Subject, subjects_of
from dualstack.plan import plan_cases
from dualstack.service import missing_programs, root_of, unfit
from dualstack.suites import check_entries, requirements


def main(options: argparse.Namespace) -> int:
    """Check every manifest; name every fault of all of them."""
    console = Terminal(highlight=False, soft_wrap=True)
    faults = []
    for path in options.manifest:
        try:
            subjects = checked_subjects(path)
        except UsageError as error:
            faults.append(str(error))
            continue
        try:
            root_of(subjects[0])
        except HostCannot as error:
            console.print(f"{path}: note: {error}", markup=False)
        for subject in subjects:
            _tell(console, subject)
    if faults:
        raise UsageError("\n".join(faults))
    return 0


def checked_subjects(path: Path, configurations: Sequence[str] = (), lab: str = "") -> list[Subject]:
    """Return a manifest's subjects after every check that needs no lab.

    Args:
        path: The manifest.
        configurations: Only these configurations.
        lab: The kind of lab that they will run in; without it, they need be fit for one kind only.

    Raises:
        UsageError: The manifest is wrong, or names a program, requirement or topology that does not exist.
    """
    subjects = subjects_of(path, configurations)
    check_entries(subjects)
    problems = unfit(subjects, lab)
    for subject in subjects:
        if lab != DOCKER and not subject.manifest.service.build:  # what is built comes into being later
            with contextlib.suppress(HostCannot):  # its root file system is not there yet: each of its cases says so
                problems += missing_programs(subject)
    if problems:
        lines = [f"  {problem}" for problem in dict.fromkeys(problems)]
        raise UsageError("\n".join([f"{subjects[0].path}:", *lines]))
    return subjects


def _tell(console: Terminal, subject: Subject) -> None:
    """Say what a subject claims and how many cases that makes."""
    cases = [case for item in requirements().values() for case in plan_cases(item, [subject])]
    left_out = [case for case in cases if case.not_applicable]
    claims = [
        f"{item.name} ({item.transport.value} {item.port}: {' and '.join(family.label for family in item.families)}"
        f"{', loopback' * (item.reach is Reach.LOOPBACK)})"
        for item in subject.listen
    ] + [
        f"{item.name} (dials {' and '.join(family.label for family in item.families)})"
        for item in subject.manifest.connect
    ]
    console.print(
        f"{subject.path}: ok: {subject.name}: {', '.join(claims)}; {len(cases) - len(left_out)} cases apply, "
        f"{len(left_out)} do not",
        markup=False,
    )
    for reason in dict.fromkeys(f"{case.requirement.id}: {case.not_applicable}" for case in left_out):
        console.print(f"    not applicable: {reason}", markup=False, style="dim")
