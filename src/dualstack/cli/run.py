"""``dualstack run``: verify services in a fresh pytest, show it live, and say what came out."""

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
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO, Any, Self

import pytest

from dualstack.cli.check import checked_subjects
from dualstack.cli.terminal import Terminal
from dualstack.cli.workers import forked_workers
from dualstack.content import ROOT
from dualstack.errors import DualstackError, UsageError
from dualstack.kinds import DOCKER, NETNS
from dualstack.lab.forked import Forked
from dualstack.lab.netns import prepare_keeper
from dualstack.plan import Selection, plan_cases
from dualstack.report import write_all
from dualstack.report.live import tell, watcher
from dualstack.report.load import load
from dualstack.report.matrix import show_results
from dualstack.results import RECORDS, RUN
from dualstack.session import RESULTS
from dualstack.suites import SUITES, file_of, requirement, requirements
from dualstack.topology import load_topology
from dualstack.verdict import INTERRUPTED

_FEW = 24
"""Up to this many cases a second process costs more time than it saves; each further one needs half as many."""

_WORKERS_A_CORE = 2
"""A case waits half of its time: for its service to start, for answers that must not come, for deadlines."""

_HANDFUL = 12
"""Up to this many cases a keeper that is forked takes less time in all than one that starts anew."""

_ORDERLY = 1.7
"""Seconds that the work may take to end in good order after an interrupt."""

_USAGE = {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED}


def main(options: argparse.Namespace) -> int:
    """Verify the services; return the run's exit code."""
    began = time.monotonic()
    selection = _selection(options)
    planned = _plan(options, selection)
    results = (options.results or Path(RESULTS)).resolve()
    console = Terminal(highlight=False, markup=False, emoji=False)
    reader, writer = os.pipe()
    with tempfile.TemporaryFile(prefix="dualstack-pytest-") as output, _Interrupts() as interrupts:
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


class _Interrupts:
    """Passes SIGINT (Ctrl-C) and SIGTERM on to the pytest that does the work, which then ends in good order.

    If it has not ended after `_ORDERLY` seconds, or when a second signal comes, it is killed.

    Attributes:
        number: How many there were.
    """

    def __init__(self) -> None:
        """There was none yet."""
        self.number = 0
        self._process: Forked | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Take the signals over."""
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._kill)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the signals to whoever had them before."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pass_on_to(self, process: Forked) -> None:
        """Pass them on to the process group that ``process`` leads; it is not reached by the terminal's Ctrl-C."""
        self._process = process
        if self.number:
            self._pass_on()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        """Count a signal, and say at once that it was seen."""
        self.number += 1
        if self.number == 1:
            text = "\ndualstack: interrupted: stopping …\n"
            with contextlib.suppress(OSError):
                os.write(2, text.encode(sys.stderr.encoding or "ascii", errors="replace"))
            signal.setitimer(signal.ITIMER_REAL, _ORDERLY)
        if self._process is not None:
            self._pass_on()

    def _kill(self, _number: int, _frame: FrameType | None) -> None:
        """Kill what has not ended in good order."""
        self.number += 1
        self._pass_on()

    def _pass_on(self) -> None:
        """Send the group what the number of signals deserves."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGINT if self.number == 1 else signal.SIGKILL)


def _sweep() -> None:
    """Remove what is left on the container engine of processes that had to be killed."""
    from dualstack.lab.docker.engine import connect  # noqa: PLC0415 - loads the SDK
    from dualstack.lab.docker.labels import sweep  # noqa: PLC0415 - the same

    with contextlib.suppress(DualstackError):  # `dualstack sweep` says what hinders it
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
    groups = {item.split("-")[0] for item in requirements()}
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
    """Return how many cases each file of the suites has, of those that have any.

    Raises:
        UsageError: A manifest is wrong, or nothing is left to be run.
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
            "no case is left to run: none of the suites, requirements and topologies asked for fits these services"
        )
    return dict(sorted(planned.items()))


