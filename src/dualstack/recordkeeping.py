"""Keeping a run's records: the controlling process writes each as it arrives, so that a killed run keeps them."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dualstack.casekey import CaseKey
from dualstack.errors import INTERRUPTED, DualstackError, HarnessError, UsageError
from dualstack.plan import START, Selection, plan_cases
from dualstack.results import Record, append_record
from dualstack.runinfo import RunInfo
from dualstack.session import RunSession
from dualstack.startup import Startups
from dualstack.stopping import Stopping
from dualstack.verdict import FAILURES, OUR_FAULT, Verdict, exit_code

if TYPE_CHECKING:
    from dualstack.report.summary import Report


class RecordKeeper:
    """Keeps the run's records; only the controlling process has one."""

    def __init__(self, session: RunSession, config: pytest.Config, startups: Startups, stopping: Stopping) -> None:
        """Keep the records of ``session``."""
        self._stopping = stopping
        self._began = time.monotonic()
        self._session = session
        self._startups = startups
        self._config = config
        self._planned: dict[str, CaseKey] = {}
        """The planned cases, by pytest node id."""
        self._verdicts: dict[CaseKey, Verdict] = {}
        self._troubles: list[str] = []
        self._unwritten: list[str] = []
        self._others_failed = False
        self._info = RunInfo()
        self._earlier: Report | None = None
        """The run that the report compares with."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Read the earlier run, build the services and write run.json, before any worker starts."""
        from dualstack.casework import prepare  # noqa: PLC0415 - heavy, needed only in a run

        try:
            option = self._config.option
            self._earlier = _read(option.dualstack_compare)
            self._info = prepare(self._session, self._config.invocation_params.args, option.dualstack_command)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        except DualstackError as error:
            self._emit({"event": "trouble", "text": f"{type(error).__name__}: {error}"})
            pytest.exit(f"{type(error).__name__}: {error}", returncode=3)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Announce the cases of a run without workers."""
        self._announce([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Announce the cases of a run with workers; each worker collects all of them."""
        if not self._planned:
            self._announce(ids)

    def _announce(self, ids: list[str]) -> None:
        """Write how many cases are planned."""
        self._planned = {node: key for node in ids if (key := CaseKey.found_in(node))}
        if self._planned:
            self._info = replace(self._info, planned=len(self._planned))
            with self._tolerating():
                self._info.write(self._session.folder)
            self._emit(
                {
                    "event": "planned",
                    "cases": [asdict(key) for key in self._planned.values()],
                    "folder": str(self._session.folder),
                }
            )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Announce the start of a case."""
        if key := self._planned.get(nodeid):
            self._emit({"event": "started", "case": asdict(key)})

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Append the record that came with a report; a failed report without a record is an error of the harness."""
        data = getattr(report, "dualstack", None)
        if data is not None:
            del report.dualstack  # pytest keeps the report to the session's end
            self._keep(Record.from_json(data))
        elif report.failed:
            key = self._planned.get(report.nodeid)
            if key is None:
                self._others_failed = True
            elif report.when == "teardown":
                self._troubles.append(f"{key}: after the case: {report.longreprtext.strip().splitlines()[-1]}")
            elif key not in self._verdicts:
                self._keep(_lost(key, report.longreprtext))

    def _keep(self, record: Record) -> None:
        """Append a record and emit it as an event."""
        first = not self._verdicts
        self._verdicts[record.key] = record.verdict
        if (
            record.requirement == START
        ):  # if the case ended without a result, the cases that wait for it must not wait longer
            self._startups.note(record.subject, {})
        with self._tolerating():
            append_record(self._session.folder, record)
            if first:
                self._session.point_latest_here()
            if self._config.option.dualstack_fail_fast and self._fails(record.verdict):
                self._stopping.stop(f"{record.case} failed, and a failure ends this run")
        self._emit({"event": "finished", "record": record.to_json()})

    def _fails(self, verdict: Verdict) -> bool:
        """Return whether a verdict is one that ends a run which ends with the first failure."""
        return verdict in FAILURES | OUR_FAULT or (self._session.strict and verdict is Verdict.DEVIATES)

    @contextlib.contextmanager
    def _tolerating(self) -> Iterator[None]:
        """Continue after a write error, for example on a full disk; report each message once."""
        try:
            yield
        except (HarnessError, OSError) as error:
            if str(error) not in self._unwritten:
                self._unwritten.append(str(error))
                self._emit({"event": "trouble", "text": str(error)})

    def _emit(self, event: dict[str, Any]) -> None:
        """Write an event for the process that shows the run; it may have ended."""
        descriptor = self._config.option.dualstack_events
        if descriptor is not None:
            with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as pipe:
                pipe.write(json.dumps(event) + "\n")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports and set the exit code."""
        from dualstack.report import write_all  # noqa: PLC0415 - heavy, needed only in a run

        missing = 0 if session.config.option.collectonly else len(self._planned) - len(self._verdicts)
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        code = exit_code(self._counting(), strict=self._session.strict)
        stopped = self._stopping.end() if missing else ""
        if interrupted:
            code = INTERRUPTED
        elif self._troubles or self._unwritten or (missing and not (stopped and code == 1)):
            code = 3
        elif self._others_failed and code == 0:
            code = 1
        self._info = replace(
            self._info,
            interrupted=interrupted,
            stopped=stopped,
            exit_code=code,
            seconds=round(time.monotonic() - self._began, 1),
            troubles=(*self._troubles, *self._unwritten),
        )
        with self._tolerating():
            self._info.write(self._session.folder)
            if self._verdicts:
                write_all(self._session.folder, self._earlier)
        if self._unwritten:
            code = 3
        if exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            session.exitstatus = code

    def _counting(self) -> Iterator[Verdict]:
        """Yield the verdicts for the exit code: a case that is blocked as the manifest declares does not count."""
        from dualstack.suites import requirement  # noqa: PLC0415 - imports the suites, which a worker may not need

        everything = Selection(ignore_known=self._session.selection.ignore_known)
        starts = plan_cases(requirement(START), self._session.subjects, everything)
        declared = {case.subject.name for case in starts if case.known is not None}
        for key, verdict in self._verdicts.items():
            as_declared = verdict is Verdict.BLOCKED and key.subject in declared
            yield Verdict.NOT_APPLICABLE if as_declared else verdict

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what went wrong, and where the report is."""
        for trouble in (*self._troubles, *self._unwritten):
            terminalreporter.write_line(f"dualstack: {trouble}", red=True)
        if self._verdicts:
            terminalreporter.write_line(f"dualstack: {self._session.folder / 'report.html'}")


def _read(results: str) -> "Report | None":
    """Return the results that a report compares with; None if the path is empty.

    Raises:
        UsageError: They cannot be read.
    """
    if not results:
        return None
    from dualstack.report.reading import read_results  # noqa: PLC0415 - heavy, needed only with --compare

    return read_results(Path(results))


def _lost(key: CaseKey, text: str) -> Record:
    """Return the record of a case whose process ended before the case did."""
    from dualstack.suites import requirement  # noqa: PLC0415 - imports the suites, needed only for this

    found = requirement(key.requirement)
    return Record(
        requirement=found.id,
        title=found.title,
        level=found.level.value,
        subject=key.subject,
        manifest="",
        element=key.element,
        topology=key.topology,
        verdict=Verdict.HARNESS_ERROR,
        reason=text.strip()[-2000:] or "the process that ran the case was lost",
    )
