"""Support statements and counts follow from the cases of a service only."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.report import write_json
from dualstack.report.summary import Report
from dualstack.report.support import Support
from dualstack.results import RECORDS, SCHEMA, Record
from dualstack.verdict import OUR_FAULT, Verdict

MakeRun = Callable[..., Path]
MakeRecord = Callable[..., Record]

_SAID = {
    Verdict.FAIL: Support.NOT_MET,
    Verdict.KNOWN: Support.KNOWN,
    Verdict.DEVIATES: Support.DEVIATES,
    Verdict.PASS: Support.SUPPORTED,
    Verdict.UNEXPECTED_PASS: Support.SUPPORTED,
    Verdict.OBSERVED: Support.OBSERVED,
    Verdict.NOT_APPLICABLE: Support.NOT_CLAIMED,
    Verdict.HOST_CANNOT: Support.NOT_VERIFIED,
    Verdict.BLOCKED: Support.NOT_VERIFIED,
    **dict.fromkeys(OUR_FAULT, Support.NOT_VERIFIED),
}


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_decides(make_run: MakeRun, make_record: MakeRecord, verdict: Verdict) -> None:
    """A single case decides what is said of its service in its topology."""
    report = Report.of(make_run([make_record(verdict)]))
    assert report.statements[0].cells[0].support is _SAID[verdict]


@pytest.mark.parametrize("verdict", [*sorted(OUR_FAULT, key=str), Verdict.HOST_CANNOT, Verdict.BLOCKED])
def test_what_was_not_judged_is_never_supported(make_run: MakeRun, make_record: MakeRecord, verdict: Verdict) -> None:
    """One case that could not be judged beside one that passed: not verified."""
    report = Report.of(make_run([make_record(), make_record(verdict, requirement="INTEROP-001")]))
    assert report.statements[0].cells[0].support is Support.NOT_VERIFIED
    assert "could not be verified on Dual-stack" in report.statements[0].sentence


def test_the_sentence_says_where_and_why(make_run: MakeRun, make_record: MakeRecord) -> None:
    """The statement names the topologies in which a requirement is not met, the reason, and where the service works."""
    report = Report.of(make_run([make_record(Verdict.FAIL), make_record(topology="ipv6-only")]))
    sentence = report.statements[0].sentence
    assert sentence.startswith(
        "does not meet a requirement on Dual-stack (expected: an IPv4 client is answered at 198.51.100.1:8080; "
    )
    assert sentence.endswith("works on IPv6-only.")
    assert report.headline == "The service does not behave as required."


@pytest.mark.parametrize(("count", "end"), [(6, "IPv6-only and Several addresses."), (8, " and 4 more topologies.")])
def test_the_brief_sentence_is_short(make_run: MakeRun, make_record: MakeRecord, count: int, end: str) -> None:
    """A few topologies are named; of many, the first ones, and how many more there are. The whole sentence has all."""
    names = ["dual-stack", "dual-stack-bindv6only", "ipv4-only", "ipv4-only-disabled", "ipv6-only", "multi-address"]
    names += ["ipv4-only-no-af-inet6", "ipv6-only-strict"]
    (statement,) = Report.of(make_run([make_record(topology=name) for name in names[:count]])).statements
    assert statement.brief.startswith("works on Dual-stack, ")
    assert statement.brief.endswith(end)
    assert "Several addresses" in statement.sentence


def test_a_world_in_which_nothing_applies_is_no_column(make_run: MakeRun, make_record: MakeRecord) -> None:
    """The matrix leaves such a topology out, and the JSON keeps its cases."""
    folder = make_run([make_record(), make_record(Verdict.NOT_APPLICABLE, topology="ipv6-only")])
    report = Report.of(folder)
    assert [topology.name for topology in report.topologies] == ["dual-stack", "ipv6-only"]
    assert [topology.name for topology in report.columns] == ["dual-stack"]
    (service,) = json.loads(write_json(folder).read_text(encoding="utf-8"))["services"]
    assert [topology["name"] for topology in service["topologies"]] == ["dual-stack", "ipv6-only"]


def test_where_nothing_applies_at_all_the_worlds_are_shown(make_run: MakeRun, make_record: MakeRecord) -> None:
    """A matrix without a column would say nothing of a service to which nothing applies."""
    report = Report.of(make_run([make_record(Verdict.NOT_APPLICABLE, topology="ipv6-only")]))
    assert [topology.name for topology in report.columns] == ["ipv6-only"]


def test_all_well_is_said_only_when_all_was_judged(make_run: MakeRun, make_record: MakeRecord) -> None:
    """The good headline needs every planned case to have passed."""
    assert Report.of(make_run([make_record()])).headline == "The service behaves as required."


def test_a_missing_case_takes_the_good_headline_away(make_run: MakeRun, make_record: MakeRecord) -> None:
    """One planned case without a result, and the run does not claim that all is well."""
    report = Report.of(make_run([make_record()], planned=2))
    assert report.missing == 1
    assert report.headline.startswith("No failure was found, but not everything was verified")


def test_a_service_that_served_nobody_is_not_said_to_behave(make_run: MakeRun, make_record: MakeRecord) -> None:
    """A service that starts and serves no client, in cases that are about something else, gets no good headline."""
    started = make_record(requirement="START-001", works={})
    unserved = make_record(Verdict.NOT_APPLICABLE, requirement="LISTEN-002", works={"ipv4": False})
    headline = Report.of(make_run([started, unserved])).headline
    assert headline == "No failure was found, but no case saw the service serve a client: run all suites."
    served = make_record(requirement="LISTEN-001", works={"ipv4": True})
    assert Report.of(make_run([started, unserved, served])).headline == "The service behaves as required."


NOT_READY = {
    "findings": (),
    "works": {},
    "reason": "the service did not become ready: it exited with code 1",
    "not_ready": True,
}


@pytest.mark.parametrize(
    ("verdicts", "headline"),
    [
        ([Verdict.DEVIATES, Verdict.DEVIATES], "the service deviates from a recommendation (2 deviations)."),
        ([Verdict.PASS, Verdict.OBSERVED], "the service deviates from a recommendation (1 deviation)."),
    ],
)
def test_deviations_are_counted(
    make_run: MakeRun, make_record: MakeRecord, verdicts: list[Verdict], headline: str
) -> None:
    """A service that deviates, or was observed not to start on a host, is never said to behave as required."""
    records = [
        make_record(item, topology=name, **{} if item is Verdict.PASS else NOT_READY)
        for item, name in zip(verdicts, ("dual-stack", "ipv4-only-no-af-inet6"), strict=True)
    ]
    assert Report.of(make_run(records)).headline == f"No requirement is broken, but {headline}"


def test_what_is_observed_is_no_deviation(make_run: MakeRun, make_record: MakeRecord) -> None:
    """A fact about a service that starts leaves the good headline."""
    assert Report.of(make_run([make_record(Verdict.OBSERVED, reason="IPv6 first")])).headline.endswith("as required.")


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.BLOCKED])
def test_a_service_that_does_not_start_is_the_headline(
    make_run: MakeRun, make_record: MakeRecord, verdict: Verdict
) -> None:
    """The first headline is that a service does not start, whether START-001 or blocked cases show it."""
    start = make_record(verdict, requirement="START-001" if verdict is Verdict.FAIL else "LISTEN-001", subject="a")
    report = Report.of(make_run([start, make_record(Verdict.FAIL, subject="b"), make_record(subject="c")]))
    assert report.headline == (
        "1 of 3 services does not start: check the manifest or the command first. 1 more does not behave as required."
    )


def test_a_service_that_is_known_not_to_start(make_run: MakeRun, make_record: MakeRecord) -> None:
    """A declared failure to start, and the cases that it blocks, are nothing unexpected."""
    records = [make_record(Verdict.KNOWN, requirement="START-001"), make_record(Verdict.BLOCKED)]
    assert Report.of(make_run(records)).headline == "Nothing unexpected: the service has known issues."


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (Verdict.NOT_APPLICABLE, "none of 1 case applies"),
        (Verdict.HOST_CANNOT, "this machine cannot run any of 1 case"),
        (Verdict.INCONCLUSIVE, "none of 1 case could be judged"),
    ],
)
def test_nothing_verified_is_said(make_run: MakeRun, make_record: MakeRecord, verdict: Verdict, why: str) -> None:
    """A run in which no case was judged says so, and why."""
    assert Report.of(make_run([make_record(verdict)])).headline == f"Nothing was verified: {why} (1 service)."


def test_json_holds_every_record_and_the_summary(run_folder: Path, records: list[Record]) -> None:
    """results.json has the documented keys, each record as it was written, and counts that add up."""
    data = json.loads(write_json(run_folder).read_text(encoding="utf-8"))
    assert data["schema"] == 1
    assert data["records"] == json.loads(json.dumps([record.to_json() for record in records]))
    assert sum(data["summary"]["verdicts"].values()) == data["summary"]["cases"] == len(records)
    nginx = next(item for item in data["services"] if item["name"] == "nginx/both")
    assert nginx["support"] == "requirement not met"
    assert sum(len(topology["cases"]) for topology in nginx["topologies"]) == sum(
        record.subject == "nginx/both" for record in records
    )


def test_a_run_of_another_version_is_refused(make_run: MakeRun, make_record: MakeRecord) -> None:
    """The results of a newer version are not read in part: the report says once for each file why not."""
    folder = make_run([make_record(), make_record(element="b"), make_record(element="c")], schema=SCHEMA + 1)
    first, *rest = (folder / RECORDS).read_text(encoding="utf-8").splitlines(keepends=True)
    newer = [line.replace(f'"schema": {SCHEMA}', f'"schema": {SCHEMA + 1}') for line in rest]
    (folder / RECORDS).write_text("".join([first, *newer]), encoding="utf-8")
    report = Report.of(folder)
    why = f"a newer dualstack wrote it: it has schema {SCHEMA + 1}, this version reads schema {SCHEMA}"
    assert report.warnings == [f"run.json cannot be read ({why}).", f"records.jsonl: 2 records cannot be read ({why})."]
    assert len(report.records) == 1
