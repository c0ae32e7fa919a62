"""Comparing two runs: what counts as broken, fixed, changed, new and gone; and which inputs are refused."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dualstack.errors import UsageError
from dualstack.report import write_json
from dualstack.report.comparison import Change, Comparison, compare
from dualstack.report.comparison_text import as_data, as_markdown, rows
from dualstack.report.markdown import LIMIT
from dualstack.report.reading import read_results
from dualstack.report.summary import Report
from dualstack.results import RECORDS, Record
from dualstack.runinfo import RunInfo
from dualstack.verdict import Verdict
from tests.report.conftest import record, write_run


def a_run(records: Sequence[Record], *, strict: bool = False) -> Report:
    """Return a run with these records that has ended."""
    return Report(RunInfo(run="r", strict=strict, exit_code=0, planned=len(records)), tuple(records), ())


def compared(before: Sequence[Record], after: Sequence[Record], *, strict: bool = False) -> Comparison:
    """Compare two runs with these records."""
    return compare(a_run(before, strict=strict), a_run(after, strict=strict))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (Verdict.PASS, Verdict.FAIL, Change.BROKEN),
        (Verdict.KNOWN, Verdict.FAIL, Change.BROKEN),
        (Verdict.INCONCLUSIVE, Verdict.FAIL, Change.BROKEN),
        (Verdict.PASS, Verdict.BLOCKED, Change.BROKEN),
        (Verdict.KNOWN, Verdict.UNEXPECTED_PASS, Change.BROKEN),
        (None, Verdict.FAIL, Change.BROKEN),
        (Verdict.FAIL, Verdict.PASS, Change.FIXED),
        (Verdict.BLOCKED, Verdict.DEVIATES, Change.FIXED),
        (Verdict.FAIL, Verdict.KNOWN, Change.CHANGED),
        (Verdict.FAIL, Verdict.NOT_APPLICABLE, Change.CHANGED),
        (Verdict.FAIL, Verdict.BROKEN_LAB, Change.CHANGED),
        (Verdict.PASS, Verdict.TIMEOUT, Change.CHANGED),
        (Verdict.PASS, Verdict.DEVIATES, Change.CHANGED),
        (Verdict.FAIL, Verdict.BLOCKED, Change.CHANGED),
        (None, Verdict.PASS, Change.NEW),
        (None, Verdict.HARNESS_ERROR, Change.NEW),
        (Verdict.FAIL, None, Change.GONE),
        (Verdict.PASS, Verdict.PASS, None),
        (Verdict.FAIL, Verdict.FAIL, None),
        (Verdict.BLOCKED, Verdict.BLOCKED, None),
    ],
)
def test_each_change_has_its_word(before: Verdict | None, after: Verdict | None, change: Change | None) -> None:
    """The two verdicts of a case decide what became of it; a case that was not judged is not fixed."""
    found = compared([record(before)] if before else [], [record(after)] if after else []).differences
    assert [item.change for item in found] == ([change] if change else [])


def test_a_deviation_breaks_a_strict_run() -> None:
    """In a strict run a SHOULD counts like a MUST, so a new deviation is broken."""
    found = compared([record()], [record(Verdict.DEVIATES)], strict=True)
    assert [item.change for item in found.differences] == [Change.BROKEN]


def test_a_declared_start_does_not_break() -> None:
    """If the manifest declares that a service does not start, its blocked cases are no failure."""
    start = record(Verdict.KNOWN, requirement="START-001", element="service")
    found = compared([start, record()], [start, record(Verdict.BLOCKED)])
    assert [item.change for item in found.differences] == [Change.CHANGED]


def test_another_reason_is_a_change_and_another_port_is_not() -> None:
    """Of two failures the causes and the words of the reason count; words with digits differ in every run."""
    one = record(Verdict.FAIL, findings=(), reason="refused after 0.1 ms at 198.51.100.1:8080")
    other = record(Verdict.FAIL, findings=(), reason="refused after 0.3 ms at 198.51.100.7:9090")
    silent = record(Verdict.FAIL, findings=(), reason="no answer after 2.0 ms at 198.51.100.1:8080")
    assert compared([one], [other]).differences == ()
    assert [item.change for item in compared([one], [silent]).differences] == [Change.CHANGED]
    causes = record(Verdict.FAIL, findings=(), reason=one.reason, causes=("RC-OTHER",))
    assert [item.change for item in compared([one], [causes]).differences] == [Change.CHANGED]


def test_a_repeated_case_counts_once() -> None:
    """Of two records of one case the more serious one is compared."""
    found = compared([record()], [record(), record(Verdict.FAIL)])
    assert [item.verdicts for item in found.differences] == ["pass → fail"]
    assert found.same == 0


def test_rows_join_topologies_and_blocked_cases() -> None:
    """Cases that fail alike in several topologies share a row; so do all blocked cases of a service."""
    places = ["dual-stack", "ipv4-only", "ipv6-only"]
    failed = [record(Verdict.FAIL, topology=place) for place in places]
    blocked = [record(Verdict.BLOCKED, topology=place, subject="curl", findings=(), reason="no") for place in places]
    found = compared([], [*failed, *blocked])
    assert [line[:5] for line in rows(found.differences)] == [
        ("broken", "(others)", "curl", "", "3 cases"),
        ("broken", "LISTEN-001", "nginx/both", "http", ", ".join(places)),
    ]


def test_the_data_has_every_case() -> None:
    """The JSON form counts each change, and names each case with both results."""
    found = as_data(compared([record(Verdict.FAIL), record(element="gone")], [record(), record(element="new")]))
    assert found["counts"] == {"broken": 0, "fixed": 1, "changed": 0, "new": 1, "gone": 1}
    assert found["fixed"][0]["case"] == "LISTEN-001:nginx/both:http@dual-stack"
    assert found["fixed"][0]["before"]["verdict"] == "fail"
    assert found["fixed"][0]["after"] == {"verdict": "pass", "reason": "", "causes": list(record().causes)}
    assert (found["new"][0]["before"], found["gone"][0]["after"]) == (None, None)


def test_markdown_is_limited_and_inert(hostile: str) -> None:
    """A page of 3,000 broken cases with hostile reasons has at most the allowed size, and none of their markup."""
    many = [
        record(Verdict.FAIL, element=f"e{number}", findings=(), reason=f"{number} | {hostile} @team #12")
        for number in range(3000)
    ]
    text = as_markdown(compared([], many))
    assert LIMIT * 0.95 < len(text) <= LIMIT
    assert "more rows." in text
    assert "#### 3000 broken" in text
    assert not any(part in text for part in ("<b>", "</script>", "@team", " #12", "\x1b", "<!--"))
    line = next(line for line in text.splitlines() if line.startswith("| LISTEN"))
    assert line.count("|") == 7


def test_incomplete_runs_are_named() -> None:
    """A comparison with a run that was interrupted, or only one of which is strict, says so."""
    cut = Report(RunInfo(run="r", planned=3, exit_code=None, strict=True), (record(),), ())
    found = compare(a_run([record()]), cut)
    assert len(found.warnings) == 2
    assert found.warnings[0].startswith("The later run is incomplete")
    assert compared([record()], [record()]).warnings == []


def test_both_forms_of_results_are_read(tmp_path: Path, records: list[Record]) -> None:
    """A run's folder and its results.json hold the same results."""
    folder = write_run(tmp_path / "run", records)
    write_json(folder)
    one, other = read_results(folder), read_results(folder / "results.json")
    assert one.records == other.records == tuple(records)
    assert one.run == other.run
    assert compare(one, other).differences == ()


