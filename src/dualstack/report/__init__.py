"""Reports of a run: terminal, HTML, JUnit and JSON. They only read the run's folder."""

from pathlib import Path

from dualstack.report.html import render_report
from dualstack.report.jsonfile import write_json
from dualstack.report.junit import write_junit
from dualstack.report.summary import Report

__all__ = ["render_report", "write_all", "write_json", "write_junit"]


def write_all(folder: Path, earlier: Report | None = None) -> tuple[Path, ...]:
    """Write report.html, junit.xml and results.json of the run in ``folder``; return their paths.

    Each file is replaced in one step. With an ``earlier`` run the report says what differs from it.

    Raises:
        OSError: The folder cannot be read or written; reports that are already written stay.
    """
    report = Report.of(folder)
    return (write_json(folder, report), write_junit(folder, report), render_report(folder, earlier, report))
