"""JUnit: valid XML, counts that are true, and no verdict that is lost."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dualstack.report import write_junit
from dualstack.results import RECORDS, Record
from dualstack.verdict import Verdict

MakeRun = Callable[..., Path]
MakeRecord = Callable[..., Record]


def _read(folder: Path) -> ET.Element:
    """Write a run's junit.xml and read it."""
    return ET.fromstring(write_junit(folder).read_bytes())  # noqa: S314 - written by the code under test


def test_counts_are_those_of_the_cases(run_folder: Path, records: list[Record]) -> None:
    """One suite per service, one case per record, and the counts are those of the elements."""
    root = _read(run_folder)
    suites = {suite.get("name"): suite for suite in root.findall("testsuite")}
    assert set(suites) == {record.subject for record in records} | {"dualstack run"}
    for suite in suites.values():
        for attribute, path in (
            ("tests", "testcase"),
            ("failures", "*/failure"),
            ("errors", "*/error"),
            ("skipped", "*/skipped"),
        ):
            assert int(suite.get(attribute, "-1")) == len(suite.findall(path))
    assert root.get("tests") == str(len(records) + 1)
    assert root.get("failures") == "4"
    assert root.get("errors") == "4"


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (Verdict.PASS, None),
        (Verdict.OBSERVED, None),
        (Verdict.FAIL, "failure"),
        (Verdict.UNEXPECTED_PASS, "failure"),
        (Verdict.DEVIATES, "skipped"),
        (Verdict.KNOWN, "skipped"),
        (Verdict.NOT_APPLICABLE, "skipped"),
        (Verdict.HOST_CANNOT, "skipped"),
        (Verdict.BLOCKED, "skipped"),
        (Verdict.BROKEN_LAB, "error"),
        (Verdict.HARNESS_ERROR, "error"),
        (Verdict.INCONCLUSIVE, "error"),
        (Verdict.TIMEOUT, "error"),
    ],
)
def test_each_verdict_keeps_its_name(
    make_run: MakeRun, make_record: MakeRecord, verdict: Verdict, kind: str | None
) -> None:
    """The element says what continuous integration must do, the verdict's own word stands beside it."""
    case = _read(make_run([make_record(verdict)])).find("testsuite/testcase")
    assert case is not None
    properties = {item.get("name"): item.get("value") for item in case.findall("properties/property")}
    assert properties["verdict"] == verdict.value
    found = [child for child in case if child.tag in {"failure", "error", "skipped"}]
    assert [child.tag for child in found] == ([kind] if kind else [])
    assert all((child.get("message") or "").startswith(verdict.value) for child in found)


@pytest.mark.parametrize("verdict", [Verdict.NOT_APPLICABLE, Verdict.BLOCKED])
def test_a_run_that_judged_nothing_is_an_error(make_run: MakeRun, make_record: MakeRecord, verdict: Verdict) -> None:
    """Skipped cases alone would look like a success."""
    root = _read(make_run([make_record(verdict)]))
    assert root.get("errors") == "1"
    assert root.find("testsuite[@name='dualstack run']/testcase/error") is not None


def test_a_strict_run_fails_on_deviations(make_run: MakeRun, make_record: MakeRecord) -> None:
    """With strict a SHOULD counts like a MUST."""
    assert _read(make_run([make_record(Verdict.DEVIATES)], strict=True)).get("failures") == "1"


def test_a_failure_has_a_full_summary(make_run: MakeRun, make_record: MakeRecord) -> None:
    """The text of a failure has the requirement, what was done, expected and happened, packets, fix and rerun."""
    failure = _read(make_run([make_record(Verdict.FAIL)])).find("*/testcase/failure")
    assert failure is not None
    assert failure.text is not None
    for part in ("required", "done", "expected", "happened", "packets", "cause", "fix", "rerun"):
        assert f"\n{part}" in f"\n{failure.text}"
    assert "TCP RST ACK" in failure.text


def test_control_characters_leave_valid_xml(make_run: MakeRun, make_record: MakeRecord, hostile: str) -> None:
    """A log, a reason and a name with control characters and markup give well-formed XML that keeps their letters."""
    record = make_record(Verdict.FAIL, subject=hostile, reason=hostile, findings=(), packets=(), log=hostile)
    failure = _read(make_run([dataclasses.replace(record, title=hostile)])).find("*/testcase/failure")
    assert failure is not None
    assert "</script><b>bold</b> & " in (failure.get("message") or "")
    assert "]]>" in (failure.text or "")


def test_an_incomplete_run_is_an_error(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Missing cases, an interruption or a damaged line are an error of their own, so that no reader sees only green."""
    assert _read(make_run([make_record()])).get("errors") == "0"
    assert _read(make_run([], planned=2)).find("testsuite[@name='dualstack run']/testcase/error") is not None
    folder = make_run([], interrupted=True)
    assert _read(folder).get("errors") == "1"
    with (folder / RECORDS).open("a") as file:
        file.write("damaged\n")
    assert "cannot be read" in ET.tostring(_read(folder), encoding="unicode")


def test_each_case_is_there_once(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Class, name and file tell all cases apart, also a repeated one; the file is the manifest, with its line."""
    cases = [make_record(), make_record(element="b"), make_record(topology="ipv4-only"), make_record(subject="curl")]
    cases += [make_record(requirement="LISTEN-002"), make_record(Verdict.HARNESS_ERROR)]
    found = _read(make_run(cases)).findall("testsuite/testcase")
    named = [(case.get("classname"), case.get("name"), case.get("file")) for case in found]
    assert len(named) == len(set(named)) == len(cases) + 1
    assert [name for _, name, _ in named if name and name.endswith("~2")] != []
    assert {case.get("file") for case in found} == {"services/nginx/service.toml", "services/curl/service.toml", None}
    assert {case.get("line") for case in found if case.get("file")} == {"1"}
