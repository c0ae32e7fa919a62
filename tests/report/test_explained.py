"""What the reports say of causes and facts."""

from collections.abc import Callable
from pathlib import Path

from dualstack.report.case_summary import as_text, case_summary
from dualstack.report.html import render_report
from dualstack.report.junit import as_element
from dualstack.report.summary import Report
from dualstack.results import Record
from dualstack.runinfo import RunInfo
from dualstack.verdict import Verdict
from tests.report.conftest import page_data

MakeRun = Callable[..., Path]
MakeRecord = Callable[..., Record]

FACTS = ("IPv6 clients are refused.", "No socket of the service takes IPv6 on TCP port 8080.", "It wrote nothing.")


def text_of(record: Record) -> str:
    """Return a case as text."""
    return as_text(case_summary(record, RunInfo()))


def test_a_cause_has_its_facts_and_the_remedy_in_the_language_of_the_service(make_record: MakeRecord) -> None:
    """The text names the cause, the facts that support it, its fix, and the fix in that language."""
    text = text_of(make_record(Verdict.FAIL, causes=("RC-V4SOCK",), facts=FACTS, language="Go"))
    assert "The listener is IPv4-only (RC-V4SOCK)" in text
    assert f"evidence  {FACTS[0]}" in text
    assert "fix       Listen on the IPv6 wildcard address" in text
    assert 'in Go     Use net.Listen("tcp", ":PORT")' in text


def test_of_a_language_without_a_remedy_the_fix_alone_is_shown(make_record: MakeRecord) -> None:
    """Nothing is made up for it."""
    text = text_of(make_record(Verdict.FAIL, causes=("RC-V4SOCK",), facts=FACTS, language="Ruby"))
    assert "fix " in text
    assert "Ruby" not in text


def test_where_the_cause_is_not_known_the_facts_are_shown(make_record: MakeRecord) -> None:
    """The text says so, and names every fact."""
    text = text_of(make_record(Verdict.FAIL, causes=(), facts=FACTS))
    assert "the cause is not known; the facts are:" in text
    assert all(fact in text for fact in FACTS)


def test_where_nothing_is_to_be_explained_nothing_is_said(make_record: MakeRecord) -> None:
    """A failure without causes and facts, such as a service that does not start, is explained by its reason."""
    text = text_of(make_record(Verdict.FAIL, causes=(), facts=()))
    assert "cause" not in text


def test_junit_and_page_have_the_facts(make_run: MakeRun, make_record: MakeRecord) -> None:
    """So do the XML file and the data of the page."""
    folder = make_run([make_record(Verdict.FAIL, causes=(), facts=FACTS, language="Java")])
    (failure,) = as_element(Report.of(folder)).iter("failure")
    assert "the cause is not known" in (failure.text or "")
    page = render_report(folder).read_text(encoding="utf-8")
    data = page_data(page)
    assert FACTS[1] in data["texts"]
    assert data["cases"][0]["language"] == "Java"
    assert "The cause is not known; the facts are:" in page
