"""``dualstack survey``: what services do in each configuration, as a table or as JSON."""

import argparse
import dataclasses
import json
import secrets
import sys

from rich.progress import Progress

from dualstack.backend_names import DOCKER
from dualstack.casework import builder, provide_images
from dualstack.cli.check import checked_subjects
from dualstack.cli.terminal import Terminal
from dualstack.errors import UsageError
from dualstack.prober.messages import Outcome
from dualstack.suggestion import did_you_mean
from dualstack.survey import FREE, NOT_LISTENING, STATES, TAKEN, Observation, survey


def main(options: argparse.Namespace) -> int:
    """Survey the services and print the observations."""
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
    with builder(options.lab) as build_service:
        for subject in subjects:
            build_service(subject)
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


def _print(seen: list[Observation], *, taken: bool) -> None:
    """Print a row for each configuration (and port state) with a column for each kernel state; then the errors."""
    console = Terminal(highlight=False)
    states = dict.fromkeys(item.state for item in seen)
    heads = ["service, configured", *(["taken"] if taken else []), *states]
    lines = []
    rows: dict[tuple[str, ...], dict[str, Observation]] = {}
    for item in seen:
        key = (item.service, item.variant, item.listener, item.transport, item.taken)
        rows.setdefault(key, {})[item.state] = item
    several = len({(service, listener) for service, _, listener, *_ in rows}) > len({service for service, *_ in rows})
    for (service, variant, listener, transport, who), own in rows.items():
        where = f" {listener} ({transport})" if several else ""
        cells = [_cell(own[state], effect=taken) for state in states]
        lines.append([f"{service}{where} {variant}", *([who] if taken else []), *cells])
    console.table(heads, lines)
    console.print()
    for line in (*_LEGEND, *(_TAKEN_LEGEND if taken else ())):
        console.paragraph(line, hang=2, style="dim")
    errors: dict[tuple[str, str, str], list[str]] = {}
    for item in seen:
        if item.error:
            state = f"{item.state} ({item.taken})" if taken else item.state
            errors.setdefault((item.service, item.variant, item.error), []).append(state)
    for (service, variant, error), seen_in in errors.items():
        console.print()
        console.paragraph(f"{service} {variant}, {', '.join(seen_in)}:", style="bold")
        console.paragraph(error, indent=2)


_LEGEND = f"""\
4: IPv4 socket; 6: IPv6-only socket; D: dual-stack socket (IPv6 socket that also serves IPv4); @: bound to one address
{NOT_LISTENING}: does not listen; timed out: it runs, but was not ready within timeouts.ready of its manifest
In brackets: the families that were answered. Clients of a loopback listener run on its own host, others on another host
?: after a family: its client got no answer""".splitlines()

_TAKEN_LEGEND = """\
Taken: the state of the port before the service starts
free: unused; bound: a socket has it, but does not listen; shared: two sockets that allow sharing; others: it listens
Outcome: both, one: it serves all requested families that the lab has, two or one; none: it serves no family
wider: it also serves a family, or all addresses, that was not requested
narrower: it serves one of two families, and its output does not report that
refuses: it exits with an error; half-started: it lost a family, reports that, and keeps running
late: bind() succeeded, but listen() failed; split: sockets of two programs share the clients""".splitlines()


def _cell(item: Observation, *, effect: bool) -> str:
    """Return the sockets, the families that were answered and, with ``effect``, the outcome."""
    families = [
        f"{family.removeprefix('ipv')}{_ANSWERED[how]}" for family, how in item.answers.items() if how in _ANSWERED
    ]
    cell = item.sockets if item.sockets == NOT_LISTENING else f"{item.sockets} [{' '.join(families) or '-'}]"
    return f"{cell}{' timed out' * item.timed_out}{f' {item.effect}' if effect else ''}"


_ANSWERED = {Outcome.ANSWERED.value: "", Outcome.SILENT.value: "?", "ETIMEDOUT": "?"}
"""The mark after a family, by the outcome of its exchange; with any other outcome the family is not shown."""
