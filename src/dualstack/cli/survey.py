"""``dualstack survey``: what services really do, as a table or as data."""

import argparse
import dataclasses
import json
import secrets
import sys

from rich.progress import Progress

from dualstack.build import build
from dualstack.casework import is_built_here, provide_images
from dualstack.cli.check import checked_subjects
from dualstack.cli.terminal import Terminal
from dualstack.errors import UsageError
from dualstack.kinds import DOCKER
from dualstack.lab.netns import NetnsBackend
from dualstack.manifest import Subject
from dualstack.manifest.placeholders import did_you_mean
from dualstack.prober.messages import Outcome
from dualstack.survey import FREE, NOT_LISTENING, STATES, TAKEN, Observation, survey


def main(options: argparse.Namespace) -> int:
    """Survey the services and print what was seen."""
    for state in options.state:
        if state not in STATES:
            hint = did_you_mean(state, list(STATES))
            raise UsageError(f"no state {state!r} (there are: {', '.join(STATES)}){hint}")
    subjects = [
        subject for path in options.manifest for subject in checked_subjects(path, options.configuration, options.lab)
    ]
    if not any(subject.listen for subject in subjects):
        raise UsageError("nothing to survey: none of these manifests has a [[listen]] table")
    run = f"survey-{secrets.token_hex(4)}"
    _build(subjects, options.lab)
    if options.lab == DOCKER:
        provide_images(run, subjects)
    with Progress(console=Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("survey", total=None)
        seen = survey(
            subjects,
            options.workers,
            lambda done, total: progress.update(task, completed=done, total=total),
            states=options.state or STATES,
            taken=TAKEN if options.taken else [FREE],
            kind=options.lab,
            run=run,
        )
    if options.json:
        json.dump([dataclasses.asdict(item) for item in seen], sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        _print(seen, taken=options.taken)
    return 0


def _build(subjects: list[Subject], lab: str) -> None:
    """Build what needs building, once each."""
    wanted = {subject.path: subject for subject in subjects if is_built_here(subject, lab)}
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
    lines = []
    rows: dict[tuple[str, ...], dict[str, Observation]] = {}
    for item in seen:
        key = (item.service, item.way, item.listener, item.transport, item.taken)
        rows.setdefault(key, {})[item.state] = item
    several = len({(service, listener) for service, _, listener, *_ in rows}) > len({service for service, *_ in rows})
    for (service, way, listener, transport, who), own in rows.items():
        where = f" {listener} ({transport})" if several else ""
        cells = [_cell(own[state], effect=taken) for state in states]
        lines.append([f"{service}{where} {way}", *([who] if taken else []), *cells])
    console.table(heads, lines)
    console.print()
    for line in (*_LEGEND, *(_TAKEN_LEGEND if taken else ())):
        console.paragraph(line, hang=2, style="dim")
    errors: dict[tuple[str, str, str], list[str]] = {}
    for item in seen:
        if item.error:
            state = f"{item.state} ({item.taken})" if taken else item.state
            errors.setdefault((item.service, item.way, item.error), []).append(state)
    for (service, way, error), seen_in in errors.items():
        console.print()
        console.paragraph(f"{service} {way}, {', '.join(seen_in)}:", style="bold")
        console.paragraph(error, indent=2)


_LEGEND = f"""\
4: IPv4 socket; 6: IPv6 socket, IPv6 only; D: IPv6 socket that serves both; @: one address only
{NOT_LISTENING}: does not listen; timed out: it ran, and was not ready in the manifest's time
In brackets: the families that were answered, of a loopback listener from its own host, of any other from another one
?: behind a family whose client waited in vain""".splitlines()

_TAKEN_LEGEND = """\
Taken: who has the port before the service is started
free: nothing; bound: a socket that does not listen; shared: two sockets that would share it; else one that listens
both, one, none: it serves as many families; as many as were asked for and the world has, if it is not none
wider: a family, or every address, that was not asked for
narrower: one family of two, and its output does not say so
refuses: it ends with an error; half-started: it lost a family, says so, and runs on
late: bound, but listen() failed; split: sockets of two programs take the same clients""".splitlines()


def _cell(item: Observation, *, effect: bool) -> str:
    """Return the sockets, the families that were answered, and the outcome, if that is wanted."""
    families = [
        f"{family.removeprefix('ipv')}{_ANSWERED[how]}" for family, how in item.answers.items() if how in _ANSWERED
    ]
    cell = item.sockets if item.sockets == NOT_LISTENING else f"{item.sockets} [{' '.join(families) or '-'}]"
    return f"{cell}{' timed out' * item.timed_out}{f' {item.effect}' if effect else ''}"


_ANSWERED = {Outcome.ANSWERED.value: "", Outcome.SILENT.value: "?", "ETIMEDOUT": "?"}
"""How a family's exchange ended, and what stands behind the family then; after any other end it is not shown."""
