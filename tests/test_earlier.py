"""The newest earlier results: each case has its own, whichever run it is from."""

import os
from pathlib import Path

import pytest

from dualstack.casekey import CaseKey
from dualstack.earlier import Earlier, earlier_results
from dualstack.results import Record, append_record
from dualstack.verdict import Verdict

MANIFEST = Path("/srv/shop.toml")


def key(requirement: str) -> CaseKey:
    """Return the key of a case."""
    return CaseKey(requirement, "shop", "web", "dual-stack")


def write(results: Path, run: str, *verdicts: tuple[str, Verdict], manifest: Path = MANIFEST) -> Path:
    """Write the results of a run; runs are as old as the order in which they are written."""
    folder = results / run
    folder.mkdir(parents=True)
    for name, verdict in verdicts:
        append_record(
            folder, Record(name, "", "MUST", "shop", str(manifest), "web", "dual-stack", verdict, seconds=2.5)
        )
    written = folder / "records.jsonl"
    os.utime(written, (len(list(results.iterdir())),) * 2)
    return written


def test_each_case_has_its_newest_result(tmp_path: Path) -> None:
    """A case that the newest run did not run has the result of the run before, and one without results none."""
    write(tmp_path, "b", ("A-001", Verdict.FAIL), ("A-002", Verdict.FAIL))
    write(tmp_path, "a", ("A-001", Verdict.PASS))
    found = earlier_results(tmp_path, [key("A-001"), key("A-002"), key("A-003")], {MANIFEST})
    assert found == {key("A-001"): Earlier(Verdict.PASS, 2.5), key("A-002"): Earlier(Verdict.FAIL, 2.5)}


def test_another_manifest(tmp_path: Path) -> None:
    """A service of the same name in another file is another service."""
    write(tmp_path, "a", ("A-001", Verdict.FAIL), manifest=Path("/other/shop.toml"))
    assert earlier_results(tmp_path, [key("A-001")], {MANIFEST}) == {}


def test_damaged_results(tmp_path: Path) -> None:
    """Lines that cannot be read are left out, and the last result of a case in a run counts."""
    written = write(tmp_path, "a", ("A-001", Verdict.FAIL), ("A-001", Verdict.PASS), ("A-002", Verdict.FAIL))
    text = written.read_text(encoding="utf-8")
    written.write_text('[]\n{"schema": 7}\n\x00\n' + text + text.splitlines()[0][:40], encoding="utf-8")
    assert earlier_results(tmp_path, [key("A-001")], {MANIFEST})[key("A-001")].verdict is Verdict.PASS


def test_no_results(tmp_path: Path) -> None:
    """A folder that does not exist has none."""
    assert earlier_results(tmp_path / "none", [key("A-001")], {MANIFEST}) == {}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_counts_as_failed(verdict: Verdict) -> None:
    """Failed, blocked and unjudged cases run again; deviations only if a SHOULD counts like a MUST."""
    again = {
        Verdict.FAIL,
        Verdict.UNEXPECTED_PASS,
        Verdict.BLOCKED,
        Verdict.INCONCLUSIVE,
        Verdict.TIMEOUT,
        Verdict.BROKEN_LAB,
        Verdict.HARNESS_ERROR,
    }
    assert Earlier(verdict, 0.0).failed(strict=False) == (verdict in again)
    assert Earlier(verdict, 0.0).failed(strict=True) == (verdict in again | {Verdict.DEVIATES})
