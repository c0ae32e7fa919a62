"""What real servers do is what was measured of them: the survey reproduces the table."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.manifest import load_manifest
from dualstack.rootfs import find_root
from dualstack.survey import STATES

EXPECTED = Path(__file__).with_name("expected_survey.csv")
COLUMNS = {"normal": "normal", "bindv6only": "bindv6only", "disable_ipv6": "disable_ipv6", "no AF_INET6": "no_af_inet6"}


def expected() -> dict[tuple[str, str, str], str]:
    """Return the expected sockets by server, configuration and state."""
    with EXPECTED.open(encoding="utf-8") as file:
        return {
            (row["server"], row["configuration"], state): row[column]
            for row in csv.DictReader(file)
            for state, column in COLUMNS.items()
        }


def test_survey_reproduces_the_table(record_property: Callable[[str, object], None]) -> None:
    """Each server opens exactly the expected sockets, in each configuration and state of the kernel."""
    table = expected()
    assert set(COLUMNS) < set(STATES)
    servers = {server for server, _, _ in table}
    manifests = {load_manifest(path).service.name: path for path in (ROOT / "fixtures/services/real").glob("*.toml")}
    assert servers <= set(manifests)
    packages = {name: load_manifest(manifests[name]).service.packages for name in servers}
    missing = {name for name, wanted in packages.items() if wanted and not find_root(wanted)}
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"no root file system for {', '.join(sorted(missing))}: dualstack rootfs build")
    files = [str(manifests[name]) for name in sorted(servers)]
    command = [sys.executable, "-m", "dualstack", "survey", "--json", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = {(item["service"], item["way"], item["state"]): item["sockets"] for item in json.loads(done.stdout)}
    differ = [
        f"{'/'.join(key)}: expected {cell}, found {seen.get(key)}"
        for key, cell in table.items()
        if seen.get(key) != cell
    ]
    record_property("exam", f"survey: {len(table)} cells, {len(differ)} differ from the table")
    assert not differ, "\n".join(differ)
