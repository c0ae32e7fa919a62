"""The gate: which failures are new, in the baseline or expired, and which entries need a change."""

import re
from pathlib import Path

from dualstack.report.gate import Gate, sentences, shown_place
from dualstack.report.html import render
from dualstack.report.job_page import job_page
from dualstack.report.jsonfile import as_data
from dualstack.report.summary import Report
from dualstack.results import Record
from dualstack.runinfo import KnownInfo, RunInfo
from dualstack.verdict import Verdict
from tests.report.conftest import record

LIVE = KnownInfo("/b.toml:3", "LISTEN-001 of nginx", "a bug", baseline=True, cases=8)
OLD = KnownInfo("/b.toml:9", "LISTEN-005 of nginx", "a bug", "ann", "2020-01-31", expired=True, baseline=True, cases=1)


def gate(*records: Record, known: tuple[KnownInfo, ...] = (LIVE, OLD)) -> Gate:
    """Return the gate of a run with a baseline of these entries."""
    run = RunInfo(run="r", baselines=("/b.toml",), known=known, exit_code=1)
    return Gate(Report(run, records, ()))


def test_failures_are_split() -> None:
    """A failure without an entry is new; a known one with an entry of the baseline is in it; the others are apart."""
    found = gate(
        record(Verdict.FAIL),
        record(Verdict.UNEXPECTED_PASS, element="b"),
        record(Verdict.KNOWN, element="c", known_at="/b.toml:3"),
        record(Verdict.KNOWN, element="d", known_at="/service.toml:40"),
        record(Verdict.FAIL, element="e", known_at="/b.toml:9"),
        record(Verdict.INCONCLUSIVE, element="f"),
        record(element="g"),
    )
    assert [item.element for item in found.new] == ["http", "b"]
    assert [item.element for item in found.accepted] == ["c"]
    assert [item.element for item in found.expired] == ["e"]
    assert found.line == "2 new, 1 in the baseline, 1 expired"
    data = as_data(found.report)["gate"]
    assert [len(data[key]) for key in ("new", "baseline", "expired", "notes")] == [2, 1, 1, 1]


def test_an_expired_entry_is_named_with_its_owner() -> None:
    """Its place, its date, its owner and what to do are in the note; a fixed one is only to be removed."""
    (said,) = sentences(gate(record(Verdict.FAIL, known_at="/b.toml:9")))
    assert said.startswith(
        "/b.toml:9: LISTEN-005 of nginx: expired on 2020-01-31 (owner: ann), and still fails (1 case)"
    )
    assert said.endswith(": fix it, or agree on another date.")
    assert sentences(gate(record(known_at="/b.toml:9"))) == [
        "/b.toml:9: LISTEN-005 of nginx: no longer fails; remove the entry."
    ]


def test_a_blocked_case_is_new() -> None:
    """A case that is blocked says nothing of its entry: its service does not start, which is news."""
    found = gate(record(Verdict.BLOCKED, known_at="/b.toml:9"))
    assert (found.line, found.notes) == ("1 new, 0 in the baseline, 0 expired", [])


def test_entries_that_no_longer_fail_are_named() -> None:
    """An entry whose cases all pass is to be removed; if some pass, their topologies are."""
    passed, failed = record(known_at="/b.toml:3"), record(Verdict.KNOWN, topology="ipv6-only", known_at="/b.toml:3")
    assert [text for _, text in gate(passed).notes] == ["LISTEN-001 of nginx: no longer fails; remove the entry."]
    assert [text for _, text in gate(passed, failed).notes] == [
        "LISTEN-001 of nginx: no longer fails on dual-stack; remove that from the entry."
    ]
    assert gate(failed).notes == []


def test_entries_without_a_case_are_named() -> None:
    """An entry that matches no case is named; those of other services are counted; those that did not run are not."""
    none = KnownInfo("/b.toml:1", "LISTEN-001 of nginx on x", baseline=True, cases=0)
    other = KnownInfo("/b.toml:5", "LISTEN-001 of elsewhere", baseline=True)
    assert sentences(gate(record(), known=(none, other, LIVE))) == [
        "/b.toml:1: LISTEN-001 of nginx on x: no such case applies to these services; correct or remove the entry.",
        "1 entry of the baseline is about services that are not in this run.",
    ]


def test_a_run_without_baselines_has_no_gate() -> None:
    """Nothing is said of a gate then."""
    assert not Gate(Report(RunInfo(run="r"), (record(),), ())).applies


