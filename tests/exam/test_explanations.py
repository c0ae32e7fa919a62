"""A failing is explained in words that its reader understands without the harness."""

import subprocess
import sys
from pathlib import Path

from dualstack.content import ROOT
from dualstack.results import read_records
from dualstack.verdict import Verdict

ZOO = ROOT / "fixtures" / "services" / "zoo"


def test_a_missing_loopback_address_is_named(tmp_path: Path) -> None:
    """Of a service that ends because 127.0.0.1 is missing the record says so, quotes it, and names the cause first."""
    command = [sys.executable, "-m", "dualstack", "run", "--requirement", "LISTEN-002"]
    command += ["--topology", "ipv6-only-strict", "--results", str(tmp_path), str(ZOO / "needs-ipv4-loopback.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = read_records(tmp_path / "latest")
    assert record.verdict is Verdict.KNOWN
    assert "this host has no 127.0.0.1, and the service says: " in record.reason
    assert "Cannot assign requested address" in record.reason
    assert record.causes[0] == "RC-LOOPBACK"
