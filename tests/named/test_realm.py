"""Realm before and after its fix: each collision is caught by what the manifests name, and for its true cause."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.verdict import Verdict
from tests.exam.examined import EVERYTHING
from tests.exam.test_exam import run, table_of
from tests.named.rust import NAMED, build

REQUIREMENTS = (
    "START-001",
    "LISTEN-001",
    "LISTEN-002",
    "LISTEN-003",
    "LISTEN-004",
    "LISTEN-005",
    "LISTEN-007",
    "LISTEN-008",
    "LISTEN-009",
    "LISTEN-012",
    "UDP-001",
    "UDP-002",
    "CONNECT-001",
    "CONNECT-002",
    "CONNECT-003",
    "CONNECT-004",
    "CONNECT-008",
    "DNS-001",
)

NEWEST = "0.5.1"
"""The version that is built only with DUALSTACK_EXAM=all: its binding is that of 0.3.9, and it shares few crates."""

VERSIONS = ("0.3.9", "0.3.8", *([NEWEST] if EVERYTHING else []))

CAUSES = {
    "LISTEN-001": "RC-DOUBLEBIND",
    "LISTEN-002": "RC-DOUBLEBIND",
    "LISTEN-004": "RC-NOINET6",
    "LISTEN-009": "RC-BINDSWALLOWED",
    "LISTEN-012": "RC-V6ONLY",
    "UDP-001": "RC-PKTINFO",
    "UDP-002": "RC-PKTINFO",
    "CONNECT-008": "RC-RESOLVER",
    "DNS-001": "RC-RESOLVER",
}
"""The first cause of the failures of a requirement; `cause_of` knows the others."""


def cause_of(subject: str, requirement: str) -> str:
    """Return the true cause of a failure."""
    if requirement == "LISTEN-005":
        return "RC-V6ONLY" if subject == "realm-0.3.8" else "RC-DOUBLEBIND"
    if requirement == "LISTEN-008":
        return "RC-REUSEPORT" if subject.endswith("udp") else "RC-DOUBLEBIND"
    return CAUSES[requirement]


@pytest.mark.exam
def test_realm(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    """R1-R13: both wildcards on one port collide in either order, unless ipv6_only is on or the ports differ."""
    for version in VERSIONS:
        build("realm", f"rust/{version}", capfd)
    manifests = [path for path in sorted((NAMED / "realm").glob("*.toml")) if path.name.startswith(VERSIONS)]
    chosen = [word for name in REQUIREMENTS for word in ("--requirement", name)]
    records = run(tmp_path, manifests, (), *chosen)
    text, faults = table_of(records)
    record_property("exam", f"exam: realm\n{text}")
    assert not faults, "\n".join([text, *faults])
    known = [item for item in records if item.verdict is Verdict.KNOWN]
    wrong = {item.case: item.causes for item in known if item.causes[:1] != (cause_of(item.subject, item.requirement),)}
    assert not wrong
    lost = {item.subject for item in known if item.requirement == "LISTEN-009"}
    assert lost >= {"realm-0.3.8-pair", "realm-0.3.9-pair", "realm-0.3.9-ipv6-only"}
    collided = {item.subject for item in known if item.requirement == "LISTEN-008"}
    assert collided >= {"realm-0.3.8", "realm-0.3.9", "realm-0.3.8-udp", "realm-0.3.9-udp"}
    assert not collided & {"realm-0.3.9-ipv6-only", "realm-0.3.9-udp-ipv6-only"}