def test_places_are_relative() -> None:
    """A place below the folder is shown relative to it; another one as it is."""
    assert shown_place("/srv/a/b.toml:12", Path("/srv")) == "a/b.toml:12"
    assert shown_place("/other/b.toml:12", Path("/srv")) == "/other/b.toml:12"
    assert shown_place("", Path("/srv")) == ""


def section(found: Gate) -> str:
    """Return the section of the HTML report on accepted failures; empty without one."""
    match = re.search(r'<section aria-labelledby="accepted">(.*?)</section>', render(found.report), re.DOTALL)
    return match[1] if match else ""


def test_the_report_shows_what_is_accepted() -> None:
    """Each entry that excuses a failure has its reason, owner, last day, place and a link to its case."""
    entry = KnownInfo(
        "/srv/b.toml:3", "LISTEN-001 of nginx", "no IPv6 yet", "ann", "2030-01-31", baseline=True, cases=8
    )
    failing = [record(Verdict.KNOWN, topology=name, known_at=entry.place) for name in ("dual-stack", "ipv6-only")]
    text = section(gate(*failing, known=(entry,)))
    assert "Failures: 0 new, 2 in the baseline, 0 expired." in text
    for part in (
        "LISTEN-001 of nginx",
        "/srv/b.toml:3",
        "no IPv6 yet",
        "owner: ann; until 2030-01-31",
        "/b.toml</code>",
    ):
        assert part in text
    assert text.count('<a href="#LISTEN-001') == 2


def test_the_report_shows_what_is_to_be_changed() -> None:
    """An expired entry, one that no longer fails and one without a case have their note, before the others."""
    none = KnownInfo("/b.toml:1", "LISTEN-001 of nginx on x", "a bug", baseline=True, cases=0)
    fine = KnownInfo("/b.toml:2", "LISTEN-002 of nginx", "a bug", baseline=True, cases=1)
    unrun = KnownInfo("/b.toml:7", "LISTEN-003 of nginx", "a bug", baseline=True, cases=1)
    text = section(
        gate(
            record(Verdict.KNOWN, element="a", known_at="/b.toml:2"),
            record(known_at="/b.toml:3"),
            record(Verdict.FAIL, element="b", known_at="/b.toml:9"),
            known=(fine, unrun, LIVE, OLD, none),
        )
    )
    assert re.findall(r"/b\.toml:\d", text) == ["/b.toml:3", "/b.toml:9", "/b.toml:1", "/b.toml:2"]
    assert "expired on 2020-01-31 (owner: ann), and still fails (1 case)" in text
    assert "LISTEN-001 of nginx: no longer fails; remove the entry." in text
    assert "no such case applies to these services" in text


def test_reports_without_an_entry_have_no_such_part() -> None:
    """A run without a baseline shows nothing of one."""
    plain = Gate(Report(RunInfo(run="r", exit_code=0), (record(),), ()))
    assert (section(plain), "accepted" in job_page(plain.report)) == ("", False)


def test_the_job_page_shows_what_is_accepted() -> None:
    """The table has each entry whose cases fail, with its reason, owner and last day, after what fails."""
    page = job_page(
        gate(
            record(Verdict.KNOWN, known_at="/b.toml:3"), record(Verdict.FAIL, element="b", known_at="/b.toml:9")
        ).report
    )
    assert "| LISTEN-005 of nginx | 1 | a bug | ann | expired on 2020-01-31 | /b.toml:9 |\n" in page
    assert "| LISTEN-001 of nginx | 1 | a bug |  |  | /b.toml:3 |\n" in page
    assert page.index("#### What fails") < page.index("#### What is accepted") < page.index("The whole report is")


def test_texts_of_entries_stay_texts(hostile: str) -> None:
    """Markup in a reason, an owner or a place is shown as text, in the report and on the job page."""
    evil = KnownInfo(f"/{hostile}:3", hostile, hostile, hostile, "2030-01-31", baseline=True, cases=1)
    found = gate(record(Verdict.KNOWN, known_at=evil.place), known=(evil,))
    text, page = section(found), job_page(found.report)
    assert text.count("&lt;b&gt;bold&lt;/b&gt;") == 4
    assert page.count("&#60;b&#62;bold") == 4
    assert not any(part in shown for shown in (text, page) for part in ("<b>", "</script>", "\x1b", "\x00"))
