"""The draft's tables are filled from the cases of a run only: each cell, in each report, and never silently green."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dualstack.chart import Chart, Lane
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.report import render_report, write_json
from dualstack.report.draft import DraftCell, DraftTable, State, draft_tables, state_of
from dualstack.report.matrix import show_results
from dualstack.report.summary import Report
from dualstack.requirement import Role
from dualstack.results import Record
from dualstack.scenarios import ROWS, Plan, Side, pairs_of
from dualstack.suites import requirement as known
from dualstack.topology import load_topology
from dualstack.verdict import OUR_FAULT, Verdict
from tests.report import conftest
from tests.report.test_html import Page

MakeRun = Callable[..., Path]

EVERY_PLAN = [plan.value for plan in Plan]
ROLES = {"server": ("http", "listener"), "client": ("get", "connector"), "proxy": ("relay", "relay")}
SHOP = {
    "name": "shop",
    "claims": {"http": ["ipv4", "ipv6"], "get": ["ipv4", "ipv6"]},
    "roles": {"http": "listener", "get": "connector"},
}
"""A service that listens and connects, as run.json describes it."""


def record(requirement: str, topology: str, verdict: Verdict = Verdict.PASS, **changes: Any) -> Record:
    """Return the record of a case of the shop; on a host of one family only that one is served."""
    families = [family.value for family in load_topology(topology).families()]
    element = "get" if known(requirement).role is Role.CONNECTOR else "http"
    made = conftest.record(verdict, subject="shop", element=element, topology=topology)
    plain: dict[str, Any] = {"requirement": requirement, "works": dict.fromkeys(families, True)}
    return replace(made, **(plain | changes))


def whole(plans: list[str]) -> list[Record]:
    """Return a passed case for everything that fills the rows of these plans."""
    return [record(*pair) for pair in sorted(pairs_of(tuple(plans)))]


def instead(records: list[Record], *others: Record) -> list[Record]:
    """Return records in which others take the place of those of the same case."""
    keys = {item.key for item in others}
    return [*(item for item in records if item.key not in keys), *others]


def tables(folder: Path) -> tuple[DraftTable, ...]:
    """Return the tables of a run."""
    return draft_tables(Report.of(folder))


def cell(folder: Path, title: str, side: Side = Side.SERVER) -> DraftCell:
    """Return a cell by the title of its row."""
    found = [item for table in tables(folder) for item in table.cells]
    return next(item for item in found if (item.row.title, item.side) == (title, side))


@pytest.fixture
def shop(make_run: MakeRun) -> Callable[..., Path]:
    """Return what makes the folder of a run of the shop, asked for the rows without a proxy."""

    def made(records: list[Record], service: dict[str, Any] | None = None, **changes: Any) -> Path:
        """Make the folder."""
        return make_run(records, **({"subjects": [SHOP | (service or {})], "plans": EVERY_PLAN[:3]} | changes))

    return made


def test_every_row_with_cases_is_filled(shop: MakeRun) -> None:
    """If everything passed, each row works on both sides."""
    (table,) = tables(shop(whole(EVERY_PLAN[:3])))
    assert len(table.lines) == 10
    assert table.heads == ["shop as client", "shop as server"]
    for item in table.cells:
        filling = item.row.fillings[item.side]
        assert item.state is State.WORKS, item
        assert item.reason == ""
        assert len(item.records) == len(filling.evidence)
        assert item.note == (filling.note if filling.evidence else "")


def test_a_failed_case_makes_its_rows_fail(shop: MakeRun) -> None:
    """A row one of whose cases failed does not work; the cell has that case and its reason, and other rows stay."""
    lost = record("LISTEN-002", "ipv6-only-strict", Verdict.FAIL, works={"ipv6": False})
    folder = shop(instead(whole(["base"]), lost), plans=["base"])
    failed = cell(folder, "Dual-stack → IPv6-only-strict")
    assert failed.state is State.FAILS
    assert [item.case for item in failed.deciding] == [lost.case]
    assert "connection refused" in failed.reason
    assert failed.records[0].case == lost.case
    states = {item.row.title: item.state for item in tables(folder)[0].cells if item.side is Side.SERVER}
    assert [title for title, state in states.items() if state is State.FAILS] == ["Dual-stack → IPv6-only-strict"]


def test_a_case_of_both_families_counts_for_the_family_of_the_row(shop: MakeRun) -> None:
    """If a dual-stack service serves IPv4 clients only, the row of IPv4-only clients works and the other one fails."""
    lost = record("LISTEN-001", "dual-stack", Verdict.FAIL, works={"ipv4": True, "ipv6": False})
    others = [record(name, "dual-stack", Verdict.NOT_APPLICABLE, steps=()) for name in ("LISTEN-012", "INTEROP-004")]
    folder = shop(instead(whole(EVERY_PLAN[:3]), lost, *others))
    assert cell(folder, "IPv4-only → Dual-stack").state is State.WORKS
    assert cell(folder, "IPv6-only-strict → Dual-stack").state is State.FAILS
    assert cell(folder, "Dual-stack → Dual-stack").state is State.FAILS


@pytest.mark.parametrize("verdict", [*sorted(OUR_FAULT, key=str), Verdict.HOST_CANNOT, Verdict.BLOCKED])
def test_what_was_not_judged_does_not_work_and_does_not_fail(shop: MakeRun, verdict: Verdict) -> None:
    """A row with a case that was not judged is not verified, with the reason, whatever its other cases say."""
    lost = record("LISTEN-003", "ipv4-only", verdict, works={"ipv4": True}, reason="12 frames were lost", findings=())
    found = cell(shop(instead(whole(["base"]), lost), plans=["base"]), "Dual-stack → IPv4-only")
    assert found.state is State.UNVERIFIED
    assert found.reason == "12 frames were lost"


def test_a_case_without_a_result_is_missed(shop: MakeRun) -> None:
    """A row one of whose cases has no record, as in a run that was killed, is not verified and names the case."""
    kept = [item for item in whole(["base"]) if (item.requirement, item.topology) != ("LISTEN-002", "ipv6-only")]
    found = cell(shop(kept, plans=["base"]), "Dual-stack → IPv6-only-strict")
    assert (found.state, found.reason) == (State.UNVERIFIED, "LISTEN-002 on ipv6-only has no result")


def test_a_pass_without_an_exchange_is_no_evidence(shop: MakeRun) -> None:
    """If each case of a row passed, but none had an exchange over the row's family, nothing was verified."""
    silent = [record("LISTEN-002", name, works={}) for name in ("ipv6-only", "ipv6-only-strict")]
    silent += [record("LISTEN-012", item.topology, works={}) for item in silent]
    found = cell(shop(instead(whole(["base"]), *silent), plans=["base"]), "Dual-stack → IPv6-only-strict")
    assert (found.state, found.reason) == (State.UNVERIFIED, "no case of http shows an exchange")
    assert found.records == ()


