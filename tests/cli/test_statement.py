"""``dualstack statement``: the files of each service, and refusals."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from tests.report.conftest import record, write_run

Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""


def test_each_service_has_a_page(dualstack: Command, tmp_path: Path) -> None:
    """A run of two services writes four files for each; the pages are printed with what they say."""
    folder = write_run(tmp_path / "run", [record(), record(subject="curl", element="get")])
    done = dualstack("statement", folder, "-o", "public/ip")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(": ")[:2] for line in done.stdout.splitlines()] == [
        ["public/ip/nginx-both.html", "nginx/both"],
        ["public/ip/curl.html", "curl"],
    ]
    assert len([*(tmp_path / "public" / "ip").iterdir()]) == 8


def test_no_statement_without_results(dualstack: Command, tmp_path: Path) -> None:
    """A folder without results, a run without services and a folder that cannot be written are refused."""
    assert "no run's results" in dualstack("statement", tmp_path).stderr
    empty = dualstack("statement", write_run(tmp_path / "run", []))
    assert (empty.returncode, empty.stdout) == (2, "")
    folder = write_run(tmp_path / "some", [record()])
    refused = dualstack("statement", folder, "-o", folder / "run.json" / "x")
    assert (refused.returncode, "cannot be written: Not a directory" in refused.stderr) == (2, True)
