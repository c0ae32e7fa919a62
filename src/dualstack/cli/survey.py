"""``dualstack survey``: what services really do, as a table or as data."""

import argparse
import dataclasses
import json
import sys

from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from dualstack.build import build
from dualstack.cli.check import checked_subjects
from dualstack.cli.terminal import Terminal
from dualstack.errors import UsageError
from dualstack.lab.netns import NetnsBackend
from dualstack.manifest import Subject
from dualstack.manifest.placeholders import did_you_mean
from dualstack.survey import FREE, NOT_LISTENING, STATES, TAKEN, Observation, survey


def main(options: argparse.Namespace) -> int:
    """Survey the services and print what was seen."""
    for state in options.state:
        if state not in STATES:
            hint = did_you_mean(state, list(STATES))
            raise UsageError(f"no state {state!r} (there are: {', '.join(STATES)}){hint}")
    subjects = [subject for path in options.manifest for subject in checked_subjects(path, options.configuration)]
    if not any(subject.listen for subject in subjects):
        raise UsageError("nothing to survey: none of these manifests has a [[listen]] table")
    _build(subjects)
    with Progress(console=Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("survey", total=None)
        seen = survey(
            subjects,
            options.workers,
            lambda done, total: progress.update(task, completed=done, total=total),
            states=options.state or STATES,
            taken=TAKEN if options.taken else [FREE],
        )
    if options.json:
        json.dump([dataclasses.asdict(item) for item in seen], sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        _print(seen, taken=options.taken)
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


def _print(seen: list[Observation], *, taken: bool) -> None:
    """Print one line for each way (and who has the port), with what it does in each state; then the errors."""
    console = Terminal(highlight=False)
    states = dict.fromkeys(item.state for item in seen)
    heads = ["service, configured", *(["taken"] if taken else []), *states]
    table = Table(*heads, box=None, pad_edge=False, row_styles=["", "on grey11"])
    for column in table.columns:
        column.overflow = "fold"
    rows: dict[tuple[str, ...], dict[str, Observation]] = {}
    for item in seen:
        key = (item.service, item.way, item.listener, item.transport, item.taken)
        rows.setdefault(key, {})[item.state] = item
    several = len({(service, listener) for service, _, listener, *_ in rows}) > len({service for service, *_ in rows})
    for (service, way, listener, transport, who), own in rows.items():
        where = f" {listener} ({transport})" if several else ""
        cells = [_cell(own[state], effect=taken) for state in states]
        table.add_row(escape(f"{service}{where} {way}"), *([escape(who)] if taken else []), *cells)
    console.print(table)
    console.print(f"\n{_LEGEND}", style="dim")
    if taken:
        console.print(_TAKEN_LEGEND, style="dim", markup=False)
    errors: dict[tuple[str, str, str], list[str]] = {}
    for item in seen:
        if item.error:
            state = f"{item.state} ({item.taken})" if taken else item.state
            errors.setdefault((item.service, item.way, item.error), []).append(state)
    for (service, way, error), seen_in in errors.items():
        console.print(f"\n{service} {way}, {', '.join(seen_in)}:", markup=False, style="bold")
        console.print(f"  {error}", markup=False)


_LEGEND = """\
4: IPv4 socket; 6: IPv6 socket, IPv6 only; D: IPv6 socket that serves both; @: one address only; ✗: does not listen.
In brackets: the families that were answered from another host."""


_TAKEN_LEGEND = """\
Taken: who has the port before the service is started: nobody (free), a socket that listens, one that is bound and does
not listen, or two that would share it. What came of it:
both, one, none: it serves as many families; as many as were asked for and the world has, if it is not none
wider: a family, or every address, that was not asked for; narrower: one family of two, without a word
refuses: it ends with an error; half-started: it lost a family, says so, and runs on
late: bound, but listen() failed; split: two sockets take the same clients, and the kernel deals them out"""


def _cell(item: Observation, *, effect: bool) -> str:
    """Return the sockets, the families that were answered, and what it came to, if that is wanted."""
    answered = " ".join(family.removeprefix("ipv") for family, how in item.answers.items() if how == "answered")
    cell = item.sockets if item.sockets == NOT_LISTENING else f"{item.sockets} \\[{answered or '-'}]"
    return f"{cell} {item.effect}" if effect else cell