def test_an_unclaimed_family_does_not_apply(shop: MakeRun) -> None:
    """A row whose exchange needs a family that the manifest does not claim does not apply, and is not green."""
    service = {"claims": {"http": ["ipv4"], "get": ["ipv4"]}}
    folder = shop(whole(["base"]), service, plans=["base"])
    found = cell(folder, "IPv6-only-strict → Dual-stack")
    assert (found.state, found.reason) == (State.NOT_APPLICABLE, "http does not claim IPv6")
    assert cell(folder, "IPv4-only → Dual-stack").state is State.WORKS


def test_a_service_that_is_no_party_has_no_column(shop: MakeRun) -> None:
    """A service that only connects has one column; one that does not relay is named below the table of proxies."""
    client = [item for item in whole(["base"]) if item.element == "get"]
    first, second = tables(shop(client, {"roles": {"get": "connector"}}, plans=["base", "proxy"]))
    assert first.heads == ["shop as client"]
    assert second.heads == []
    assert second.outside == (("shop", "it does not relay (no [[relay]] in its manifest)"),)


def test_loopback_listeners_are_no_servers_of_a_row(shop: MakeRun) -> None:
    """Clients of a loopback listener are on its own host, so it is not the server of any row."""
    service = {"roles": {"http": "listener"}, "loopback": ["http"]}
    (table,) = tables(shop(whole(["base"]), service, plans=["base"]))
    assert table.columns == ()
    assert table.outside[0][1].startswith(
        "it does not connect to servers (no [[connect]] in its manifest); it does not"
    )


