"""``dualstack run``: verify services in a forked pytest, show the progress, and print the results."""

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

from dualstack.backend_names import DOCKER, NETNS
from dualstack.cli.check import checked_subjects
from dualstack.cli.interrupts import Interrupts
from dualstack.cli.terminal import Terminal
from dualstack.cli.workers import forked_workers
from dualstack.content import ROOT
from dualstack.errors import DualstackError, HarnessError, UsageError
from dualstack.lab.forked import Forked
from dualstack.lab.netns import prepare_supervisor
from dualstack.plan import Selection, plan_cases
from dualstack.report import write_all
from dualstack.report.live import tell, watcher
from dualstack.report.load import load
from dualstack.report.matrix import show_results
from dualstack.results import RECORDS
from dualstack.session import RESULTS
from dualstack.suites import SUITES, file_of, requirement, requirements
from dualstack.topology import load_topology
from dualstack.verdict import INTERRUPTED

_FEW = 24
"""Up to this many cases, a second process costs more time than it saves; each further one needs half as many."""

_WORKERS_A_CORE = 2
"""A case waits half of its time: for the service to start, or until it is certain that no answer arrives."""

_HANDFUL = 12
"""Up to this many cases, a forked supervisor takes less total time than a newly started one."""

_USAGE = {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED}


def main(options: argparse.Namespace) -> int:
    """Verify the services; return the run's exit code."""
    began = time.monotonic()
    selection = _selection(options)
    planned = _plan(options, selection)
    results = (options.results or Path(RESULTS)).resolve()
    console = Terminal(highlight=False, markup=False, emoji=False)
    reader, writer = os.pipe()
    with tempfile.TemporaryFile(prefix="dualstack-pytest-") as output, Interrupts() as interrupts:
        command = [*map(str, planned), *_arguments(options, selection, results, writer)]
        count = sum(planned.values())
        process = _fork(
            partial(_verify, command, _workers(options, count), count, options.lab), output.fileno(), writer
        )
        os.close(writer)
        interrupts.pass_on_to(process)
        with os.fdopen(reader, encoding="utf-8") as events:
            folder, troubles = _watch(events, console)
        code = process.wait()
        output.seek(0)
        printed = output.read().decode(errors="replace")
    if folder is not None or not troubles:
        if interrupts.number and options.lab == DOCKER:
            _sweep()
        code = _finish(INTERRUPTED if interrupts.number else code, folder, printed, console, began)
    for trouble in troubles:
        print(f"dualstack: {trouble}", file=sys.stderr)
    return code


def _sweep() -> None:
    """Remove what killed processes left on the container engine."""
    from dualstack.lab.docker.engine import connect  # noqa: PLC0415 - loads the SDK
    from dualstack.lab.docker.labels import sweep  # noqa: PLC0415 - the same

    with contextlib.suppress(DualstackError):  # `dualstack sweep` shows the reason
        engine = connect()
        try:
            sweep(engine)
        finally:
            engine.close()


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
    if options.workers != "auto" and not options.workers.isdecimal():
        raise UsageError(f"--workers: found {options.workers!r}, allowed: auto or a number")
    return Selection(
        topologies=tuple(options.topology),
        requirements=tuple(wanted),
        elements=tuple(options.element),
        ignore_known=options.ignore_known,
        known_only=options.known_only,
    )


def _plan(options: argparse.Namespace, selection: Selection) -> dict[Path, int]:
    """Return the number of cases of each suite file that has any.

    Raises:
        UsageError: A manifest is wrong, or no case is selected.
    """
    faults, subjects = [], []
    for path in options.manifest:
        try:
            subjects += checked_subjects(path, options.configuration, options.lab)
        except UsageError as error:
            faults.append(str(error))
    if faults:
        raise UsageError("\n".join(faults))
    planned: Counter[Path] = Counter()
    for item in requirements(options.suite).values():
        if cases := plan_cases(item, subjects, selection):
            planned[file_of(item)] += len(cases)
    if not planned:
        raise UsageError(
            "no case to run: the selected suites, requirements and topologies do not apply to these services"
        )
    return dict(sorted(planned.items()))


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
    if lab == NETNS:
        prepare_supervisor(lean=planned > _HANDFUL)
    return pytest.main([*arguments])


