"""What real servers do is what was measured of them: the survey reproduces the table, and the page shows it.

``python tests/real/test_survey.py`` writes the table into docs/real-servers.md.
"""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.manifest import Manifest, load_manifest, subjects_of
from dualstack.rootfs import Root, find_root, list_roots
from dualstack.survey import STATES
from tests.exam.examined import EVERYTHING

EXPECTED = Path(__file__).with_name("expected_survey.csv")
SERVICES = ROOT / "fixtures" / "services" / "real"
PAGE = ROOT / "docs" / "real-servers.md"
BEFORE, AFTER = "<!-- the table: python tests/real/test_survey.py -->\n", "<!-- the end of the table -->\n"
SURVEYED = 3
"""By default one of so many servers is surveyed."""

COLUMNS = {
    "normal": "normal",
    "bindv6only": "bindv6only",
    "disable_ipv6": "disable_ipv6",
    "no AF_INET6": "no_af_inet6",
    "no IPv4": "no_ipv4",
}
ONE_ADDRESS = frozenset({"memcached-address", "nginx-address", "redis-address", "socat-address"})
"""Services whose listen address is set from outside; each text is another variant, and they are in no table."""


def rows() -> list[dict[str, str]]:
    """Return the lines of the table."""
    with EXPECTED.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def servers() -> dict[str, Path]:
    """Return the manifests of the servers, by name."""
    found = {
        load_manifest(path).service.name: path for path in sorted(SERVICES.glob("*.toml")) if load_manifest(path).listen
    }
    return {name: path for name, path in found.items() if name not in ONE_ADDRESS}


def root_of(manifest: Manifest) -> Root | None:
    """Return the root file system that a service runs in, None without one."""
    path = find_root(manifest.service.packages)
    return next((root for root in list_roots() if root.path == path), None)


def table() -> str:
    """Return the table as the page shows it."""
    head = ["Server", "Version", "Configured", "", "normal", "bindv6only", "IPv6 disabled", "no AF_INET6", "no IPv4"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    notes: dict[str, int] = {}
    for row in rows():
        note = f" [{notes.setdefault(row['comment'], len(notes) + 1)}]" if row["comment"] else ""
        cells = [row["server"], row["version"], f"`{row['configured']}`{note}", row["transport"]]
        cells += [row[column].replace("+", " + ") for column in COLUMNS.values()]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"{number}. {text[0].upper()}{text[1:]}." for text, number in notes.items())]
    return "\n".join([*lines, ""])


def test_table_is_complete() -> None:
    """Every configuration of every server is in the table, and nothing else; it has all states of the survey."""
    assert set(COLUMNS) == set(STATES)
    wanted = {
        (name, subject.configuration or "default", listener.transport.value)
        for name, path in servers().items()
        for subject in subjects_of(path)
        for listener in subject.listen
    }
    listed = [(row["server"], row["configuration"], row["transport"]) for row in rows()]
    assert set(listed) == wanted
    assert len(listed) == len(wanted)


def test_page_shows_the_table() -> None:
    """The documentation has the table as it is; this file, run as a program, writes it anew."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.split(BEFORE)[1].split(AFTER)[0] == table()


def test_versions_are_those_of_the_table() -> None:
    """The packages that are surveyed have the versions that the table was measured with."""
    manifests = {name: load_manifest(path) for name, path in servers().items()}
    packaged = {name: item for name, item in manifests.items() if item.service.packages}
    roots = {name: root_of(item) for name, item in packaged.items()}
    if missing := [name for name, root in roots.items() if root is None]:
        _skip_without_roots(missing)
    differ = set()
    for row in rows():
        root = roots.get(row["server"])
        if root is not None:
            package = packaged[row["server"]].service.packages[0]
            upstream = ".".join(re.findall(r"\d+", root.installed[package].split(":", 1)[-1])[:2])
            if upstream != row["version"]:
                differ.add(f"{package}: the table was measured with {row['version']}, here is {upstream}")
    assert not differ, "\n".join(sorted(differ))


def _skip_without_roots(missing: list[str]) -> None:
    """Skip a test for which root file systems are missing; in CI nothing may be missing."""
    text = f"no root file system for {', '.join(sorted(missing))}: dualstack rootfs build"
    assert os.environ.get("CI") != "true", text
    pytest.skip(text)


def test_survey_reproduces_the_table(record_property: Callable[[str, object], None]) -> None:
    """Each server opens exactly the expected sockets, in each configuration and state of the kernel.

    By default one of `SURVEYED` is looked at.
    """
    manifests = dict([*servers().items()][:: 1 if EVERYTHING else SURVEYED])
    packages = {name: load_manifest(path).service.packages for name, path in manifests.items()}
    if missing := [name for name, wanted in packages.items() if wanted and not find_root(wanted)]:
        _skip_without_roots(missing)
    command = [sys.executable, "-m", "dualstack", "survey", "--json", *map(str, manifests.values())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = {
        (item["service"], item["variant"], item["transport"], item["state"]): item["sockets"]
        for item in json.loads(done.stdout)
    }
    expected = {
        (row["server"], row["configuration"], row["transport"], state): row[column]
        for row in rows()
        for state, column in COLUMNS.items()
        if row["server"] in manifests
    }
    differ = [
        f"{'/'.join(key)}: expected {cell}, found {seen.get(key)}"
        for key, cell in expected.items()
        if seen.get(key) != cell
    ]
    record_property("exam", f"survey: {len(expected)} cells, {len(differ)} differ from the table")
    assert not differ, "\n".join(differ)


def main() -> None:
    """Write the table into the page."""
    start, rest = PAGE.read_text(encoding="utf-8").split(BEFORE)
    PAGE.write_text(start + BEFORE + table() + AFTER + rest.split(AFTER)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
