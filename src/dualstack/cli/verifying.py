"""Verifies services in a forked pytest, and shows the progress."""

import argparse
import contextlib
import json
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

from dualstack.backend_names import NETNS
from dualstack.cli.choosing import Choice, choose, earlier_of
from dualstack.cli.interrupts import Interrupts
from dualstack.cli.sharded import shard_of
from dualstack.cli.terminal import Terminal
from dualstack.cli.workers import forked_workers
from dualstack.content import ROOT
from dualstack.lab.forked import Forked
from dualstack.lab.netns import prepared_supervisors
from dualstack.report.live import Detail, Watcher, tell, watcher
from dualstack.report.remaining import Remaining
from dualstack.requirement import Role
from dualstack.session import RESULTS
from dualstack.suites import SUITES, file_of, requirements

_FEW = 24
"""Up to this many cases, a second process costs more time than it saves; each further one needs half as many."""

_WORKERS_A_CORE = 2
"""A case waits half of its time: for the service to start, or until it is certain that no answer arrives."""

_CONNECTORS_A_CORE = 4
"""A case of a connector waits longer: for servers that never answer, and for resolvers."""

_HANDFUL = 12
"""Up to this many cases, a forked supervisor takes less total time than a newly started one."""


@dataclass(frozen=True, slots=True)
class Done:
    """How the forked pytest ended.

    Attributes:
        code: The exit code of pytest.
        folder: The run's folder; None if it did not get that far.
        printed: What pytest printed.
        troubles: What could not be written to the folder.
        interrupted: Whether a signal has interrupted it.
    """

    code: int
    folder: Path | None
    printed: str
    troubles: list[str]
    interrupted: bool


def verify(options: argparse.Namespace, console: Terminal) -> Done:
    """Run the cases that the options of ``run`` select, and show the progress on a console.

    Raises:
        UsageError: A manifest or a selection is wrong, or no case is selected.
    """
    results = (options.results or Path(RESULTS)).resolve()
    choice = choose(options, results)
    if choice.note:
        console.print(choice.note)
    planned = choice.files
    with (
        shard_of(options, planned, results) as (counts, words),
        tempfile.TemporaryFile(prefix="dualstack-pytest-") as output,
        Interrupts() as interrupts,
    ):
        reader, writer = os.pipe()
        command = [*map(str, planned), *_arguments(options, choice, results, writer), *words]
        count = sum(counts.values())
        process = _fork(
            partial(_verify, command, _workers(options, counts), count, options.lab), output.fileno(), writer
        )
        os.close(writer)
        interrupts.pass_on_to(process)
        watched = watcher(console, Detail(options.detail), lambda: _remaining(choice, results))
        with os.fdopen(reader, encoding="utf-8") as events, watched as watching:
            folder, troubles = _watch(events, watching)
        code = process.wait()
        output.seek(0)
        printed = output.read().decode(errors="replace")
    return Done(code, folder, printed, troubles, bool(interrupts.number))


def _fork(act: Callable[[], int], output: int, events: int) -> Forked:
    """Fork the process that does the work: it leads a process group, and ends when this process ends."""
    with Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), output, output)
        process = Forked("pytest", act, streams=streams, keep=[events], death_signal=signal.SIGTERM)
    with contextlib.suppress(OSError):  # both processes try; the first one succeeds
        os.setpgid(process.pid, process.pid)
    return process


