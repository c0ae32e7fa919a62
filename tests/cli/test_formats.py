"""``--format`` and GitHub's job summary: what is printed and written, without a network."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.cli.publishing import SUMMARY_LIMIT, commands_stopped, write_job_summary
from dualstack.verdict import Verdict
from tests.report.conftest import record, write_run

Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a run with a failure."""
    return write_run(tmp_path / "run", [record(Verdict.FAIL)])


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the job summary of a job of GitHub Actions, which has a text already."""
    path = tmp_path / "summary.md"
    path.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def test_report_prints_a_format_alone(dualstack: Command, folder: Path) -> None:
    """With a format, standard output has the annotations or the page, and nothing else."""
    assert dualstack("report", folder, "--format", "markdown").stdout.startswith("### dualstack: The service")
    lines = dualstack("report", folder, "--format", "github").stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error"]


def test_the_summary_is_appended(folder: Path, summary: Path) -> None:
    """The page follows what other commands of the step wrote."""
    write_job_summary(folder)
    assert summary.read_text(encoding="utf-8").startswith("before\n### dualstack: The service")


def test_no_summary_elsewhere(folder: Path, summary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside GitHub Actions nothing is written, also if the variable is set."""
    monkeypatch.delenv("GITHUB_ACTIONS")
    write_job_summary(folder)
    assert summary.read_text(encoding="utf-8") == "before\n"


def test_a_full_summary_is_left_alone(folder: Path, summary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub would show nothing of a summary that is too large."""
    summary.write_bytes(b"x" * (SUMMARY_LIMIT - 10))
    write_job_summary(folder)
    assert summary.stat().st_size == SUMMARY_LIMIT - 10
    assert "the job summary has no room" in capsys.readouterr().err


def test_a_summary_that_cannot_be_written(
    folder: Path, summary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is reported, and does not change the run's result."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary.parent))
    write_job_summary(folder)
    assert "the job summary cannot be written: Is a directory" in capsys.readouterr().err


def test_services_cannot_give_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed during a run is between the commands that stop and resume commands, with a random token."""
    for _ in range(2):
        with commands_stopped("github"):
            print("::error::from a service")  # noqa: T201
    with commands_stopped("text"):
        pass
    lines = capsys.readouterr().out.splitlines()
    tokens = [line.removeprefix("::stop-commands::") for line in lines[::3]]
    assert [lines[2], lines[5]] == [f"::{token}::" for token in tokens]
    assert len({*tokens}) == 2
    assert all(len(token) == 32 for token in tokens)