def _workers(options: argparse.Namespace, planned: int) -> int:
    """Return the number of worker processes; 0 to run the cases in one process."""
    if options.workers != "auto":
        return int(options.workers)
    if planned <= _FEW:
        return 0
    return min(_WORKERS_A_CORE * len(os.sched_getaffinity(0)), planned // (_FEW // 2))


def _arguments(options: argparse.Namespace, selection: Selection, results: Path, events: int) -> list[str]:
    """Return pytest's arguments, except for the files and the workers."""
    command = [
        f"--rootdir={ROOT}",
        f"--confcutdir={ROOT}",
        "--noconftest",  # the user's are not wanted; ours only names the fixtures
        f"--config-file={SUITES / 'pytest.ini'}",
        f"--dualstack-results={results}",
        f"--dualstack-events={events}",
        f"--dualstack-lab={options.lab}",
    ]
    command += [
        "--disable-plugin-autoload",
        "-p",
        "dualstack.plugin",
        "-p",
        "dualstack.testing",
    ]  # others are not asked for, and take their time
    command += ["--assert=plain"]  # suites report findings; rewriting their asserts costs each process half a second
    # No test of a suite writes temporary files, and xdist would leave a folder for them; the others only cost time.
    command += [
        word for name in ("tmpdir", "doctest", "pastebin", "junitxml", "unittest") for word in ("-p", f"no:{name}")
    ]
    for path in options.manifest:
        command += ["--dualstack-service", str(path.resolve())]
    for option, values in (
        ("--dualstack-suites", [str(path.resolve()) for path in options.suites]),
        ("--dualstack-configuration", options.configuration),
        ("--dualstack-topology", selection.topologies),
        ("--dualstack-requirement", selection.requirements),
        ("--dualstack-element", selection.elements),
    ):
        for value in values:
            command += [option, value]
    command += ["--dualstack-ignore-known"] if options.ignore_known else []
    command += ["--dualstack-known-only"] if options.known_only else []
    return command + (["--dualstack-strict"] if options.strict else [])


def _watch(events: IO[str], console: Terminal) -> tuple[Path | None, list[str]]:
    """Show the progress until the events end; return the run's folder, and what could not be written to it."""
    folder, troubles = None, []
    with watcher(console) as watching:
        for line in events:
            if not line.endswith("\n"):
                break  # pytest was killed while it wrote
            event: dict[str, Any] = json.loads(line)
            folder = Path(event["folder"]) if "folder" in event else folder
            if event["event"] == "trouble":
                troubles.append(event["text"])
            tell(watching, event)
    return folder, troubles


def _finish(code: int, folder: Path | None, printed: str, console: Terminal, began: float) -> int:
    """Print the results of a run; return the exit code.

    Args:
        code: The exit code of pytest.
        folder: The run's folder; None if it did not get that far.
        printed: What pytest printed.
        console: Where to print.
        began: When the run began, as `time.monotonic` counts.
    """
    if code in _USAGE:
        lines = [line.removeprefix("ERROR: ") for line in printed.splitlines() if line.strip()]
        raise UsageError("\n".join(lines))
    if folder is None or not (folder / RECORDS).exists():
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.stderr.write(printed)
        return 3
    # If the disk is full, pytest has reported it already.
    with contextlib.suppress(OSError, HarnessError):
        (folder / "pytest.log").write_text(printed, encoding="utf-8")
        if not (folder / "report.html").exists():  # the process that writes it was killed
            if code == INTERRUPTED:
                # Its own process had no time to note that.
                run = load(folder).run
                replace(run, interrupted=True, exit_code=INTERRUPTED, troubles=()).write(folder)
            write_all(folder)
    show_results(folder, console, time.monotonic() - began)
    return code if code in _codes(folder) else 3


def _codes(folder: Path) -> Sequence[int]:
    """Return the exit codes of a run that ended normally; 2 counts only if run.json has it: pytest uses it, too."""
    judged_nothing = (2,) if load(folder).run.exit_code == 2 else ()  # noqa: PLR2004 - the code of usage
    return (0, 1, 3, INTERRUPTED, *judged_nothing)
