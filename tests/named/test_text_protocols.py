"""RTSP, MQTT, FTP and SIP: what real servers and programs of ours hand out is right, or is the known defect.

gst-rtsp-server and FFmpeg, whose packages are large, are examined with DUALSTACK_EXAM=all only.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.manifest import load_manifest
from dualstack.rootfs import find_root
from dualstack.verdict import Verdict
from tests.exam.examined import EVERYTHING, SERVICES, named
from tests.exam.test_exam import run, table_of

MQTT = ("mosquitto", "mosquitto-bridge", *(["mosquitto-pub"] if EVERYTHING else []))
"""The services of MQTT, which are among the real ones."""

LISTENERS = (
    "START-001",
    "META-001",
    "META-003",
    "META-004",
    "META-005",
    "META-006",
    "META-009",
    "META-010",
    "META-011",
)
CONNECTORS = ("CONNECT-001", "CONNECT-002", "CONNECT-008", "CONNECT-017")
"""What matters for these systems; the other requirements have the servers of ``real/``."""


def manifests_of(system: str) -> list[Path]:
    """Return the manifests of a system; in CI the test fails if a root file system is missing."""
    found = named(system)
    if system == "mqtt":
        found = [SERVICES / "real" / f"{name}.toml" for name in MQTT]
    packages = {path: load_manifest(path).service.packages for path in found}
    missing = [path.name for path in found if packages[path] and not find_root(packages[path])]
    if os.environ.get("CI") == "true":
        assert not missing, f"no root file system for {', '.join(missing)}: dualstack rootfs build"
    return [path for path in found if path.name not in missing]


@pytest.mark.parametrize("system", ["ftp", "mqtt", "rtsp", "sip"])
def test_system(system: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Each defect that a manifest names is caught by what it names, and nothing else is."""
    manifests = manifests_of(system)
    assert manifests
    chosen = LISTENERS + (("LISTEN-001",) if system == "mqtt" else ()) + CONNECTORS
    records = run(tmp_path, manifests, (), *(word for item in chosen for word in ("--requirement", item)))
    text, faults = table_of(records)
    record_property("exam", f"exam: {system}\n{text}")
    assert not faults, "\n".join([text, *faults])
    known = {
        (load_manifest(path).service.name, requirement)
        for path in manifests
        for item in load_manifest(path).known
        for requirement in item.requirement
        if requirement in chosen
    }
    assert {
        (item.subject.partition("/")[0], item.requirement) for item in records if item.verdict is Verdict.KNOWN
    } == known