def _fork(act: Callable[[], int], output: int, events: int) -> Forked:
    """Fork the process that does the work: it leads a process group, and ends in good order with this process."""
    with Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), output, output)
        process = Forked("pytest", act, streams=streams, keep=[events], death_signal=signal.SIGTERM)
    with contextlib.suppress(OSError):  # whichever of both processes comes first
        os.setpgid(process.pid, process.pid)
    return process


def _verify(arguments: Sequence[str], workers: int, planned: int, lab: str) -> int:
    """Be the pytest that does the work; nothing of the user's own configuration reaches it."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]
    if workers > 1:
        with forked_workers(workers, lab) as specifications:
            chosen = [word for text in specifications for word in ("--tx", text)]
            # In small chunks: the starts of the services come first, and are spread over all workers.
            shared = ["--dist=load", "--maxschedchunk=1", "--max-worker-restart=4"]
            return pytest.main([*arguments, "-p", "xdist", *shared, *chosen])
    if lab == NETNS:
        prepare_keeper(lean=planned > _HANDFUL)
    return pytest.main([*arguments])


def _workers(options: argparse.Namespace, planned: int) -> int:
    """Return how many processes share the work."""
    if options.workers != "auto":
        return int(options.workers)
    if planned <= _FEW:
        return 0
    return min(_WORKERS_A_CORE * len(os.sched_getaffinity(0)), planned // (_FEW // 2))


def _arguments(options: argparse.Namespace, selection: Selection, results: Path, events: int) -> list[str]:
    """Return the arguments of the pytest that does the work, but for its files and workers."""
    command = [
        f"--rootdir={ROOT}",
        f"--confcutdir={ROOT}",
        f"--config-file={SUITES / 'pytest.ini'}",
        f"--dualstack-results={results}",
        f"--dualstack-events={events}",
        f"--dualstack-lab={options.lab}",
    ]
    command += ["--disable-plugin-autoload", "-p", "dualstack.plugin"]  # others are not asked for, and take their time
    command += ["--assert=plain"]  # suites speak in findings; rewriting their asserts costs each process half a second
    # No check writes temporary files, and xdist would leave a folder behind for them; the others only take time.
    command += [
        word for name in ("tmpdir", "doctest", "pastebin", "junitxml", "unittest") for word in ("-p", f"no:{name}")
    ]
    for path in options.manifest:
        command += ["--dualstack-service", str(path.resolve())]
    for option, values in (
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
    """Show the run until its events end; return its folder, and what it could not write there."""
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
    """Print what came out of a run that ``began`` then; return the exit code."""
    if code in _USAGE:
        lines = [line.removeprefix("ERROR: ") for line in printed.splitlines() if line.strip()]
        raise UsageError("\n".join(lines))
    if folder is None or not (folder / RECORDS).exists():
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.stderr.write(printed)
        return 3
    # A disk that is full has been complained of by pytest already.
    with contextlib.suppress(OSError):
        (folder / "pytest.log").write_text(printed, encoding="utf-8")
        if not (folder / "report.html").exists():  # the process that should have written it was killed
            if code == INTERRUPTED:
                _mark_interrupted(folder / RUN)
            write_all(folder)
    show_results(folder, console, time.monotonic() - began)
    return code if code in _codes(folder) else 3


def _mark_interrupted(about: Path) -> None:
    """Write down that a run was interrupted which did not get to it itself."""
    description: dict[str, Any] = json.loads(about.read_text(encoding="utf-8"))
    description |= {"interrupted": True, "exit_code": INTERRUPTED, "troubles": []}
    about.write_text(json.dumps(description, indent=1, ensure_ascii=False), encoding="utf-8", errors="backslashreplace")


def _codes(folder: Path) -> Sequence[int]:
    """Return the exit codes that a run may end with by itself; pytest's own 2 means that it was interrupted."""
    judged_nothing = (2,) if load(folder).run.data.get("exit_code") == 2 else ()  # noqa: PLR2004 - the code of usage
    return (0, 1, 3, INTERRUPTED, *judged_nothing)