def test_the_worst_listener_decides(shop: MakeRun) -> None:
    """If one of two listeners fails, the row fails and names it; a listener without any case is left out."""
    service = {
        "roles": {"http": "listener", "api": "listener", "idle": "listener"},
        "claims": {name: ["ipv4", "ipv6"] for name in ("http", "api", "idle")},
    }
    own = [item for item in whole(["base"]) if item.element == "http"]
    lost: dict[str, Any] = {"verdict": Verdict.FAIL, "works": {"ipv4": False}}
    api = [replace(item, element="api", **(lost if item.topology == "ipv4-only" else {})) for item in own]
    found = cell(shop([*own, *api], service, plans=["base"]), "Dual-stack → IPv4-only")
    assert found.state is State.FAILS
    assert {item.element for item in found.deciding} == {"api"}


CASES = [
    (Verdict.PASS, {"ipv6": True}, State.WORKS),
    (Verdict.UNEXPECTED_PASS, {"ipv6": True}, State.WORKS),
    (Verdict.PASS, {"ipv4": True}, None),
    (Verdict.FAIL, {"ipv6": False}, State.FAILS),
    (Verdict.FAIL, {}, State.FAILS),
    (Verdict.KNOWN, {"ipv6": False}, State.FAILS),
    (Verdict.DEVIATES, {"ipv6": False}, State.FAILS),
    (Verdict.DEVIATES, {"ipv6": True}, State.FLAWED),
    (Verdict.FAIL, {"ipv6": True}, State.FLAWED),
    (Verdict.KNOWN, {"ipv6": True, "ipv4": True}, State.FLAWED),
    (Verdict.FAIL, {"ipv6": True, "ipv4": False}, State.WORKS),
    (Verdict.BLOCKED, {}, State.UNVERIFIED),
]


@pytest.mark.parametrize(("verdict", "works", "state"), CASES)
def test_what_one_case_says(verdict: Verdict, works: dict[str, bool], state: State | None) -> None:
    """A verdict and the exchanges of its case decide what it says of a row over IPv6."""
    assert state_of(record("LISTEN-001", "dual-stack", verdict, works=works), (Family.IPV6,)) is state


def test_a_case_that_ran_and_judged_nothing_is_not_verified() -> None:
    """What a manifest excludes does not apply; what builds on a requirement that is not met leaves the row open."""
    nothing = record("FORWARD-020", "relay", Verdict.NOT_APPLICABLE, works={})
    assert state_of(nothing, ()) is State.UNVERIFIED
    assert state_of(replace(nothing, steps=()), ()) is State.NOT_APPLICABLE


def test_a_timeline_shows_the_connection_of_a_client() -> None:
    """A case that only looks at attempts shows an exchange by the connection that the client used, over any family."""
    lanes = (Lane("2001:db8::1", "ipv6", 0.0, result="refused"), Lane("192.0.2.1", "ipv4", 0.1, result="connected"))
    seen = record("CONNECT-009", "dual-stack", works={}, charts=(Chart("run 1", lanes),))
    assert state_of(seen, ()) is None
    used = Chart("run 1", (lanes[0], replace(lanes[1], won=True)))
    assert state_of(replace(seen, charts=(used,)), ()) is State.WORKS
    assert state_of(replace(seen, charts=(used,)), BOTH) is None


def test_without_a_plan_a_filled_table_is_shown(shop: MakeRun) -> None:
    """A run that filled a table for a service shows it, although no plan was named."""
    (table,) = tables(shop(whole(EVERY_PLAN), plans=[]))
    assert len(table.lines) == 10


def test_without_a_plan_a_part_of_a_table_is_not_shown(shop: MakeRun) -> None:
    """A run of a few cases shows no table: the rows that it fills say little about the others."""
    part = [item for item in whole(EVERY_PLAN) if item.requirement in {"LISTEN-001", "CONNECT-003"}]
    assert tables(shop(part, plans=[])) == ()


def test_a_run_without_roles_is_read(shop: MakeRun) -> None:
    """In a run of an earlier version the role of a part follows from its requirements."""
    requirements = {item.requirement: {"role": ROLES[side][1]} for item in whole(["base"])
                    for side in ROLES if item.element == ROLES[side][0]}  # fmt: skip
    (table,) = tables(shop(whole(["base"]), {"roles": {}}, requirements=requirements, plans=["base"]))
    assert table.heads == ["shop as client", "shop as server"]
    assert {item.state for item in table.cells} == {State.WORKS}


