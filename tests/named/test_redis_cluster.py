"""A real cluster of three Redis nodes: clients of one family are sent to the other, unless nodes have names."""

from pathlib import Path

from dualstack.verdict import Verdict
from tests.exam.examined import SERVICES
from tests.exam.test_exam import run, table_of

REQUIREMENTS = ("START-001", "META-001")
MANIFEST = SERVICES / "named" / "redis-cluster" / "redis-cluster.toml"


def test_addresses_of_nodes(tmp_path: Path) -> None:
    """Made by one family the cluster fails META-001 on a dual-stack network; with names it passes."""
    records = run(tmp_path, [MANIFEST], (), *(word for name in REQUIREMENTS for word in ("--requirement", name)))
    text, faults = table_of(records)
    assert not faults, "\n".join([text, *faults])
    found = {(item.subject, item.topology): item for item in records if item.requirement == "META-001"}
    assert len(found) == 9
    for family in ("ipv4", "ipv6"):
        record = found[f"redis-cluster/created-by-{family}", "dual-stack"]
        assert record.verdict is Verdict.KNOWN
        assert record.causes[0] == "RC-ADVERTISED"
        assert "MOVED 15495" in record.reason
    assert {item.verdict for (name, _), item in found.items() if name == "redis-cluster/by-name"} == {Verdict.PASS}
