"""Shards: every case in exactly one, balanced, the same on every machine; what a wrong option says."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.expected import _LONG, _USUAL, expected_seconds
from dualstack.manifest import subjects_of
from dualstack.plan import START, PlannedCase, Selection, plan_cases
from dualstack.results import SCHEMA, Record
from dualstack.runoptions import order_of
from dualstack.sharding import SHARD, Shard, durations_in, durations_of, read_split
from dualstack.suites import requirements
from dualstack.verdict import Verdict

REFERENCE = ROOT / "fixtures" / "services" / "reference"
MANIFESTS = [REFERENCE / f"{name}.toml" for name in ("echo", "local", "relay", "counter", "datagrams")]


@pytest.fixture(scope="module")
def cases() -> list[PlannedCase]:
    """All cases of several reference services."""
    subjects = [subject for path in MANIFESTS for subject in subjects_of(path)]
    return [case for item in requirements().values() for case in plan_cases(item, subjects)]


def load(shard: Shard, cases: list[PlannedCase], durations: dict[str, float]) -> float:
    """Return the sum of the durations of the cases that run in a shard."""
    held = shard.holds(shard.owners(cases))
    return sum(durations[case.id] for case in cases if case.key in held)


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_each_case_is_in_one_shard(cases: list[PlannedCase], count: int) -> None:
    """Each case runs in exactly one shard; a start runs in every shard with cases of its service, and in no other."""
    held = [Shard(number, count).holds(Shard(number, count).owners(cases)) for number in range(1, count + 1)]
    times = Counter(key for keys in held for key in keys)
    assert set(times) == {case.key for case in cases}
    assert {times[case.key] for case in cases if case.requirement.id != START} == {1}
    for keys in held:
        others = {key.subject for key in keys if key.requirement != START}
        assert {key.subject for key in keys if key.requirement == START} == others


def test_the_order_of_the_cases_does_not_matter(cases: list[PlannedCase]) -> None:
    """The split is the same for the same cases in another order: it depends on their keys and durations alone."""
    shard = Shard(1, 4)
    assert dict(shard.owners(cases)) == dict(shard.owners(cases[::-1]))
    assert list(shard.owners(cases)) == [case.key for case in cases]


def test_shards_take_equally_long(cases: list[PlannedCase]) -> None:
    """By recorded durations the longest of four shards takes at most a tenth longer than the shortest."""
    durations = {case.id: 0.3 + (37 * place % 101) / 20 for place, case in enumerate(cases)}
    durations |= {case.id: 0.001 for case in cases if case.not_applicable}
    loads = [load(Shard(number, 4, durations), cases, durations) for number in range(1, 5)]
    assert max(loads) <= 1.1 * min(loads)


def test_durations_change_the_split(cases: list[PlannedCase]) -> None:
    """A case that has taken as long as all others together gets a shard with nothing else but what it needs."""
    slow = next(case for case in cases if case.requirement.id == "LISTEN-001" and not case.not_applicable)
    durations = {case.id: 0.5 for case in cases} | {slow.id: 10_000.0}
    owners = Shard(1, 4).owners(cases)
    balanced = Shard(1, 4, durations).owners(cases)
    alone = [key for key, number in balanced.items() if number == balanced[slow.key] and key.requirement != START]
    assert alone == [slow.key]
    assert sum(number == owners[slow.key] for number in owners.values()) > 2


def test_a_service_with_its_start_alone_is_in_one_shard(cases: list[PlannedCase]) -> None:
    """Where only starts are selected, each of them is a case like any other, and runs once."""
    starts = [case for case in cases if case.requirement.id == START]
    held = [Shard(number, 3).holds(Shard(number, 3).owners(starts)) for number in range(1, 4)]
    assert all(held)
    assert Counter(key for keys in held for key in keys) == Counter(case.key for case in starts)


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "a/b", "1/4/2", "-1/4", "1 / 4", "1/99999"])
def test_a_wrong_option_is_refused(text: str) -> None:
    """A shard that is no i/n with 1 ≤ i ≤ n is named, with an example."""
    with pytest.raises(UsageError, match=r"--shard: found .*for example 1/4"):
        Shard.of(text)


def test_more_shards_than_cases_are_refused(cases: list[PlannedCase]) -> None:
    """The message says how many shards are possible."""
    few = [case for case in cases if case.requirement.id in {START, "LISTEN-002"}][:7]
    units = sum(case.requirement.id != START for case in few) or len(few)
    with pytest.raises(UsageError, match=f"give at most {units} shards"):
        Shard(1, 99).owners(few)


def test_the_split_is_written_and_read(cases: list[PlannedCase], tmp_path: Path) -> None:
    """What a run writes is what `read_split` returns, in the same order; the manifests are known by their contents."""
    shard = Shard.of("2/4")
    owners = shard.owners(cases)
    shard.write(tmp_path, owners, MANIFESTS)
    found = read_split(tmp_path)
    assert found is not None
    assert (found.shard, list(found.owners.items())) == (shard, list(owners.items()))
    assert len(set(found.manifests)) == len(MANIFESTS)
    assert [path.name for path in tmp_path.iterdir()] == [SHARD]


@pytest.mark.parametrize(
    ("key", "value"), [("plan", [1]), ("plan", {"what": 1}), ("shard", 5), ("of", None), ("schema", SCHEMA + 1)]
)
def test_a_damaged_split_is_refused(cases: list[PlannedCase], tmp_path: Path, key: str, value: object) -> None:
    """A value that no run writes is an error, never a wrong split."""
    shard = Shard.of("1/2")
    shard.write(tmp_path, shard.owners(cases), MANIFESTS)
    data = json.loads((tmp_path / SHARD).read_text(encoding="utf-8"))
    (tmp_path / SHARD).write_text(json.dumps(data | {key: value}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"plan|shard|schema|case"):
        read_split(tmp_path)


def test_no_split_in_an_ordinary_run(tmp_path: Path) -> None:
    """The folder of a run without --shard has no split."""
    assert read_split(tmp_path) is None


def test_cases_that_did_not_run_have_no_duration(cases: list[PlannedCase]) -> None:
    """The time of a blocked case says nothing of how long it takes when it runs."""
    case = cases[0]
    record = Record(START, "", "MUST", case.subject.name, "", "service", "dual-stack", Verdict.PASS, seconds=1.5)
    blocked = Record("LISTEN-001", "", "MUST", case.subject.name, "", "x", "dual-stack", Verdict.BLOCKED)
    assert dict(durations_of([record, blocked])) == {record.case: 1.5}


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "b"}', '{"a": null}'])
def test_damaged_durations_are_refused(tmp_path: Path, text: str) -> None:
    """Durations that cannot be read are named by their file."""
    path = tmp_path / "durations.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"durations\.json"):
        durations_in(path)


def test_each_estimate_is_of_a_requirement() -> None:
    """The table of long requirements names only those that exist, and only such that take longer than most."""
    assert set(_LONG) <= set(requirements())
    assert min(_LONG.values()) >= 2 * _USUAL


def test_a_selection_is_split_as_a_whole(cases: list[PlannedCase]) -> None:
    """Another selection has another plan; each of its cases is still in exactly one shard."""
    subjects = list({case.subject.name: case.subject for case in cases}.values())
    chosen = Selection(topologies=("ipv6-only",))
    some = [case for item in requirements().values() for case in plan_cases(item, subjects, chosen)]
    held = [Shard(number, 3).holds(Shard(number, 3).owners(some)) for number in range(1, 4)]
    assert Counter(key for keys in held for key in keys) == Counter(case.key for case in some)


def test_processes_that_share_a_run_begin_with_the_longest_cases(cases: list[PlannedCase]) -> None:
    """Where processes share a run the longest cases follow the starts; a single one keeps the order of the plan."""
    option = SimpleNamespace(dualstack_first=(), dualstack_budget=None)
    shared = sorted(cases, key=order_of(option, shared=True))
    alone = sorted(cases, key=order_of(option, shared=False))
    starts = [case for case in cases if case.requirement.id == START]
    others = [case for case in cases if case.requirement.id != START]
    assert alone == [*starts, *others]
    assert shared[: len(starts)] == starts
    seconds = [expected_seconds(case.requirement.id) for case in shared[len(starts) :] if not case.not_applicable]
    assert seconds == sorted(seconds, reverse=True)
    assert len(set(seconds)) > 1
