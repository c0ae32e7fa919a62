"""What services do if another program has their port: ``survey --taken`` finds the known effect of each."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dualstack.content import ROOT
from dualstack.survey import ANOTHERS, TAKEN

EXPECTED = Path(__file__).with_name("expected_taken.csv")
SERVICES = ROOT / "fixtures" / "services"

TWO_SOCKETS = """\
import select, socket, sys
listeners = []
for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, getattr(socket, sys.argv[1]), 1)
    listener.bind((address, 7200))
    listeners.append(listener)
serving = []
for listener in listeners:
    try:
        listener.listen()
        serving.append(listener)
    except OSError as error:
        print("cannot listen:", error, flush=True)
while True:
    for listener in select.select(serving, [], [])[0]:
        connection, _ = listener.accept()
        connection.sendall(connection.recv(1000))
        connection.close()
"""
"""A server with two sockets that are bound before either listens, and that share what the option lets them share."""

MANIFEST = """\
schema = 1
[service]
name = "two-sockets"
command = ["{python}", "-S", "-E", "two.py", "SO_REUSEADDR"]
[[listen]]
name = "echo"
port = 7200
protocol = "echo"
[[configuration]]
name = "late"
[[configuration]]
name = "split"
command = ["{python}", "-S", "-E", "two.py", "SO_REUSEPORT"]
"""


def survey(*words: str | Path) -> list[dict[str, Any]]:
    """Return what ``dualstack survey --taken --json`` prints."""
    command = [sys.executable, "-m", "dualstack", "survey", "--taken", "--json", "--state", "normal", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_taken_ports() -> None:
    """Each service opens the expected sockets and has the expected effect, in each state of the port."""
    with EXPECTED.open(encoding="utf-8") as file:
        expected = {
            (row["service"], row["variant"], row["taken"]): (row["sockets"], row["effect"])
            for row in csv.DictReader(file)
        }
    services = {service for service, _, _ in expected}
    found = survey(*(path for path in SERVICES.glob("[zr]*/*.toml") if path.stem in services))
    seen = {(row["service"], row["variant"], row["taken"]): (row["sockets"], row["effect"]) for row in found}
    differ = [
        f"{' / '.join(key)}: expected {cell}, found {seen.get(key)}"
        for key, cell in expected.items()
        if seen.get(key) != cell
    ]
    assert set(TAKEN) == {taken for _, _, taken in expected}
    assert not differ, "\n".join(differ)
    (half,) = (row for row in found if (row["service"], row["taken"]) == ("swallowed-error", "0.0.0.0"))
    assert half["answers"] == {"ipv4": ANOTHERS, "ipv6": "answered"}


def test_a_failure_that_comes_late_and_a_silent_split(tmp_path: Path) -> None:
    """Two sockets of one program: listen() fails with SO_REUSEADDR, and with SO_REUSEPORT another may share them."""
    (tmp_path / "two.py").write_text(TWO_SOCKETS, encoding="utf-8")
    (tmp_path / "two.toml").write_text(MANIFEST, encoding="utf-8")
    found = {(row["variant"], row["taken"]): row for row in survey(tmp_path / "two.toml")}
    effects = {key: row["effect"] for key, row in found.items()}
    assert (found["split", "free"]["sockets"], effects["split", "free"]) == ("4+D", "both")
    assert effects["split", "shared"] == "split"
    assert effects["split", "0.0.0.0"] == effects["late", "0.0.0.0"] == effects["late", "shared"] == "refuses"
    late = found["late", "free"]
    assert (late["sockets"], late["error"]) == ("4", "cannot listen: [Errno 98] Address already in use")
    if not any(row["state"] == "CLOSE" for row in late["rows"]):
        pytest.skip("this kernel's socket table leaves out what is bound and does not listen (Linux before 6.8)")
    assert late["effect"] == "late"
