"""``dualstack report`` on folders that are damaged: what is wrong is named, what is whole is shown."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from dualstack.results import RECORDS, RUN
from dualstack.verdict import Verdict
from tests.report.conftest import record, write_run

Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a run with three records."""
    return write_run(tmp_path / "run", [record(), record(Verdict.FAIL, topology="ipv6-only"), record(element="b")])


def reported(done: CompletedProcess[str], folder: Path) -> tuple[list[str], list[str]]:
    """Return what a report said of damage, and the cases that it shows."""
    assert done.returncode == 0, done
    assert done.stdout == f"{folder}/report.html\n"
    assert all((folder / name).stat().st_size for name in ("report.html", "junit.xml"))
    said = [line.removeprefix(f"dualstack: {folder}: ") for line in done.stderr.splitlines()]
    return said, [item["case"] for item in json.loads((folder / "results.json").read_bytes())["records"]]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"log": ["a"]}, "log: input should be a valid string, found list"),
        ({"works": "ipv4"}, "works: input should be a valid dictionary, found str"),
        ({"level": 1.5}, "level: input should be a valid string, found float"),
        ({"subject": {}}, "subject: input should be a valid string, found dict"),
        ({"topology": []}, "topology: input should be a valid string, found list"),
        ({"verdict": "splendid"}, "verdict: input should be 'pass', "),
        ({"findings": [7]}, "findings.0: input should be a dictionary or an instance of Finding, found int"),
        ({"seconds": float("nan")}, "NaN is not a number"),
    ],
)
def test_a_damaged_record(dualstack: Command, folder: Path, changes: dict[str, Any], fault: str) -> None:
    """The record is named with its line and what is wrong, and left out; the others are shown."""
    lines = (folder / RECORDS).read_text(encoding="utf-8").splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | changes)
    (folder / RECORDS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (said,), cases = reported(dualstack("report", folder), folder)
    assert said.startswith(f"records.jsonl, line 2, cannot be read ({fault}")
    assert said.endswith("; if it held a case, that is missing in this report.")
    assert cases == [json.loads(lines[0])["case"], json.loads(lines[2])["case"]]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"requirements": 7}, "requirements: input should be a valid dictionary, found int"),
        (
            {"subjects": [{"name": "a", "claims": {"b": 4}}]},
            "subjects.0.claims.b: input should be a valid list, found ",
        ),
        ({"subjects": [{}]}, "subjects.0.name: field required"),
        ({"planned": "many"}, "planned: input should be a valid integer, found str"),
        ({"troubles": [1]}, "troubles: 0: input should be a valid string, found int"),
    ],
)
def test_a_damaged_description(dualstack: Command, folder: Path, changes: dict[str, Any], fault: str) -> None:
    """A key of run.json that is wrong is named and left out; every record is shown."""
    description = json.loads((folder / RUN).read_text(encoding="utf-8"))
    (folder / RUN).write_text(json.dumps(description | changes), encoding="utf-8")
    (said,), cases = reported(dualstack("report", folder), folder)
    assert said.startswith(f"run.json, {fault}")
    assert len(cases) == 3


def test_files_that_are_none(dualstack: Command, folder: Path) -> None:
    """A folder in place of a file is named, and the other file is shown."""
    (folder / RUN).unlink()
    (folder / RUN).mkdir()
    said, cases = reported(dualstack("report", folder), folder)
    assert (said, len(cases)) == (["run.json cannot be read (Is a directory)."], 3)


def test_a_record_that_was_cut_short(dualstack: Command, folder: Path) -> None:
    """A last line that a kill has cut is said to be just that."""
    path = folder / RECORDS
    path.write_bytes(path.read_bytes()[:-40])
    (said,), cases = reported(dualstack("report", folder), folder)
    assert said.startswith("records.jsonl, line 3, cannot be read (it was truncated when the run ended; ")
    assert len(cases) == 2


def test_a_folder_without_a_run(dualstack: Command, tmp_path: Path) -> None:
    """A folder that holds no run's results is refused."""
    done = dualstack("report", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"dualstack: {tmp_path}: no run's results (it has neither records.jsonl nor run.json)"
    )
