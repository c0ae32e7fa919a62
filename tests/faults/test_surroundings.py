"""Machines that are full, closed, forbidden or old-fashioned."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dualstack.results import read_records
from dualstack.verdict import Verdict
from tests.report.conftest import page_text

if TYPE_CHECKING:
    from tests.faults.conftest import Done, Outcome, Site

ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack")
SERVE = "serve(bound())"

AS_ORDINARY_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
"""The user who runs the tests becomes an ordinary user, who owns the same files."""

WITHOUT_NAMESPACES = (
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"',
    "sh",
)
"""User namespaces are forbidden."""

SMALL_DISK = """\
mount -t tmpfs -o "size=$2" tmpfs "$1" || exit 99
at=$1 keep=$3
shift 3
"$@"
code=$?
cp -a "$at/." "$keep" || exit 98
exit $code
"""

PAGE = 4096

FOUR = ("first", "second", "third", "fourth")


def four(site: "Site") -> list[Path]:
    """Return the manifests of four services."""
    return [site.service(name, SERVE) for name in FOUR]


def pages(*paths: Path) -> int:
    """Return how many pages of a disk in memory the files take."""
    return sum(-(-path.stat().st_size // PAGE) for path in paths)


def at_once(_: Path) -> int:
    """Return how many pages are too few for anything."""
    return 1


def in_the_middle(folder: Path) -> int:
    """Return how many pages are enough for the first cases of a run like that in ``folder``, and not for the last."""
    return 2 * pages(folder / "run.json") + _of_cases(folder) // 2


def at_the_end(folder: Path) -> int:
    """Return how many pages are enough for all cases of a run like that in ``folder``, and not for its reports."""
    reports = pages(*(folder / name for name in ("report.html", "results.json", "junit.xml")))
    return 2 * pages(folder / "run.json") + _of_cases(folder) + reports // 2


def _of_cases(folder: Path) -> int:
    """Return how many pages the captures and records of a run take."""
    return pages(folder / "records.jsonl", *folder.glob("cases/*/capture.pcap"))


@pytest.fixture
def normal(once: "Callable[[str, Callable[[Site], Done]], Outcome]") -> "Outcome":
    """A run of the four services on a disk with room."""
    return once("normal", lambda site: site.run(*ONE_CASE, "-n", "1", *four(site)))


@pytest.mark.parametrize("full", [at_once, in_the_middle, at_the_end])
def test_a_full_disk(site: "Site", normal: "Outcome", full: Callable[[Path], int]) -> None:
    """Exit code 3, with the file that could not be written; what was written is whole and can be reported later."""
    kept = site.folder / "kept"
    for folder in (site.results, kept):
        folder.mkdir()
    size = full(normal.done.folder) * PAGE
    disk = ("sh", "-c", SMALL_DISK, "sh", str(site.results), str(size), str(kept))
    done = site.run(
        *ONE_CASE, "-n", "1", *four(site), wrapper=("unshare", "--user", "--map-root-user", "--mount", *disk)
    )
    assert done.code == 3, done
    assert f"dualstack: {'HarnessError: ' * (full is at_once)}" in done.err
    assert str(site.results) in done.err
    assert "No space left on device" in done.err
    assert "Traceback" not in done.out + done.err
    assert not [path for path in kept.rglob("*") if path.name.startswith(".") or path.suffix == ".new"]
    if full is not at_once:
        assert all(f"LISTEN-001:{name}:echo@dual-stack" in done.out for name in FOUR)
        records = list(read_records(kept / "latest"))
        assert records[0].verdict is Verdict.PASS
        assert {record.verdict for record in records} <= {Verdict.PASS, Verdict.INCONCLUSIVE}
        command = [sys.executable, "-P", "-m", "dualstack", "report", str(kept / "latest")]
        subprocess.run(command, check=True, capture_output=True)
        assert records[0].case in page_text(kept / "latest" / "report.html")
    if full is at_the_end:
        assert [record.subject for record in records] == list(FOUR)


def test_a_results_folder_that_is_read_only(site: "Site") -> None:
    """For a user who may not write there, the error names the folder and says what to do; exit code 2."""
    site.results.mkdir()
    site.results.chmod(0o555)
    wrapper = AS_ORDINARY_USER if os.geteuid() == 0 else ()
    done = site.run(*ONE_CASE, site.service("correct", SERVE), wrapper=wrapper)
    assert done.code == 2, done
    assert f"dualstack: {site.results}/" in done.err
    assert "cannot be made: Permission denied; --results DIR names another place" in done.err
    assert list(site.results.iterdir()) == []


def test_a_machine_without_user_namespaces(site: "Site") -> None:
    """Every case is ``host cannot`` and names the doctor; a run that could judge nothing ends with exit code 3."""
    done = site.run(*ONE_CASE, "-n", "1", site.service("correct", SERVE), wrapper=WITHOUT_NAMESPACES)
    assert done.code == 3, done
    done.must_have_kept("correct")
    record = done.records["correct"]
    assert record.verdict is Verdict.HOST_CANNOT
    assert "no namespace lab can be made" in record.reason
    assert "run 'dualstack doctor'" in record.reason
    assert "dualstack doctor" in " ".join(done.out.split())


PLAIN: Mapping[str, str] = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
"""A terminal, and a Python, that know nothing but ASCII."""


@pytest.mark.parametrize("environment", [{"LC_ALL": "C.UTF-8"}, PLAIN], ids=["utf-8", "ascii"])
@pytest.mark.parametrize("name", ["plain", "näht 文 \N{PILE OF POO}"])
def test_paths_and_terminals(
    tmp_path: Path, make_checked_site: "Callable[[Path], Site]", name: str, environment: Mapping[str, str]
) -> None:
    """Spaces and characters beyond ASCII in every path, and a terminal that lacks them, change no verdict."""
    site = make_checked_site(tmp_path / name)
    broken = site.service("broken", 'sys.exit("größer → ∞")')
    correct = site.service("correct", SERVE)
    correct.write_text(correct.read_text(encoding="utf-8").replace(f"{site.folder}/", "./"), encoding="utf-8")
    done = site.run(*ONE_CASE, "-n", "1", correct, broken, **environment)
    assert done.code == 1, done
    done.must_have_kept("broken", "correct")
    assert done.records["correct"].verdict is Verdict.PASS, done.records["correct"]
    assert "exited with code 1" in done.records["broken"].reason
    assert "größer → ∞" in done.records["broken"].log
    assert done.err == ""
    if environment is PLAIN:
        assert done.out.isascii()
    else:
        assert "größer → ∞" in " ".join(done.out.split())


def test_a_closed_pipe(site: "Site") -> None:
    """A reader that reads only the first line ends nothing: the run continues in silence, with its own exit code."""
    shell = shutil.which("bash")
    assert shell is not None
    manifests = [site.service("broken", "sys.exit(1)"), site.service("correct", SERVE)]
    wrapper = (shell, "-o", "pipefail", "-c", '"$@" | head -n 1', "bash")
    done = site.run(*ONE_CASE, "-n", "1", *manifests, wrapper=wrapper)
    assert done.code == 1, done
    assert done.out.splitlines() == ["2 cases, 2 services, 1 topology"]
    assert done.err == ""
    done.must_have_kept("broken", "correct")
    assert json.loads((done.folder / "results.json").read_text())["summary"]["cases"] == 2


def test_a_pytest_user_changes_nothing(site: "Site") -> None:
    """Variables that configure pytest for the user's own tests do not reach the run."""
    done = site.run(
        *ONE_CASE, "-n", "1", site.service("correct", SERVE),
        PYTEST_ADDOPTS="--collect-only", PYTEST_PLUGINS="absent", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )  # fmt: skip
    assert done.code == 0, done
    done.must_have_kept("correct")
