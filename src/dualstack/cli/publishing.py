"""Results for the pages of a CI service: Markdown and GitHub's annotations on standard output, GitHub's job summary."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dualstack.report.github import annotations
from dualstack.report.job_page import job_page
from dualstack.report.summary import Report
from dualstack.results import RECORDS

SUMMARY_LIMIT = 1024 * 1024
"""The most bytes of the job summary of one step: GitHub shows nothing of a larger one."""


@contextmanager
def commands_stopped(form: str) -> Iterator[None]:
    """With the format github, make GitHub ignore workflow commands in what is printed: services can print them too."""
    if form != "github":
        yield
        return
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", flush=True)


def publish(form: str, folder: Path) -> None:
    """Print the results in the run's folder for a CI service, if a format is asked for."""
    if form == "text" or not (folder / RECORDS).is_file():
        return
    report = Report.of(folder)
    if form == "markdown":
        print(job_page(report), end="")
    else:
        for line in annotations(report, Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())):
            print(line)


def write_job_summary(folder: Path) -> None:
    """In a job of GitHub Actions, append the page of a run to the job's summary; elsewhere do nothing.

    A summary that cannot be written, or would be larger than GitHub allows, is reported on standard error: it does not
    change the result of the run.
    """
    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if os.environ.get("GITHUB_ACTIONS") != "true" or not path or not (folder / RECORDS).is_file():
        return
    data = f"{job_page(Report.of(folder))}\n".encode(errors="replace")
    try:
        with Path(path).open("ab") as file:
            if file.tell() + len(data) > SUMMARY_LIMIT:
                print("dualstack: the job summary has no room for this run: see report.html", file=sys.stderr)
                return
            file.write(data)
    except OSError as error:
        print(f"dualstack: {path}: the job summary cannot be written: {error.strerror}", file=sys.stderr)
