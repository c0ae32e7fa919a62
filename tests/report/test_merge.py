"""Merging shards: the result is that of one run, byte by byte; and what it says when shards do not fit together."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.manifest import subjects_of
from dualstack.plan import START, PlannedCase, plan_cases
from dualstack.report import write_all
from dualstack.report.load import load
from dualstack.report.merge import merge
from dualstack.results import Record, append_record
from dualstack.runinfo import RunInfo
from dualstack.session import open_session
from dualstack.sharding import SHARD, Shard, read_split
from dualstack.suites import requirements
from dualstack.verdict import Verdict, exit_code

ECHO = ROOT / "fixtures" / "services" / "reference" / "echo.toml"
WANTED = ("START-001", "LISTEN-001", "LISTEN-002", "LISTEN-003", "CONNECT-001", "CONNECT-002", "SEC-001")
FILES = ("run.json", "records.jsonl", "results.json", "junit.xml", "report.html")


@pytest.fixture(scope="module")
def cases() -> list[PlannedCase]:
    """The cases of a service."""
    subjects = list(subjects_of(ECHO))
    return [case for item in requirements().values() if item.id in WANTED for case in plan_cases(item, subjects)]


def record(case: PlannedCase, place: int) -> Record:
    """Return a made-up result: some fail, some deviate, with evidence."""
    verdict = [Verdict.PASS, Verdict.FAIL, Verdict.DEVIATES, Verdict.OBSERVED][place % 4]
    verdict = Verdict.PASS if case.requirement.id == START else verdict
    verdict = Verdict.NOT_APPLICABLE if case.not_applicable else verdict
    return Record(
        requirement=case.requirement.id,
        title=case.requirement.title,
        level=case.requirement.level.value,
        subject=case.subject.name,
        manifest=str(case.subject.path),
        element=case.element,
        topology=case.topology,
        verdict=verdict,
        reason="" if verdict is Verdict.PASS else f"reason {place}",
        seconds=0.25 + place / 100,
        capture=f"cases/{case.key.file_name}/capture.pcap",
        log=f"line {place}",
    )


Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, cases: list[PlannedCase]) -> Make:
    """Return a function that writes the folder of a run, of one shard or of all cases."""
    session = open_session([ECHO], results=tmp_path / "results")
    info = session.describe(requirements(), ["suites", f"--dualstack-service={ECHO}"])

    def made(name: str, shard: Shard | None = None, **changes: object) -> Path:
        """Write the folder."""
        folder = tmp_path / name
        folder.mkdir()
        held = shard.holds(shard.owners(cases)) if shard else {case.key for case in cases}
        records = [record(case, place) for place, case in enumerate(cases) if case.key in held]
        for item in records:
            append_record(folder, item)
            evidence = folder / "cases" / item.key.file_name
            evidence.mkdir(parents=True)
            (evidence / "capture.pcap").write_text(item.case, encoding="utf-8")
        words = (*info.arguments, *([f"--dualstack-shard={shard}"] if shard else []))
        of_shard = f" --shard {shard} --durations 'an old run'" if shard else ""
        run = dataclasses.replace(
            info,
            command=f"dualstack run echo.toml{of_shard} -n 2",
            arguments=words,
            shard=str(shard or ""),
            planned=len(records),
            exit_code=exit_code(item.verdict for item in records),
            seconds=2.0,
        )
        dataclasses.replace(run, **changes).write(folder)  # type: ignore[arg-type]
        if shard:
            shard.write(folder, shard.owners(cases), [ECHO])
        write_all(folder)
        return folder

    return made


@pytest.fixture
def shards(make: Make) -> list[Path]:
    """Write the runs of three shards."""
    return [make(f"shard-{number}", Shard(number, 3)) for number in (1, 2, 3)]


def test_it_is_the_whole_run(make: Make, shards: list[Path], tmp_path: Path) -> None:
    """Every file of the merged folder is byte by byte that of the whole run, captures too; given in any order."""
    whole, merged = make("whole"), tmp_path / "merged"
    assert merge(shards[::-1], merged) == 1
    for name in FILES:
        assert (merged / name).read_text(encoding="utf-8") == (whole / name).read_text(encoding="utf-8"), name
    found = {path.relative_to(merged): path.read_bytes() for path in merged.rglob("*.pcap")}
    assert found == {path.relative_to(whole): path.read_bytes() for path in whole.rglob("*.pcap")}
    assert {path.name for path in merged.iterdir()} == {*FILES, "cases"}


def test_a_missing_shard_is_named(shards: list[Path], tmp_path: Path) -> None:
    """Without --partial it is an error that names the shard and the number of its cases; nothing is written."""
    with pytest.raises(UsageError, match=r"shard 2/3 is missing, with \d+ cases: .*\n--partial merges the rest"):
        merge([shards[0], shards[2]], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_the_rest_is_merged_on_request(shards: list[Path], tmp_path: Path) -> None:
    """With --partial the reports say what is missing, and the exit code is 3."""
    merged = tmp_path / "merged"
    assert merge([shards[0], shards[2]], merged, partial=True) == 3
    run = load(merged).run
    assert any(text.startswith("shard 2/3 is missing") for text in run.troubles)
    missing = (run.planned or 0) - len(load(merged).records)
    assert missing == sum(number == 2 for number in _owners(shards[0]).values())
    assert f"{missing} of {run.planned} planned cases have no result" in (merged / "report.html").read_text("utf-8")


def _owners(folder: Path) -> dict[str, int]:
    """Return the split of a shard."""
    split = read_split(folder)
    assert split is not None
    return {str(key): number for key, number in split.owners.items()}


def test_an_interrupted_shard_is_named(make: Make, shards: list[Path], tmp_path: Path) -> None:
    """A shard without an exit code was killed: it must be run again, or --partial merges what it has."""
    shutil.rmtree(shards[1])
    shards[1] = make("shard-2", Shard(2, 3), exit_code=None)
    with pytest.raises(UsageError, match=r"shard 2/3 was interrupted \(.*shard-2\): run it again"):
        merge(shards, tmp_path / "merged")
    assert merge(shards, tmp_path / "merged", partial=True) == 3


def test_the_same_shard_twice_is_refused(make: Make, shards: list[Path], tmp_path: Path) -> None:
    """Both folders are named, also with --partial."""
    again = make("again", Shard(2, 3))
    with pytest.raises(UsageError, match=r"shard 2/3 is given twice: .*(shard-2|again) and .*(shard-2|again)"):
        merge([*shards, again], tmp_path / "merged", partial=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dualstack": "0.0.7"}, r"differ in the version of dualstack: .* has .*, .*odd 0\.0\.7"),
        ({"lab": "docker"}, r"differ in the kind of lab: .* has netns, .*odd docker"),
        ({"arguments": ("--dualstack-strict",)}, r"differ in their options: .* has none, .*odd --strict"),
    ],
)
def test_other_conditions_are_refused(
    make: Make, shards: list[Path], tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    """Shards of another version, kind of lab or strictness are not one run."""
    odd = make("odd", Shard(3, 3), **changes)
    with pytest.raises(UsageError, match=expected):
        merge([*shards[:2], odd], tmp_path / "merged", partial=True)


def _changed(folder: Path, change: Callable[[dict[str, dict[str, int]]], None]) -> None:
    """Change the split in a shard's folder."""
    data = json.loads((folder / SHARD).read_text(encoding="utf-8"))
    change(data)
    (folder / SHARD).write_text(json.dumps(data), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data["plan"].popitem(), "only one of them has .*; select the same cases"),
        (lambda data: data.update(of=4), "shards of different runs: .*shard-1 is 1/3, .*shard-3 is 3/4"),
        (lambda data: data.update(manifests=["0"]), "was run with other manifests"),
    ],
)
def test_another_plan_is_refused(
    shards: list[Path], tmp_path: Path, change: Callable[[dict[str, dict[str, int]]], None], expected: str
) -> None:
    """Shards of other cases, another number of shards or changed manifests are not one run."""
    _changed(shards[2], change)
    with pytest.raises(UsageError, match=expected):
        merge(shards, tmp_path / "merged", partial=True)


