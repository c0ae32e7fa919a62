"""Support statements: they claim no more than a run has shown, name every exception, and are inert."""

import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dualstack.report.statement import Level, SupportStatement, support_statements
from dualstack.report.statement_files import as_markdown, badge, file_names, write_statement
from dualstack.report.summary import Report
from dualstack.results import Record
from dualstack.runinfo import KnownInfo, RequirementInfo, RunInfo, ServiceInfo
from dualstack.verdict import Verdict
from tests.report.conftest import record

WORKING = tuple(
    dataclasses.replace(record(subject="shop"), requirement=name)
    for name in ("LISTEN-001", "LISTEN-012", "INTEROP-004")
)
"""The cases of a server on an ordinary host, which fill the rows whose server has both families."""


def service(name: str = "shop") -> ServiceInfo:
    """Return a server of both families."""
    return ServiceInfo(
        name,
        "A shop.",
        claims={"http": ("ipv4", "ipv6")},
        roles={"http": "listener"},
        command="./shop",
        digests={"shop": "ab12"},
    )


def stated(*records: Record, **changes: object) -> SupportStatement:
    """Return the statement of a service with these records."""
    run = {
        "run": "r1",
        "started": "2026-11-20T16:31:07+00:00",
        "dualstack": "0.1.0",
        "exit_code": 0,
        "planned": len(records),
        "subjects": (service(records[0].subject if records else "shop"),),
        "requirements": {"LISTEN-001": RequirementInfo(role="listener")},
    }
    return support_statements(Report(RunInfo(**{**run, **changes}), records, ()))[0]  # type: ignore[arg-type]


def test_what_was_not_run_is_not_claimed() -> None:
    """The cases of one host fill a few rows; the others are not tested, and the claim counts those that work."""
    found = stated(*WORKING)
    assert found.level is Level.PARTLY
    works = [cell for cell in found.cells if cell.records]
    assert 0 < len(works) < len(found.cells)
    assert found.score == found.badge == f"{len(works)} of {len(found.cells)}"
    assert sum("not part of this run" in text for text in found.untested) > 2
    assert f"{len(found.cells) - len(works)} were not tested or not verified" in found.headline


@pytest.mark.parametrize(
    ("verdict", "level"),
    [
        (Verdict.PASS, Level.PARTLY),
        (Verdict.KNOWN, Level.FAILS),
        (Verdict.FAIL, Level.FAILS),
        (Verdict.TIMEOUT, Level.NOTHING),
        (Verdict.BLOCKED, Level.NOTHING),
    ],
)
def test_the_weakest_true_claim_is_made(verdict: Verdict, level: Level) -> None:
    """A row that fails, also with a known issue, is no support; a case without a verdict shows nothing."""
    first = record(verdict, subject="shop")
    assert stated(*(dataclasses.replace(first, requirement=item.requirement) for item in WORKING)).level is level


@pytest.mark.parametrize("verdict", [Verdict.KNOWN, Verdict.DEVIATES])
def test_exceptions_are_named(verdict: Verdict) -> None:
    """A known issue or a deviation beside a row that works is an exception, with its entry, owner and last day."""
    entry = KnownInfo("/b.toml:3", "INTEROP-001 of shop", "bug", "ann", "2030-01-31", baseline=True, cases=1)
    flaw = record(verdict, subject="shop", requirement="INTEROP-001", known_at="/b.toml:3")
    found = stated(*WORKING, flaw, known=(entry,))
    assert found.level is Level.EXCEPTIONS
    (item,) = found.as_data()["exceptions"]
    assert (item["requirement"], item["owner"], item["expires"]) == ("INTEROP-001", "ann", "2030-01-31")
    assert item["kind"].endswith("(baseline)")
    assert "INTEROP-001" in as_markdown(found)


@pytest.mark.parametrize("changes", [{"interrupted": True}, {"exit_code": None}, {"planned": 9}])
def test_an_incomplete_run_claims_nothing(changes: dict[str, object]) -> None:
    """A run that was interrupted, killed, or lost cases says so on the page, in the data and on the badge."""
    found = stated(record(subject="shop"), **changes)
    assert found.level is Level.INCOMPLETE
    assert found.badge == "incomplete"
    assert found.as_data()["complete"] is False
    assert found.headline.startswith("Not verified: the run is incomplete: ")
    assert stated(record(Verdict.FAIL, subject="shop"), **changes).level is Level.FAILS


def test_the_run_and_the_build_are_named() -> None:
    """The evidence has the run, its date, the version, the command, digests, topologies and the number of cases."""
    found = dict(stated(record(subject="shop")).evidence)
    assert found["Run"] == "r1"
    assert found["Started"] == "20 November 2026, 16:31:07 UTC"
    assert (found["Command"], found["SHA-256 of shop"]) == ("./shop", "ab12")
    assert (found["Topologies"], found["Cases"]) == ("dual-stack", "1: 1 pass")


def test_the_files_are_written(tmp_path: Path, hostile: str) -> None:
    """All four files of a service with a hostile name and reason are well-formed, load nothing, and stay inert."""
    bad = record(Verdict.DEVIATES, subject=hostile, requirement="INTEROP-001", findings=(), reason=f"{hostile} | @team")
    found = stated(record(subject=hostile), bad)
    page, markdown, data, picture = write_statement(found, tmp_path, file_names([hostile])[hostile])
    text = page.read_text(encoding="utf-8")
    assert "<b>bold</b>" not in text
    assert "default-src 'none'" in text
    assert not any(part in text for part in ("src=", "<script", "@import", "url("))
    assert "<b>" not in markdown.read_text(encoding="utf-8")
    assert json.loads(data.read_text(encoding="utf-8"))["schema"] == 1
    root = ET.fromstring(picture.read_text(encoding="utf-8"))  # noqa: S314 - written by the code under test
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "href" not in badge(found)


def test_each_service_has_its_files() -> None:
    """File names have letters, digits and hyphens only, and no two services share one."""
    found = file_names(["shop/ipv4", "shop-ipv4", "../..", "größe", "shop", "x" * 300])
    assert found["shop/ipv4"] == "shop-ipv4"
    assert found["shop-ipv4"] == "shop-ipv4~2"
    assert found["../.."] == "service"
    assert len({*found.values()}) == 6
    assert all("/" not in name and len(name) < 90 for name in found.values())
