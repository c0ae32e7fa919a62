"""``dualstack run``: verify services, and print the results."""

import argparse
import contextlib
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dualstack.backend_names import DOCKER
from dualstack.cli.attached import check_lab
from dualstack.cli.composed import convert, take_compose
from dualstack.cli.keeping import keep
from dualstack.cli.publishing import commands_stopped, publish, write_job_summary
from dualstack.cli.terminal import Terminal
from dualstack.cli.verifying import Done, verify
from dualstack.cli.watching import Places, rerun
from dualstack.errors import INTERRUPTED, DualstackError, HarnessError, UsageError
from dualstack.report import write_all
from dualstack.report.comparison import compare
from dualstack.report.live import Detail
from dualstack.report.load import load
from dualstack.report.matrix import show_results
from dualstack.report.reading import read_results
from dualstack.report.summary import Report
from dualstack.results import RECORDS
from dualstack.session import RESULTS

_USAGE = {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED}


def main(options: argparse.Namespace) -> int:
    """Verify the services; return the run's exit code."""
    if options.keep:
        check_lab("--keep", options.lab)
    earlier = None
    if options.compare:
        earlier = read_results(options.compare)
        options.compare = options.compare.resolve()  # ``latest`` becomes this run
    # With --format markdown standard output has the page alone.
    console = Terminal(highlight=False, markup=False, emoji=False, stderr=options.format == "markdown")
    take_compose(options)
    if not options.watch:
        return _run(options, console, earlier)
    options.failed_first = True
    results = options.results or Path(RESULTS)

    def work() -> int:
        """Run once, with the manifest that the compose file now amounts to, if there is one."""
        if options.compose:
            convert(options)
        return _run(options, console, earlier)

    return rerun(
        lambda: Places.of(options.manifest, results, made_from=options.compose),
        work,
        lambda text: console.print(text, soft_wrap=True),
    )


def _run(options: argparse.Namespace, console: Terminal, earlier: Report | None) -> int:
    """Verify the services once; return the run's exit code."""
    began = time.monotonic()
    with commands_stopped(options.format):
        done = verify(options, console)
        code = done.code
        if done.folder is not None or not done.troubles:
            if done.interrupted and options.lab == DOCKER:
                for address in options.docker_host or [""]:
                    _sweep(address)
            code = INTERRUPTED if done.interrupted else code
            brief = options.detail == Detail.QUIET.value
            code = _finish(code, done, console, began, earlier, brief=brief)
    if done.folder is not None:
        if earlier is not None and (done.folder / RECORDS).exists():
            console.print(f"compared  {compare(earlier, Report.of(done.folder)).headline}")
        publish(options.format, done.folder)
        write_job_summary(done.folder)
    for trouble in done.troubles:
        print(f"dualstack: {trouble}", file=sys.stderr)
    if options.keep and done.folder is not None:
        keep(done.folder, console)
    return code


def _sweep(address: str) -> None:
    """Remove what killed processes left on a container engine; an empty address means that of the environment."""
    from dualstack.lab.docker.engine import connect  # noqa: PLC0415 - loads the SDK
    from dualstack.lab.docker.labels import sweep  # noqa: PLC0415 - the same

    with contextlib.suppress(DualstackError):  # `dualstack sweep` shows the reason
        engine = connect(address)
        try:
            sweep(engine)
        finally:
            engine.close()


def _finish(code: int, done: Done, console: Terminal, began: float, earlier: Report | None, *, brief: bool) -> int:
    """Print the results of a run; return the exit code.

    Args:
        code: The exit code of pytest.
        done: How it ended.
        console: Where to print.
        began: When the run began, as `time.monotonic` counts.
        earlier: The run that the report compares with.
        brief: Whether only what needs attention is printed.
    """
    folder, printed = done.folder, done.printed
    if code in _USAGE:
        lines = [line.removeprefix("ERROR: ") for line in printed.splitlines() if line.strip()]
        raise UsageError("\n".join(lines))
    if folder is None or not (folder / RECORDS).exists():
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        stopped = load(folder).run.stopped if folder else ""
        sys.stderr.write(f"dualstack: no case ran: {stopped}\n" if stopped else printed)
        return 3
    # If the disk is full, pytest has reported it already.
    with contextlib.suppress(OSError, HarnessError):
        (folder / "pytest.log").write_text(printed, encoding="utf-8")
        if not (folder / "report.html").exists():  # the process that writes it was killed
            if code == INTERRUPTED:
                # Its own process had no time to note that.
                run = load(folder).run
                replace(run, interrupted=True, exit_code=INTERRUPTED, troubles=()).write(folder)
            write_all(folder, earlier)
    show_results(folder, console, time.monotonic() - began, brief=brief)
    return code if code in _codes(folder) else 3


def _codes(folder: Path) -> Sequence[int]:
    """Return the exit codes of a run that ended normally; 2 counts only if run.json has it: pytest uses it, too."""
    judged_nothing = (2,) if load(folder).run.exit_code == 2 else ()  # noqa: PLR2004 - the code of usage
    return (0, 1, 3, INTERRUPTED, *judged_nothing)