def _verify(arguments: Sequence[str], workers: int, planned: int, lab: str) -> int:
    """Run the pytest that does the work; it ignores the user's pytest configuration."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]
    if workers > 1:
        with forked_workers(workers, lab) as specifications:
            chosen = [word for text in specifications for word in ("--tx", text)]
            # In small chunks, so that the starts of the services, which come first, are spread over all workers.
            shared = ["--dist=load", "--maxschedchunk=1", "--max-worker-restart=4"]
            return pytest.main([*arguments, "-p", "xdist", *shared, *chosen])
    with prepared_supervisors(int(lab == NETNS), lean=planned > _HANDFUL):
        return pytest.main([*arguments])


def _workers(options: argparse.Namespace, planned: Mapping[Path, int]) -> int:
    """Return the number of worker processes for the cases of each suite file; 0 or 1 to run them in one process."""
    count = sum(planned.values())
    if options.workers is not None:
        return min(int(options.workers), count)
    engines = min(len(options.docker_host), count)
    if count <= _FEW:
        return engines if engines > 1 else 0
    files = {file_of(item) for item in requirements().values() if item.role is Role.CONNECTOR}
    connectors = sum(cases for path, cases in planned.items() if path in files)
    a_core = _WORKERS_A_CORE + (_CONNECTORS_A_CORE - _WORKERS_A_CORE) * connectors / count
    return max(engines, min(round(a_core * len(os.sched_getaffinity(0))), count // (_FEW // 2)))


_PLUGINS = (
    *("--disable-plugin-autoload", "-p", "dualstack.plugin", "-p", "dualstack.testing"),
    # No test of a suite writes temporary files, and xdist would leave a folder for them. faulthandler waits for ever
    # for a timer of the process from which this one was forked. The others only cost time.
    *(f"-pno:{name}" for name in ("tmpdir", "faulthandler", "doctest", "pastebin", "junitxml", "unittest")),
    "--assert=plain",  # suites report findings; rewriting their asserts costs each process half a second
)
"""Which of pytest's plugins are used; others are not asked for, and take their time."""


def _arguments(options: argparse.Namespace, choice: Choice, results: Path, events: int) -> list[str]:
    """Return pytest's arguments, except for the files and the workers."""
    command = [
        f"--rootdir={ROOT}",
        f"--confcutdir={ROOT}",
        "--noconftest",  # the user's are not wanted; ours only names the fixtures
        f"--config-file={SUITES / 'pytest.ini'}",
        f"--dualstack-results={results}",
        f"--dualstack-events={events}",
        f"--dualstack-lab={options.lab}",
        f"--dualstack-command={shlex.join(['dualstack', *sys.argv[1:]])}",
        *_PLUGINS,
    ]
    selection = choice.selection
    for path in options.manifest:
        command += ["--dualstack-service", str(path.resolve())]
    for option, values in (
        ("--dualstack-suites", [str(path.resolve()) for path in options.suites]),
        ("--dualstack-baseline", [str(path.resolve()) for path in options.baseline]),
        ("--dualstack-configuration", options.configuration),
        ("--dualstack-topology", selection.topologies),
        ("--dualstack-requirement", selection.requirements),
        ("--dualstack-element", selection.elements),
        ("--dualstack-plan", selection.plans),
        ("--dualstack-case", sorted(selection.cases)),
        ("--dualstack-first", choice.first),
        ("--dualstack-keyword", [selection.keyword] if selection.keyword else []),
        ("--dualstack-budget", [] if options.time_budget is None else [str(options.time_budget)]),
        ("--dualstack-docker-host", options.docker_host),
        ("--dualstack-compare", [str(options.compare)] if options.compare else []),
    ):
        for value in values:
            command += [option, value]
    flags = ("ignore_known", "known_only", "strict", "fail_fast")
    return command + [f"--dualstack-{name.replace('_', '-')}" for name in flags if getattr(options, name)]


def _remaining(choice: Choice, results: Path) -> Remaining:
    """Return what is left of a run: its cases, each with the time that it took last time."""
    seconds = {key: item.seconds for key, item in earlier_of(choice.cases, results).items()}
    return Remaining({case.key: 0.0 if case.not_applicable else seconds.get(case.key) for case in choice.cases})


def _watch(events: IO[str], watching: Watcher) -> tuple[Path | None, list[str]]:
    """Show the progress until the events end; return the run's folder, and what could not be written to it."""
    folder, troubles = None, []
    for line in events:
        if not line.endswith("\n"):
            break  # pytest was killed while it wrote
        event: dict[str, Any] = json.loads(line)
        folder = Path(event["folder"]) if "folder" in event else folder
        if event["event"] == "trouble":
            troubles.append(event["text"])
        tell(watching, event)
    return folder, troubles
