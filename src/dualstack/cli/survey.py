"""``dualstack survey``: what services really do, as a table or as data."""

import argparse
import dataclasses
import json
import sys

from rich.progress import Progress
from rich.table import Table

from dualstack.build import build
from dualstack.cli.check import checked_subjects
from dualstack.cli.terminal import Terminal
from dualstack.errors import UsageError
from dualstack.lab.netns import NetnsBackend
from dualstack.manifest import Subject
from dualstack.survey import NOT_LISTENING, STATES, Observation, survey


def main(options: argparse.Namespace) -> int:
    """Survey the services and print what was seen."""
    subjects = [subject for path in options.manifest for subject in checked_subjects(path, options.configuration)]
    if not any(subject.listen for subject in subjects):
        raise UsageError("nothing to survey: none of these manifests has a [[listen]] table")
    _build(subjects)
    with Progress(console=Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("survey", total=None)
        seen = survey(subjects, options.workers, lambda done, total: progress.update(task, completed=done, total=total))
    if options.json:
        json.dump([dataclasses.asdict(item) for item in seen], sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        _print(seen)
    return 0


def _build(subjects: list[Subject]) -> None:
    """Build what needs building, once each."""
    wanted = {subject.path: subject for subject in subjects if subject.manifest.service.build}
    if not wanted:
        return
    backend = NetnsBackend()
    try:
        for subject in wanted.values():
            build(subject, backend)
    finally:
        backend.close()


def _print(seen: list[Observation]) -> None:
    """Print one line for each way, with what it does in each state, then the errors, alike ones once."""
    console = Terminal(highlight=False)
    table = Table("service, configured", *STATES, box=None, pad_edge=False, row_styles=["", "on grey11"])
    for column in table.columns:
        column.overflow = "fold"
    rows: dict[tuple[str, str, str, str], dict[str, Observation]] = {}
    for item in seen:
        rows.setdefault((item.service, item.way, item.listener, item.transport), {})[item.state] = item
    several = len({(service, listener) for service, _, listener, _ in rows}) > len({service for service, *_ in rows})
    for (service, way, listener, transport), states in rows.items():
        where = f" {listener} ({transport})" if several else ""
        table.add_row(f"{service}{where} {way}", *(_cell(states[state]) for state in STATES))
    console.print(table)
    console.print(f"\n{_LEGEND}", style="dim")
    errors: dict[tuple[str, str, str], list[str]] = {}
    for item in seen:
        if item.error:
            errors.setdefault((item.service, item.way, item.error), []).append(item.state)
    for (service, way, error), seen_in in errors.items():
        console.print(f"\n{service} {way}, {', '.join(seen_in)}:", markup=False, style="bold")
        console.print(f"  {error}", markup=False)


_LEGEND = """\
4: IPv4 socket; 6: IPv6 socket, IPv6 only; D: IPv6 socket that serves both; @: one address only; ✗: does not listen.
In brackets: the families that were answered from another host."""


def _cell(item: Observation) -> str:
    """Return the sockets, and the families that were answered."""
    answered = " ".join(family.removeprefix("ipv") for family, how in item.answers.items() if how == "answered")
    return item.sockets if item.sockets == NOT_LISTENING else f"{item.sockets} \\[{answered or '-'}]"
