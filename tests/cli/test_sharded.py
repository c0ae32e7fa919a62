"""``--shard`` and ``--durations``: which earlier run balances the shards, and what wrong options say."""

import argparse
import json
from pathlib import Path

import pytest

from dualstack.cli.sharded import shard_of
from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.manifest import subjects_of
from dualstack.plan import PlannedCase, plan_cases
from dualstack.results import Record, append_record
from dualstack.runinfo import RunInfo
from dualstack.suites import file_of, requirements
from dualstack.verdict import Verdict

ECHO = ROOT / "fixtures" / "services" / "reference" / "echo.toml"


@pytest.fixture(scope="module")
def planned() -> dict[Path, list[PlannedCase]]:
    """The cases of the reference service, by suite file."""
    found: dict[Path, list[PlannedCase]] = {}
    for item in requirements().values():
        found.setdefault(file_of(item), []).extend(plan_cases(item, list(subjects_of(ECHO))))
    return found


def options(shard: str | None = "1/2", durations: Path | None = None) -> argparse.Namespace:
    """Return the options of ``run`` that are about shards."""
    return argparse.Namespace(shard=shard, durations=durations)


def earlier(results: Path, name: str, case: PlannedCase, **changes: str) -> Path:
    """Write an earlier run in which one case took very long."""
    folder = results / name
    folder.mkdir(parents=True)
    RunInfo(run=name, exit_code=0, **changes).write(folder)  # type: ignore[arg-type]
    key = case.key
    append_record(
        folder,
        Record(key.requirement, "", "MUST", key.subject, "", key.element, key.topology, Verdict.PASS, seconds=9999.0),
    )
    return folder


def given(words: list[str]) -> dict[str, float]:
    """Return the durations that pytest is given."""
    (path,) = [word.partition("=")[2] for word in words if word.startswith("--dualstack-durations=")]
    found: dict[str, float] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


def test_without_a_shard_all_cases_run(planned: dict[Path, list[PlannedCase]], tmp_path: Path) -> None:
    """No option reaches pytest."""
    with shard_of(options(None), planned, tmp_path) as (counts, words):
        assert counts == {path: len(cases) for path, cases in planned.items()}
        assert words == []


def test_the_newest_whole_run_balances(
    planned: dict[Path, list[PlannedCase]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs of shards and runs that did not end are passed over; the output names the folder."""
    slow = next(case for cases in planned.values() for case in cases if not case.not_applicable)
    whole = earlier(tmp_path, "20300101T000000Z-aaaa", slow)
    earlier(tmp_path, "20300102T000000Z-bbbb", slow, shard="1/2")
    RunInfo(run="killed").write(earlier(tmp_path, "20300103T000000Z-cccc", slow))
    with shard_of(options(), planned, tmp_path) as (counts, words):
        assert given(words) == {slow.id: 9999.0}
        assert words[0] == "--dualstack-shard=1/2"
    text = capsys.readouterr().out
    assert text.endswith(f"balanced by the durations in {whole}\n")
    assert text.startswith(f"shard 1/2: {sum(counts.values())} case")
    assert not Path(words[1].partition("=")[2]).exists()


def test_estimates_balance_the_first_run(
    planned: dict[Path, list[PlannedCase]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an earlier run both halves still have about the same number of cases that apply."""
    sums = []
    for text in ("1/2", "2/2"):
        with shard_of(options(text), planned, tmp_path / "none") as (counts, words):
            assert given(words) == {}
            sums.append(sum(counts.values()))
    assert "balanced by estimates" in capsys.readouterr().out
    assert sum(sums) == sum(map(len, planned.values())) + 1  # the start runs in both
    assert min(sums) > 0


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (options(None, Path("x")), "--durations belongs to --shard"),
        (options("1/2", Path("nowhere")), "--durations: nowhere: no run's results"),
        (options("3/2"), "--shard: found '3/2'"),
        (options("1/9999"), "--shard 1/9999: there are only"),
    ],
)
def test_wrong_options(
    planned: dict[Path, list[PlannedCase]], tmp_path: Path, chosen: argparse.Namespace, expected: str
) -> None:
    """Each wrong use has its sentence."""
    with pytest.raises(UsageError, match=expected), shard_of(chosen, planned, tmp_path):
        pass
