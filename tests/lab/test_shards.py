"""A real run in four shards, merged, is the same as one run of all cases."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from dualstack.content import ROOT
from dualstack.results import read_records

SERVICES = ROOT / "fixtures" / "services"
ECHO, BROKEN = SERVICES / "reference" / "echo.toml", SERVICES / "zoo" / "hardcoded-wildcard.toml"
WANTED = ("START-001", "LISTEN-001", "LISTEN-002", "CONNECT-001")


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a dualstack command."""
    return subprocess.run(
        [sys.executable, "-m", "dualstack", *map(str, words)], capture_output=True, text=True, check=False
    )


def run(results: Path, *words: str) -> int:
    """Verify a correct and a broken service; return the exit code."""
    wanted = [word for item in WANTED for word in ("--requirement", item)]
    done = command("run", ECHO, BROKEN, "--ignore-known", "-n", "2", "--results", results, *wanted, *words)
    assert (results / "latest" / "report.html").exists(), done.stdout + done.stderr
    return done.returncode


def cases(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return what was judged of each case."""
    found = list(read_records(folder))
    assert len({item.case for item in found}) == len(found)
    return {item.case: (item.verdict, re.sub(r"[\d.]+", "#", item.reason), item.causes, item.works) for item in found}


def judged(folder: Path) -> dict[str, Any]:
    """Return the parts of results.json that are derived from the cases."""
    data = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    for table in data["draft"]["tables"]:
        for cell in (cell for row in table["rows"] for cell in row["cells"]):
            cell["reason"] = re.sub(r"[\d.]+", "#", cell["reason"])
            cell["cases"].sort()
    return {key: data[key] for key in ("schema", "summary", "services", "draft")}


def junit(folder: Path) -> list[tuple[Any, ...]]:
    """Return the suites, cases and outcomes of junit.xml."""
    root = ET.fromstring((folder / "junit.xml").read_bytes())  # noqa: S314 - written by the code under test
    names = ("tests", "failures", "errors", "skipped")
    suites: list[tuple[Any, ...]] = [(item.get("name"), *map(item.get, names)) for item in root.iter("testsuite")]
    outcomes = [
        (item.get("classname"), item.get("name"), sorted(inner.tag for inner in item)) for item in root.iter("testcase")
    ]
    return suites + sorted(outcomes)


def test_four_shards_are_one_run(tmp_path: Path) -> None:
    """Verdicts, reasons, causes, counts, exit code and every report are those of the unsharded run."""
    whole, merged = tmp_path / "whole", tmp_path / "merged"
    code = run(whole)
    durations = ("--durations", str((whole / "latest").resolve()))
    shards = [tmp_path / f"shard-{number}" for number in range(1, 5)]
    codes = [run(folder, "--shard", f"{number}/4", *durations) for number, folder in enumerate(shards, 1)]
    assert set(codes) <= {0, 1}
    assert all(len(cases(folder / "latest")) < len(cases(whole / "latest")) for folder in shards)
    done = command("merge", *shards, "-o", merged)
    assert done.returncode == code == 1, done.stderr
    assert cases(merged) == cases(whole / "latest")
    assert judged(merged) == judged(whole / "latest")
    assert junit(merged) == junit(whole / "latest")
