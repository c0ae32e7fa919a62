"""Plans: the list of the draft's rows, a real run that fills them, and errors that teach."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.requirement import Role
from dualstack.results import read_records
from dualstack.scenarios import DRAFT, ROWS, pairs_of
from dualstack.suites import requirement
from tests.cli.conftest import REFERENCE

Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""

IPV4_ALONE = REFERENCE.parents[1] / "zoo" / "hardcoded-wildcard.toml"
"""A server whose listen address is 0.0.0.0."""


def test_list_shows_every_row(dualstack: Command) -> None:
    """Each row of the draft's tables is one line for each side, with its section and what fills it."""
    lines = dualstack("list", "--plans").stdout.splitlines()
    sides = [(row, side, filling) for row in ROWS for side, filling in row.fillings.items()]
    assert len(lines) == len(sides) + 1
    for line, (row, side, filling) in zip(lines[1:], sides, strict=True):
        assert line.startswith(f"{row.plan.value} ")
        for text in (DRAFT.section(row.plan), row.client.value, row.server.value, f" {side.value} "):
            assert text in line
        wanted = {item.requirement for item in filling.evidence} | set(filling.topologies)
        assert all(text in line for text in wanted)


def test_list_as_data(dualstack: Command) -> None:
    """The same as JSON."""
    rows = json.loads(dualstack("list", "--plans", "--json").stdout)
    assert [row["client"] for row in rows if row["plan"] == "proxy"] == [
        row.client.value for row in ROWS if row.plan.value == "proxy"
    ]
    assert {"plan", "section", "client", "proxy", "server", "service", "filled by", "note"} == set(rows[0])


NO_CASE = "dualstack: no case to run: the rows of the selected plans do not apply to these services; "


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--plan", "bsae"], "(choose from 'base', 'dc', 'extended', 'proxy'); did you mean 'base'?"),
        (["--plan", "proxy"], f"{NO_CASE}dualstack list --plans shows which cases fill which rows\n"),
        (["--plan", "base", "--suite", "udp"], NO_CASE),
    ],
)
def test_wrong_plans(dualstack: Command, words: list[str], message: str) -> None:
    """A plan that does not exist, or has no row for the service, ends the run before it begins, and says so."""
    done = dualstack("run", IPV4_ALONE, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.lab
def test_one_command_fills_the_table(dualstack: Command, tmp_path: Path) -> None:
    """A run of a plan has the cases of its rows and no others; the rows that need IPv6 fail, in each report."""
    done = dualstack("run", IPV4_ALONE, "--plan", "base", "--ignore-known", "--results", "out")
    assert done.returncode == 1, done.stderr
    folder = tmp_path / "out" / "latest"
    checked = {(record.requirement, record.topology) for record in read_records(folder)}
    listeners = {pair for pair in pairs_of(("base",)) if requirement(pair[0]).role is not Role.CONNECTOR}
    assert checked == {("START-001", "dual-stack"), *listeners}
    (table,) = json.loads((folder / "results.json").read_text())["draft"]["tables"]
    states = {(row["client"], row["server"]): row["cells"][0]["state"] for row in table["rows"]}
    assert states[("Dual-stack", "IPv4-only")] == states[("IPv4-only", "Dual-stack")] == "works"
    assert states[("Dual-stack", "IPv6-only-strict")] == states[("IPv6-only-strict", "Dual-stack")] == "does not work"
    assert f"{DRAFT.name}, §3.1, Table 1: client and server" in done.stdout
    assert "hardcoded-wildcard as server, Dual-stack → IPv6-only-strict" in done.stdout
    assert 'id="draft-section"' in (folder / "report.html").read_text(encoding="utf-8")
