"""libwebsockets without and with its build option: the same programs fail and pass, for exactly this reason."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.manifest import load_manifest
from dualstack.results import Record
from dualstack.rootfs import find_root
from dualstack.verdict import Verdict
from tests.exam.examined import SERVICES
from tests.exam.test_exam import run, table_of

FOLDER = SERVICES / "named" / "websocket"
TOOLS = ("cmake", "dpkg-source", "gcc", "make")
REQUIREMENTS = (
    *("START-001", "LISTEN-001", "LISTEN-002", "LISTEN-003", "LISTEN-004", "LISTEN-005", "SEC-004"),
    *("CONNECT-001", "CONNECT-002", "CONNECT-017"),
)
FALLBACK = ("CONNECT-005", "DNS-002", "DNS-003")
"""What a client does whose first address does not answer; examined of Debian's library."""

NOTICE = {"IPv6-absent": "ipv4", "IPV6-on": "ipv6"}
"""What the library's start-up log says, and the family of the only socket that it opens then."""


def build(variant: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Build the library and the programs, and show it; without the tools the test is skipped, and fails in CI."""
    with capfd.disabled():
        done = subprocess.run([sys.executable, "lws.py", variant], cwd=FOLDER, check=False)
    if done.returncode and not all(map(shutil.which, TOOLS)) and os.environ.get("CI") != "true":
        pytest.skip(f"libwebsockets cannot be built without {', '.join(TOOLS)}")
    assert done.returncode == 0


def test_the_build_option(
    tmp_path: Path, record_property: Callable[[str, object], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """Built with LWS_IPV6=OFF only IPv4 is served and reached; with ON both are, on one port; nothing unexpected."""
    for variant in ("off", "on"):
        build(variant, capfd)
    chosen = [word for requirement in REQUIREMENTS for word in ("--requirement", requirement)]
    records = run(tmp_path, [FOLDER / "lws-off.toml", FOLDER / "lws-on.toml"], (), *chosen)
    text, faults = table_of(records)
    record_property("exam", f"named: websocket\n{text}")
    assert not faults, "\n".join([text, *faults])
    found = {(item.subject, item.element, item.requirement, item.topology): item for item in records}
    off, on = (found[f"lws-{name}/default", "websocket", "LISTEN-001", "dual-stack"] for name in ("off", "on"))
    assert (off.verdict, off.causes[0], dict(off.works)) == (Verdict.KNOWN, "RC-V4SOCK", {"ipv4": True, "ipv6": False})
    assert (on.verdict, dict(on.works)) == (Verdict.PASS, {"ipv4": True, "ipv6": True})
    for name, verdict in (("off", Verdict.KNOWN), ("on", Verdict.PASS)):
        assert found[f"lws-{name}/default", "client", "CONNECT-001", "dual-stack"].verdict is verdict
    wider = found["lws-on/iface-ipv4", "websocket", "SEC-004", "dual-stack"]
    assert (wider.verdict, wider.causes[0]) == (Verdict.KNOWN, "RC-EXPOSE")
    require_notices([off, on])


def require_notices(records: list[Record]) -> None:
    """Require that the start-up log of each says whether IPv6 is on, as its only socket does."""
    said = [[notice for notice in NOTICE if notice in record.log] for record in records]
    assert said == [["IPv6-absent"], ["IPV6-on"]]
    for (notice,), record in zip(said, records, strict=True):
        listening = [row for row in record.sockets if row.state == "LISTEN"]
        assert [row.family for row in listening] == [NOTICE[notice]]


def test_debian_package(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Debian's library serves and reaches both families, with one IPv6 socket; its client tries addresses in turn."""
    path = FOLDER / "lws-debian.toml"
    if find_root(load_manifest(path).service.packages) is None and os.environ.get("CI") != "true":
        pytest.skip(f"no root file system: dualstack rootfs build {path}")
    chosen = [word for requirement in (*REQUIREMENTS, *FALLBACK) for word in ("--requirement", requirement)]
    records = run(tmp_path, [path], (), *chosen)
    text, faults = table_of(records)
    record_property("exam", f"named: websocket\n{text}")
    assert not faults, "\n".join([text, *faults])
    client = {item.requirement: item.verdict for item in records if item.requirement in FALLBACK}
    assert client == {"CONNECT-005": Verdict.PASS, "DNS-002": Verdict.KNOWN, "DNS-003": Verdict.PASS}
    record = next(item for item in records if (item.requirement, item.topology) == ("LISTEN-001", "dual-stack"))
    assert record.verdict is Verdict.PASS
    assert "IPV6-on" in record.log
    assert [(row.family, row.v6only) for row in record.sockets if row.state == "LISTEN"] == [("ipv6", False)]
