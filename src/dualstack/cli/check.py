"""``dualstack check``: validate manifests, and print how many cases they have."""

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from dualstack.backend_names import DOCKER
from dualstack.cli.terminal import Terminal
from dualstack.errors import HostCannot, UsageError
from dualstack.manifest import Scope, Subject, subjects_of
from dualstack.manifest.faults import Fault
from dualstack.plan import plan_cases
from dualstack.runnable import missing_programs, unfit
from dualstack.service import root_of
from dualstack.suites import entry_faults, requirements


def main(options: argparse.Namespace) -> int:
    """Check every manifest; report all faults of all of them, each with its line."""
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
        _print(console, subjects)
    if faults:
        raise UsageError("\n".join(faults))
    return 0


def checked_subjects(path: Path, configurations: Sequence[str] = (), lab: str = "") -> list[Subject]:
    """Return a manifest's subjects after every check that needs no lab.

    Args:
        path: The manifest.
        configurations: Only these configurations.
        lab: The backend that they will run on; empty if one backend is enough.

    Raises:
        UsageError: The manifest has faults, or names a program, requirement or topology that does not exist.
    """

    def programs(subject: Subject) -> Iterator[Fault]:
        """Yield the programs that do not exist, if that is known before the build."""
        if lab != DOCKER and not subject.manifest.service.build:  # the build makes programs
            with contextlib.suppress(HostCannot):  # its root file system is not built yet: each case reports that
                yield from missing_programs(subject)

    return subjects_of(path, configurations, [entry_faults, lambda subject: unfit(subject, lab), programs])


def _print(console: Terminal, subjects: Sequence[Subject]) -> None:
    """Print what each subject claims and its number of cases, then the reasons why cases do not apply."""
    reasons: dict[str, tuple[set[str], dict[str, None]]] = {}
    for subject in subjects:
        cases = [case for item in requirements().values() for case in plan_cases(item, [subject])]
        left_out = [case for case in cases if case.not_applicable]
        console.print(
            f"{subject.path}: ok: {subject.name}: {', '.join(_claims(subject))}; "
            f"{len(cases) - len(left_out)} of {len(cases)} cases apply",
            markup=False,
        )
        for case in left_out:
            ids, names = reasons.setdefault(case.not_applicable, (set(), {}))
            ids.add(case.requirement.id)
            names[subject.name] = None
    # First what further keys of the manifest would add: the user can do something about these.
    for reason, (ids, names) in sorted(reasons.items(), key=lambda item: "its manifest" not in item[0]):
        where = f" ({', '.join(names)})" if len(names) < len(subjects) else ""
        console.print(f"    not applicable: {reason}{where}: {', '.join(sorted(ids))}", markup=False, style="dim")


def _claims(subject: Subject) -> Iterator[str]:
    """Yield one text for each listener and connector: its port and the families that it claims."""
    for item in subject.listen:
        families = " and ".join(family.label for family in item.families)
        loopback = ", loopback" * (item.scope is Scope.LOOPBACK)
        yield f"{item.name} ({item.transport.value} {item.port}: {families}{loopback})"
    for connector in subject.manifest.connect:
        yield f"{connector.name} (dials {' and '.join(family.label for family in connector.families)})"