def test_another_balance_is_refused(make: Make, shards: list[Path], cases: list[PlannedCase], tmp_path: Path) -> None:
    """Shards that were balanced by other durations hold other cases: the message names one, and the option."""
    other = make("other", Shard(3, 3, {case.id: 1.0 + place for place, case in enumerate(cases)}))
    with pytest.raises(UsageError, match=r"belongs to shard \d or \d; give the same --durations"):
        merge([*shards[:2], other], tmp_path / "merged", partial=True)


def test_a_case_of_another_shard_is_refused(shards: list[Path], tmp_path: Path) -> None:
    """A result in the folder of a shard that does not hold its case is not counted twice, but refused."""
    stray = next(item for item in load(shards[0]).records if item.requirement != START)
    append_record(shards[1], stray)
    with pytest.raises(UsageError, match=f"shard-2 has a result of {stray.case}, which belongs to shard 1"):
        merge(shards, tmp_path / "merged")


def test_a_damaged_record_is_an_error(shards: list[Path], tmp_path: Path) -> None:
    """A line that cannot be read is named, and its case is missing in what --partial merges."""
    with (shards[0] / "records.jsonl").open("a", encoding="utf-8") as file:
        file.write("{\n")
    with pytest.raises(UsageError, match=r"records\.jsonl, line"):
        merge(shards, tmp_path / "merged")
    assert merge(shards, tmp_path / "merged", partial=True) == 3


