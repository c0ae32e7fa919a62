"""The draft's tables: every row, and cases that are what a row is about."""

import pytest

from dualstack.content import ROOT
from dualstack.families import BOTH, Family
from dualstack.manifest import subjects_of
from dualstack.plan import START, Selection, plan_cases
from dualstack.scenarios import DRAFT, ROWS, Evidence, Filling, Plan, Row, Scenario, Side, pairs_of, rows_of
from dualstack.suites import requirements
from dualstack.topology import load_topology

DUAL, IPV4, NAT64, STRICT = "Dual-stack", "IPv4-only", "IPv6-only with NAT64", "IPv6-only-strict"

TABLE_1 = [
    (DUAL, IPV4, "base"),
    (DUAL, STRICT, "base"),
    (IPV4, DUAL, "base"),
    (NAT64, IPV4, "base"),
    (STRICT, DUAL, "base"),
    (IPV4, NAT64, "IPv6-only-DC"),
    (DUAL, DUAL, "extended"),
    (IPV4, IPV4, "extended"),
    (NAT64, STRICT, "extended"),
    (STRICT, STRICT, "extended"),
]
"""Table 1 of draft-ietf-v6ops-ipv6-app-testing-05."""

TABLE_2 = [
    (DUAL, IPV4, DUAL),
    (DUAL, STRICT, DUAL),
    (IPV4, DUAL, IPV4),
    (IPV4, DUAL, STRICT),
    (NAT64, IPV4, DUAL),
    (STRICT, DUAL, IPV4),
    (STRICT, DUAL, STRICT),
]
"""Table 2 of the same version."""

FAMILIES = {IPV4: {Family.IPV4}, DUAL: set(BOTH), NAT64: {Family.IPV6}, STRICT: {Family.IPV6}}
"""The families that a host of each scenario has on its links."""

FILLED = [
    pytest.param(row, side, item, id=f"{row.title}:{side.value}:{item.requirement}@{item.topology}")
    for row in ROWS
    for side, filling in row.fillings.items()
    for item in filling.evidence
]


def test_first_table() -> None:
    """The rows without a proxy are those of Table 1, in its order, with its classes."""
    rows = [row for row in ROWS if row.proxy is None]
    assert [(row.client.value, row.server.value, row.plan.label) for row in rows] == TABLE_1
    assert {DRAFT.section(row.plan) for row in rows} == {"§3.1, Table 1"}


def test_second_table() -> None:
    """The rows with a proxy are those of Table 2, in its order."""
    rows = [row for row in ROWS if row.proxy is not None]
    assert [tuple(party.value for party in row.parties) for row in rows] == TABLE_2
    assert {(row.plan, DRAFT.section(row.plan)) for row in rows} == {(Plan.PROXY, "§3.2, Table 2")}


def test_rows_of_each_plan() -> None:
    """A plan has the rows of its class: 5 base, 1 of the data centre, 4 extended, 7 with a proxy."""
    assert {plan.value: len(rows_of([plan.value])) for plan in Plan} == {"base": 5, "dc": 1, "extended": 4, "proxy": 7}
    assert rows_of(["extended", "base"]) == tuple(row for row in ROWS if row.plan in {Plan.BASE, Plan.EXTENDED})


def test_names_of_the_draft() -> None:
    """The scenarios have the draft's names, and the address is that of the version that is named."""
    assert {item.value for item in Scenario} == {DUAL, IPV4, NAT64, STRICT}
    assert DRAFT.url == "https://datatracker.ietf.org/doc/draft-ietf-v6ops-ipv6-app-testing/05/"


def test_a_row_has_a_cell_for_each_of_its_sides() -> None:
    """A service can be the client or the server of a row without a proxy, and the proxy of a row with one."""
    for row in ROWS:
        assert set(row.fillings) == ({Side.PROXY} if row.proxy else {Side.CLIENT, Side.SERVER})


@pytest.mark.parametrize(("row", "side", "item"), FILLED)
def test_a_case_is_what_its_row_is_about(row: Row, side: Side, item: Evidence) -> None:
    """Its requirement is about that side and runs on its topology, where that side has its scenario's families."""
    requirement = requirements()[item.requirement]
    assert item.topology in requirement.topologies
    assert requirement.role.value == {Side.SERVER: "listener", Side.CLIENT: "connector", Side.PROXY: "relay"}[side]
    own = {Side.SERVER: row.server, Side.CLIENT: row.client, Side.PROXY: row.proxy}[side]
    assert own is not None
    assert set(load_topology(item.topology).families()) == FAMILIES[own.value]
    assert set(item.over) <= FAMILIES[own.value]
    if row.proxy:
        topology = load_topology(item.topology)
        assert FAMILIES[row.client.value] <= set(topology.families(topology.roles.client))
        assert FAMILIES[row.server.value] <= set(topology.families(topology.roles.server))


@pytest.mark.parametrize(("row", "side", "item"), FILLED)
def test_a_case_shows_the_family_of_its_row(row: Row, side: Side, item: Evidence) -> None:
    """Where the two ends have one family in common, the exchange must have succeeded over that one."""
    common = FAMILIES[row.client.value] & FAMILIES[row.server.value]
    if side is not Side.PROXY and len(common) == 1:
        assert set(item.over) == common


def test_a_cell_has_cases() -> None:
    """A cell that is silently empty cannot be declared."""
    with pytest.raises(ValueError, match="at least one case"):
        Filling(())


def test_a_plan_selects_the_cases_of_its_rows() -> None:
    """A run of a plan has the cases that fill its rows and that of the start, and combines with other restrictions."""
    subjects = subjects_of(ROOT / "fixtures" / "services" / "reference" / "echo.toml")
    selection = Selection(plans=("base",))
    cases = [case for item in requirements().values() for case in plan_cases(item, subjects, selection)]
    pairs = {(case.requirement.id, case.topology) for case in cases}
    assert pairs == {(START, "dual-stack"), *pairs_of(("base",))}
    narrow = Selection(plans=("base",), topologies=("ipv6-only",))
    fewer = [case for item in requirements().values() for case in plan_cases(item, subjects, narrow)]
    assert {case.topology for case in fewer} == {"ipv6-only"}
    assert {case.requirement.id for case in fewer} < {case.requirement.id for case in cases}