def _damaged(text: str) -> str:
    """Return results with a record whose verdict does not exist."""
    data = json.loads(text)
    data["records"][0]["verdict"] = "splendid"
    return json.dumps(data)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text[: len(text) // 2], "it was truncated, or is not JSON"),
        (lambda _: "[]", "it is not JSON: it is not a JSON object"),
        (lambda _: "{}", "not the results of a run: allowed is a results.json, with schema, run and records"),
        (lambda text: text.replace('"schema": 1', '"schema": 99', 1), "a newer dualstack wrote it: it has schema 99"),
        (lambda text: text.replace('"schema": 1', '"schema": 0', 1), "an older dualstack wrote it: it has schema 0"),
        (_damaged, "records[0]: verdict: input should be 'pass'"),
    ],
)
def test_bad_results_are_refused(tmp_path: Path, change: Callable[[str], str], fault: str) -> None:
    """A file that is truncated, damaged, of another form or of another version is refused, with its name and why."""
    path = write_json(write_run(tmp_path / "run", [record()]))
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}: {fault}")


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    """A record that was cut would be missing from the comparison: its line is named."""
    folder = write_run(tmp_path / "run", [record()])
    path = folder / RECORDS
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UsageError, match=r"records\.jsonl, line 1, cannot be read(.|\n)*; run again"):
        read_results(folder)