def test_what_is_no_shard_is_refused(make: Make, tmp_path: Path) -> None:
    """The folder of a whole run, of a shard without a case, and one that does not exist: each has its sentence."""
    with pytest.raises(UsageError, match="whole: no run of a shard: see dualstack run --shard"):
        merge([make("whole")], tmp_path / "merged")
    dataclasses.replace(RunInfo(), run="x", shard="1/2").write(tmp_path / "results")
    with pytest.raises(UsageError, match="results: shard 1/2 ended before its first case"):
        merge([tmp_path / "results"], tmp_path / "merged")
    with pytest.raises(UsageError, match="nowhere: no such folder"):
        merge([tmp_path / "nowhere"], tmp_path / "merged")


def test_a_results_folder_stands_for_its_run(shards: list[Path], tmp_path: Path) -> None:
    """An artifact of a job is the results folder: its only run is taken; several are refused."""
    for shard in shards:
        (tmp_path / f"artifact-{shard.name}").mkdir()
        shard.rename(tmp_path / f"artifact-{shard.name}" / "20300101T000000Z-abcd")
    artifacts = sorted(tmp_path.glob("artifact-*"))
    (artifacts[0] / "latest").symlink_to("20300101T000000Z-abcd")
    assert merge(artifacts, tmp_path / "merged") == 1
    shutil.copytree(artifacts[0] / "latest", artifacts[0] / "20300101T000001Z-abcd")
    with pytest.raises(UsageError, match=r"holds several runs \(2030.*, 2030.*\); give the folder of one"):
        merge(artifacts, tmp_path / "again")


def test_an_existing_folder_is_kept(shards: list[Path], tmp_path: Path) -> None:
    """The output must be new; what is there stays as it is."""
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "mine").touch()
    with pytest.raises(UsageError, match="merged: exists already"):
        merge(shards, tmp_path / "merged")
    assert [path.name for path in (tmp_path / "merged").iterdir()] == ["mine"]


def test_starts_that_differ_are_reported(shards: list[Path], tmp_path: Path) -> None:
    """A start that passes in one shard and fails in another is reported as failed, and both results are named."""
    path = shards[1] / "records.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [json.loads(line) for line in lines]
    for item in changed:
        item["verdict"] = "fail" if item["requirement"] == START else item["verdict"]
    path.write_text("".join(json.dumps(item) + "\n" for item in changed), encoding="utf-8")
    merge(shards, tmp_path / "merged")
    found = load(tmp_path / "merged")
    assert [item.verdict for item in found.records if item.requirement == START] == [Verdict.FAIL]
    assert any("pass in shard 1, fail in shard 2 and pass in shard 3" in text for text in found.run.troubles)
