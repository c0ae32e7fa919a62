"""Results for CI services: the Markdown page of a run, and GitHub's annotations."""

import dataclasses
import re
from pathlib import Path

import pytest

from dualstack.report.github import MOST, annotations, command
from dualstack.report.job_page import job_page
from dualstack.report.markdown import LIMIT, escaped
from dualstack.report.summary import Report
from dualstack.results import Record
from dualstack.runinfo import KnownInfo, RunInfo, ServiceInfo
from dualstack.topology import topology_names
from dualstack.verdict import Verdict
from tests.report.conftest import record

ROOT = Path("/repo")
RUN = RunInfo(
    run="r",
    exit_code=1,
    subjects=(ServiceInfo("nginx/both", manifest="/repo/a/service.toml", lines={"service": 3, "http": 8}),),
)


def a_run(*records: Record, run: RunInfo = RUN) -> Report:
    """Return a run with these records, whose manifests are in the repository."""
    placed = (dataclasses.replace(item, manifest=f"/repo/a/{Path(item.manifest).name}") for item in records)
    return Report(run, tuple(placed), ())


def test_a_failure_points_at_its_table() -> None:
    """A failure is an error at the line of the listener in the manifest, with its reason, topologies and rerun."""
    places = ["dual-stack", "ipv6-only"]
    failed = [record(Verdict.FAIL, topology=name, findings=(), reason="no answer") for name in places]
    (line,) = annotations(a_run(*failed, record(element="b")), ROOT)
    assert line == (
        "::error file=a/service.toml,line=8,title=LISTEN-001 Every declared port answers on both families::no answer%0A"
        "nginx/both, http, on dual-stack, ipv6-only%0Arerun: dualstack run services/nginx/service.toml --requirement "
        "LISTEN-001 --topology dual-stack"
    )


@pytest.mark.parametrize(
    ("verdict", "strict", "kinds"),
    [
        (Verdict.FAIL, False, ["error"]),
        (Verdict.UNEXPECTED_PASS, False, ["error"]),
        (Verdict.TIMEOUT, False, ["error"]),
        (Verdict.BLOCKED, False, ["error"]),
        (Verdict.DEVIATES, False, ["warning"]),
        (Verdict.DEVIATES, True, ["error"]),
        (Verdict.KNOWN, False, []),
        (Verdict.PASS, False, []),
        (Verdict.NOT_APPLICABLE, False, []),
        (Verdict.HOST_CANNOT, False, []),
    ],
)
def test_each_verdict_has_its_kind(verdict: Verdict, strict: bool, kinds: list[str]) -> None:  # noqa: FBT001
    """What makes the run fail is an error, a deviation a warning; a known failure is not shown."""
    found = annotations(a_run(record(verdict), run=dataclasses.replace(RUN, strict=strict)), ROOT)
    assert [re.match(r"::(\w+)", line)[1] for line in found if re.match(r"::(\w+)", line)] == kinds  # type: ignore[index]


def test_a_service_that_does_not_start_is_one_error() -> None:
    """The cases that START-001 blocks are not annotated beside it."""
    start = record(Verdict.FAIL, requirement="START-001", element="service")
    blocked = [record(Verdict.BLOCKED, topology=name) for name in ("dual-stack", "ipv6-only")]
    (line,) = annotations(a_run(start, *blocked), ROOT)
    assert "line=3,title=START-001" in line


def test_entries_of_a_baseline_are_warnings() -> None:
    """An entry that needs a change is a warning at its line."""
    entry = KnownInfo("/repo/b.toml:12", "LISTEN-001 of x", baseline=True, cases=0)
    (line,) = annotations(a_run(record(), run=dataclasses.replace(RUN, known=(entry,))), ROOT)
    assert line.startswith("::warning file=b.toml,line=12,title=dualstack baseline::LISTEN-001 of x: no such case")


def test_a_command_stays_one_command(hostile: str) -> None:
    """Line ends, percent signs, colons and commas cannot end a command or add a property."""
    found = command("error", f"100%\r\n::warning::x\n{hostile}", title="a,file=/etc/passwd::b%", file="")
    assert found.startswith("::error title=a%2Cfile=/etc/passwd%3A%3Ab%25::100%25%0A::warning::x%0A")
    assert not set("\r\n\x1b\x00") & set(found)


def test_annotations_are_limited() -> None:
    """GitHub shows ten of a kind: the tenth one counts the others."""
    found = annotations(a_run(*(record(Verdict.FAIL, element=f"e{number}") for number in range(25))), ROOT)
    assert len(found) == MOST
    assert found[-1] == "::error title=dualstack::16 more errors: see report.html"


def test_the_page_has_what_a_reader_needs() -> None:
    """The headline, the counts, a line for each service and the failures with their reasons are on the page."""
    page = job_page(
        a_run(
            record(Verdict.FAIL, findings=(), reason="no answer"),
            record(Verdict.DEVIATES, element="b", findings=(), reason="not quite"),
            record(subject="curl"),
        )
    )
    assert page.startswith("### dualstack: 1 of 2 services does not behave as required.\n")
    assert "Cases: 3: 1 fail, 1 deviates, 1 pass." in page
    assert (
        "| ✗ | nginx/both | Does not meet a requirement on dual-stack. |\n| ✓ | curl | Works on dual-stack. |" in page
    )
    failing, _, deviating = page.partition("#### What deviates from a recommendation")
    assert (
        "| ✗ fail | LISTEN-001 Every declared port answers on both families | nginx/both | http | dual-stack | no "
        "answer |" in failing
    )
    assert "not quite" in deviating


def test_the_page_is_limited_and_inert(hostile: str) -> None:
    """A run with 4,000 failures, 900 accepted ones and 500 services, with hostile texts, makes a page GitHub shows."""
    records = [
        record(
            Verdict.FAIL,
            subject=f"{hostile}|{number % 500}",
            element=f"`{number}",
            findings=(),
            reason=f"@team {hostile}",
        )
        for number in range(4000)
    ]
    known = tuple(
        KnownInfo(f"/b.toml:{place}", hostile, hostile * 9, cases=9, expires="2030-01-31") for place in range(900)
    )
    records += [record(Verdict.KNOWN, element=f"k{item.place}", known_at=item.place) for item in known]
    page = job_page(a_run(*records, run=dataclasses.replace(RUN, known=known)))
    assert LIMIT * 0.8 < len(page) <= LIMIT
    assert "more services." in page
    assert "more rows." in page
    assert page.rstrip().endswith("folder.")
    assert not any(part in page for part in ("<b>", "</script>", "@team", "\x1b", "<!--", "`"))
    for line in page.splitlines():
        assert not line.startswith("|") or line.count("|") in {4, 7}


def test_an_incomplete_run_says_so() -> None:
    """The page of an interrupted run has a warning, and no claim of success."""
    page = job_page(a_run(record(), run=RunInfo(run="r", planned=4, interrupted=True)))
    assert "not everything was verified" in page
    assert "- This run was interrupted before its end.\n" in page
    assert "- 3 of 4 planned cases have no result.\n" in page


def test_what_a_service_supports_is_a_whole_sentence() -> None:
    """However many topologies it names, the sentence about a service is not cut."""
    kinds = (Verdict.FAIL, Verdict.KNOWN, Verdict.DEVIATES, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.OBSERVED)
    names = topology_names()
    records = [record(kinds[number % len(kinds)], topology=name) for number, name in enumerate(names)]
    found = a_run(*records)
    (statement,) = found.statements
    assert len(statement.brief) > 300
    assert escaped(statement.brief[1:], 10_000) in job_page(found)
