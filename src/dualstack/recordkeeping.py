"""Keeping a run's records: by the controlling process alone, as they arrive, so that a killed run keeps what it had."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dualstack.errors import DualstackError, HarnessError, UsageError
from dualstack.plan import CASE_ID, START, Selection, plan_cases
from dualstack.results import Record, append_record
from dualstack.session import RunSession
from dualstack.startup import Startups
from dualstack.verdict import INTERRUPTED, Verdict, exit_code


class RecordKeeper:
    """Keeps the run's records; it lives in the controlling process only."""

    def __init__(self, session: RunSession, config: pytest.Config, startups: Startups) -> None:
        """Keep the records of ``session``."""
        self._began = time.monotonic()
        self._session = session
        self._startups = startups
        self._config = config
        self._planned: list[str] = []
        self._verdicts: dict[str, Verdict] = {}
        self._troubles: list[str] = []
        self._unwritten: list[str] = []
        self._others_failed = False
        self._description: dict[str, Any] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Build the services and write what is known of the run, before any worker starts."""
        from dualstack.casework import prepare  # noqa: PLC0415 - heavy, needed only in a run

        try:
            self._description = prepare(self._session, self._config.invocation_params.args)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        except DualstackError as error:
            self._emit({"event": "trouble", "text": f"{type(error).__name__}: {error}"})
            pytest.exit(f"{type(error).__name__}: {error}", returncode=3)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Announce the cases (without workers)."""
        self._announce([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Announce the cases (with workers: each collects them all)."""
        if not self._planned:
            self._announce(ids)

    def _announce(self, ids: list[str]) -> None:
        """Write down which cases are planned."""
        self._planned = [match[0] for match in map(CASE_ID.search, ids) if match]
        if self._planned:
            self._description["planned"] = len(self._planned)
            with self._noting():
                self._session.write(self._description)
            self._emit({"event": "planned", "cases": self._planned, "folder": str(self._session.folder)})

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Announce the start of a case."""
        match = CASE_ID.search(nodeid)
        if match:
            self._emit({"event": "started", "case": match[0]})

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Append the record that came with a report; a report without one is our own trouble."""
        data = getattr(report, "dualstack", None)
        if data is not None:
            del report.dualstack  # pytest keeps the report to the session's end
            self._keep(Record.from_json(data))
        elif report.failed:
            match = CASE_ID.search(report.nodeid)
            if match is None:
                self._others_failed = True
            elif report.when == "teardown":
                self._troubles.append(f"{match[0]}: after the case: {report.longreprtext.strip().splitlines()[-1]}")
            elif match[0] not in self._verdicts:
                self._keep(_lost(match.groupdict(), match[0], report.longreprtext))

    def _keep(self, record: Record) -> None:
        """Append a record and tell whoever watches."""
        first = not self._verdicts
        self._verdicts[record.case] = record.verdict
        if record.requirement == START:  # where the case came to nothing, those that wait for it must not wait longer
            self._startups.note(record.subject, {})
        with self._noting():
            append_record(self._session.folder, record)
            if first:
                self._session.point_latest_here()
        self._emit({"event": "finished", "record": record.to_json()})

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        """Go on when something cannot be written, the disk being full, say; whoever watches is told, once for each."""
        try:
            yield
        except (HarnessError, OSError) as error:
            if str(error) not in self._unwritten:
                self._unwritten.append(str(error))
                self._emit({"event": "trouble", "text": str(error)})

    def _emit(self, event: dict[str, Any]) -> None:
        """Write an event for whoever watches the run; nobody may be left to read it."""
        descriptor = self._config.option.dualstack_events
        if descriptor is not None:
            with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as pipe:
                pipe.write(json.dumps(event) + "\n")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports and say by the exit code whose fault it was."""
        from dualstack.report import write_all  # noqa: PLC0415 - heavy, needed only in a run

        missing = 0 if session.config.option.collectonly else len(self._planned) - len(self._verdicts)
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        code = exit_code(self._counting(), strict=self._session.strict)
        if interrupted:
            code = INTERRUPTED
        elif self._troubles or self._unwritten or missing:
            code = 3
        elif self._others_failed and code == 0:
            code = 1
        self._description |= {
            "interrupted": interrupted,
            "exit_code": code,
            "seconds": round(time.monotonic() - self._began, 1),
            "troubles": [*self._troubles, *self._unwritten],
        }
        with self._noting():
            self._session.write(self._description)
            if self._verdicts:
                write_all(self._session.folder)
        if self._unwritten:
            code = 3
        if exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            session.exitstatus = code

    def _counting(self) -> Iterator[Verdict]:
        """Yield the verdicts that the exit code follows from: cases that are blocked as declared count for nothing."""
        from dualstack.suites import requirement  # noqa: PLC0415 - imports the suites, which a worker may not need

        everything = Selection(ignore_known=self._session.selection.ignore_known)
        starts = plan_cases(requirement(START), self._session.subjects, everything)
        declared = {case.subject.name for case in starts if case.known is not None}
        for case, verdict in self._verdicts.items():
            match = CASE_ID.fullmatch(case)
            as_declared = verdict is Verdict.BLOCKED and match is not None and match["subject"] in declared
            yield Verdict.NOT_APPLICABLE if as_declared else verdict

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the report is."""
        for trouble in (*self._troubles, *self._unwritten):
            terminalreporter.write_line(f"dualstack: {trouble}", red=True)
        if self._verdicts:
            terminalreporter.write_line(f"dualstack: {self._session.folder / 'report.html'}")


def _lost(parts: dict[str, str], case: str, text: str) -> Record:
    """Return the record of a case whose process was lost."""
    from dualstack.suites import requirement  # noqa: PLC0415 - imports the suites, needed only for this

    found = requirement(parts["requirement"])
    return Record(
        case=case,
        requirement=found.id,
        title=found.title,
        level=found.level.value,
        subject=parts["subject"],
        manifest="",
        element=parts["element"],
        topology=parts["topology"],
        verdict=Verdict.HARNESS_ERROR,
        reason=text.strip()[-2000:] or "the process that ran the case was lost",
    )
