"""The results.json of a real run is as its published schema says: every key that it has is named there."""

import subprocess
import sys
from pathlib import Path

from dualstack.content import ROOT
from dualstack.results import read_records
from dualstack.verdict import Verdict
from tests.report.conftest import misfits

BROKEN = ROOT / "fixtures" / "services" / "zoo" / "hardcoded-wildcard.toml"


def test_results_of_a_broken_service(tmp_path: Path) -> None:
    """Two requirements, one of them broken: packets, sockets, causes and the rows of the draft are in it, and fit."""
    chosen = ["--requirement", "LISTEN-001", "--requirement", "LISTEN-002", "--ignore-known", "--plan", "base"]
    command = [sys.executable, "-m", "dualstack", "run", str(BROKEN), *chosen, "-n", "1", "--results", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    folder = tmp_path / "latest"
    records = list(read_records(folder))
    assert {record.requirement for record in records} == {"LISTEN-001", "LISTEN-002"}
    broken = next(record for record in records if record.verdict is Verdict.FAIL)
    assert all((broken.findings, broken.packets, broken.sockets, broken.causes, broken.facts, broken.steps))
    assert misfits(folder) == []
