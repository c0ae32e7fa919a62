"""The example in production shape: load balancer, application and database work together on each kind of host."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.content import ROOT
from dualstack.results import read_records

Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""

MANIFEST = ROOT / "examples" / "production" / "service.toml"
WORLDS = ("dual-stack", "ipv6-only-strict")


@pytest.mark.lab
def test_the_parts_find_each_other(dualstack: Command, tmp_path: Path) -> None:
    """It is served and notifies over each family; all three parts listen, also where the host has no 127.0.0.1."""
    words = [word for name in WORLDS for word in ("--topology", name)]
    done = dualstack("run", MANIFEST, "--plan", "base", *words, "--results", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    records = [item for item in read_records(tmp_path / "out" / "latest") if item.verdict.value == "pass"]
    assert {(item.element, item.topology) for item in records} == {
        ("service", "dual-stack"),
        *((element, topology) for element in ("web", "notification") for topology in WORLDS),
    }
    for topology in WORLDS:
        rows = [row for item in records if (item.element, item.topology) == ("web", topology) for row in item.sockets]
        listening = {(row.component, row.port) for row in rows if row.state == "LISTEN"}
        assert listening == {("", 8080), ("application", 8001), ("database", 5432)}