def test_results_have_the_tables(shop: MakeRun) -> None:
    """results.json has the draft's name and version and each cell, with its state, its cases and those that decide."""
    lost = record("LISTEN-002", "ipv6-only-strict", Verdict.FAIL, works={"ipv6": False})
    data = json.loads(write_json(shop(instead(whole(["base"]), lost), plans=["base"])).read_text())["draft"]
    assert data["name"].startswith("draft-ietf-v6ops-ipv6-app-testing-")
    (table,) = data["tables"]
    assert table["section"] == "§3.1, Table 1"
    row = table["rows"][1]
    assert (row["plan"], row["client"], row["proxy"], row["server"]) == ("base", "Dual-stack", None, "IPv6-only-strict")
    found = next(item for item in row["cells"] if item["side"] == "server")
    assert (found["service"], found["state"], found["deciding"]) == ("shop", "does not work", [lost.case])
    assert lost.case in found["cases"]


def test_the_page_has_the_tables(shop: MakeRun) -> None:
    """The page has the draft's name, version and sections, and each cell links to its cases."""
    page = Page(render_report(shop(whole(["base"]), plans=["base"])).read_text(encoding="utf-8"))
    for text in ("draft-ietf-v6ops-ipv6-app-testing-05", "§2.2", "§3.1, Table 1", "shop as server"):
        assert text in page.text, text
    links = {attrs.get("href") for tag, attrs in page.tags if tag == "a"}
    for item in whole(["base"]):
        assert "#" + item.case.replace(":", "%3A").replace("@", "%40") in links


def test_hostile_texts_stay_texts_in_the_tables(shop: MakeRun, hostile: str) -> None:
    """Markup in the names and reasons of a service appears in the tables as text."""
    evil = '"><script>alert(1)</script>'
    parts = {"http" + evil: "listener"}
    changes: dict[str, Any] = {"verdict": Verdict.FAIL, "findings": (), "reason": hostile, "works": {}}
    bad = [replace(item, subject="shop" + evil, element="http" + evil, **changes) for item in whole(["base"])]
    service = {"name": "shop" + evil, "roles": parts, "claims": {}}
    text = render_report(shop(bad, service, plans=["base"])).read_text(encoding="utf-8")
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert "shop" + evil + " as server" in page.text
    section = text[text.index('id="draft-section"') : text.index("</section>", text.index('id="draft-section"'))]
    assert "<script" not in section
    assert "<b>bold" not in section
    assert "&lt;script&gt;" in section


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_shows_the_tables(shop: MakeRun, width: int) -> None:
    """Every row and service is named at any width, with the reasons of what is no plain yes; only plans are shown."""
    lost = record("LISTEN-002", "ipv6-only-strict", Verdict.FAIL, works={"ipv6": False}, findings=(
        Finding(False, "an answer", "a reset"),))  # fmt: skip
    found = instead(whole(["base"]), lost)
    shown = _shown(shop(found, plans=["base", "proxy"]), width)
    for text in ("shop as server", "shop as client", "IPv6-only-strict", "does not work", "works"):
        assert text in " ".join(shown.split()), text
    assert "expected: an answer; happened: a reset (LISTEN-002 http@ipv6-only-strict)" in " ".join(shown.split())
    assert "shop: not applicable: it does not relay" in " ".join(shown.split())
    tables_alone = shown[shown.index("draft-ietf") : shown.index("The service does not behave")]
    assert [line for line in tables_alone.splitlines() if len(line) > width] == []


def test_a_terminal_shows_no_tables_without_a_plan(shop: MakeRun) -> None:
    """A run that was not asked for them shows its tables in the page only."""
    assert "draft-ietf" not in _shown(shop(whole(EVERY_PLAN), plans=[]), 120)


def _shown(folder: Path, width: int) -> str:
    """Return what a terminal shows of a run."""
    file = io.StringIO()
    show_results(folder, Console(file=file, width=width, highlight=False, markup=False, emoji=False))
    return file.getvalue()


def test_rows_of_every_side_are_looked_up() -> None:
    """Each side of each row belongs to a role that a part of a service can have."""
    assert {side.value for row in ROWS for side in row.fillings} <= set(ROLES)
