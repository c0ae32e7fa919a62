"""What real clients do is what was measured of them: their cases reproduce the table, and the page shows it.

By default the clients of `CLIENTS` are examined; with DUALSTACK_EXAM=all all of them, also those of
fixtures/services/heavy, whose packages are large or which compile.

``python tests/real/test_clients.py`` writes the table into docs/real-clients.md. With the folder of a run's results as
argument it first replaces the lines of the clients that were run.
"""

import csv
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dualstack.content import ROOT
from dualstack.families import Family
from dualstack.manifest import load_manifest
from dualstack.results import Record, read_records
from dualstack.rootfs import find_root, list_roots
from dualstack.verdict import Verdict
from dualstack.wire.attempts import attempts
from dualstack.wire.evidence import read_capture
from tests.exam.examined import CLIENTS, EVERYTHING, SERVICES, is_client
from tests.exam.test_exam import run, table_of

EXPECTED = Path(__file__).with_name("expected_clients.csv")
PAGE = ROOT / "docs" / "real-clients.md"
BEFORE, AFTER = "<!-- the table: python tests/real/test_clients.py -->\n", "<!-- the end of the table -->\n"
FOLDERS = ("real", "heavy")

HEAD = {
    "service": "Manifest",
    "connector": "Client",
    "version": "Version",
    "literals": "Literals",
    "names": "Names",
    "ipv4_only": "IPv4-only host",
    "ipv6_only": "IPv6-only host",
    "first": "First",
    "refused": "After a refusal",
    "delay": "Attempt delay, ms",
}
"""The columns that the page shows."""

LATE = 100
"""By how many ms a measured delay may differ from the table's."""

WORKS = {Verdict.PASS: True, Verdict.UNEXPECTED_PASS: True, Verdict.KNOWN: False, Verdict.FAIL: False}


def rows() -> list[dict[str, str]]:
    """Return the lines of the table."""
    with EXPECTED.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def clients(folders: Iterable[str] = FOLDERS) -> dict[str, Path]:
    """Return the manifests of clients, by name."""
    found = [path for folder in folders for path in sorted((SERVICES / folder).glob("*.toml"))]
    return {path.stem: path for path in found if is_client(path)}


def table() -> str:
    """Return the table as the page shows it."""
    lines = ["| " + " | ".join(HEAD.values()) + " |", "|---" * len(HEAD) + "|"]
    for row in rows():
        cells = [row[column].replace("+", " + ") for column in HEAD]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def measured(records: Iterable[Record], folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Return what the clients did, by manifest and connector.

    Args:
        records: The records of a run.
        folder: The folder of its results.
    """
    cases: dict[tuple[str, str], dict[tuple[str, str], Record]] = defaultdict(dict)
    for record in records:
        if record.requirement.startswith(("CONNECT", "DNS")):
            cases[record.subject, record.element][record.requirement, record.topology] = record
    return {key: _cells(own, folder) for key, own in cases.items()}


def _cells(cases: Mapping[tuple[str, str], Record], folder: Path) -> dict[str, str]:
    """Return the cells of one client."""

    def works(requirement: str, topology: str = "dual-stack") -> bool | None:
        record = cases.get((requirement, topology))
        return None if record is None else WORKS.get(record.verdict)

    def families(ipv4: str, ipv6: str) -> str:
        return "+".join(sign for sign, name in (("4", ipv4), ("6", ipv6)) if works(name)) or "none"

    words = {True: "works", False: "fails", None: ""}
    return {
        "literals": families("CONNECT-002", "CONNECT-001"),
        "names": families("CONNECT-004", "CONNECT-003"),
        "ipv4_only": words[works("CONNECT-007", "ipv4-only")],
        "ipv6_only": words[works("CONNECT-008", "ipv6-only")],
        "first": _first(cases.get(("CONNECT-005", "dual-stack")), folder),
        "refused": {True: "next address", False: "gives up", None: ""}[works("CONNECT-005")],
        "delay": _delay(cases.get(("DNS-002", "dual-stack"))),
    }


def _delay(record: Record | None) -> str:
    """Return the attempt delay in ms, to the nearest 50; ``none`` if it does not try the other family in time."""
    if record is None or record.verdict not in {*WORKS, Verdict.DEVIATES}:
        return ""
    times = [item.value for item in record.measures if item.name == "attempt delay"]
    return str(round(times[0] / 50) * 50) if times else "none"


def _agree(column: str, expected: str, found: str) -> bool:
    """Return whether a cell is as expected; a busy machine makes a delay longer."""
    if column == "delay" and expected.isdigit() and found.isdigit():
        return abs(int(expected) - int(found)) <= LATE
    return expected in {found, "either"}


def _first(record: Record | None, folder: Path) -> str:
    """Return the family that a client tries first for a name that has both; empty if its packets do not show it."""
    if record is None or not record.capture:
        return ""
    port = next(item.port for item in load_manifest(Path(record.manifest)).connect if item.name == record.element)
    made = attempts(read_capture(folder / record.capture, nonce=""), port)
    return {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}[made[0].family] if made else ""


def test_table_is_complete() -> None:
    """Every client is in the table, and nothing else."""
    wanted = {(name, item.name) for name, path in clients().items() for item in load_manifest(path).connect}
    listed = [(row["service"], row["connector"]) for row in rows()]
    assert set(listed) == wanted
    assert len(listed) == len(wanted)


def test_page_shows_the_table() -> None:
    """The documentation has the table as it is; this file, run as a program, writes it anew."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.split(BEFORE)[1].split(AFTER)[0] == table()


def test_versions_are_those_of_the_table() -> None:
    """The packages that are examined have the versions that the table was measured with."""
    differ = {
        f"{row['package']}: the table was measured with {row['version']}, here is {version}"
        for row in rows()
        if row["package"] and (version := _version(row["service"], row["package"])) not in ("", row["version"])
    }
    assert not differ, "\n".join(sorted(differ))


def _version(service: str, package: str) -> str:
    """Return the two first numbers of a package's version in a client's root file system; empty without one."""
    path = find_root(load_manifest(clients()[service]).service.packages)
    root = next((item for item in list_roots() if item.path == path), None)
    return "" if root is None else ".".join(re.findall(r"\d+", root.installed[package].split(":", 1)[-1])[:2])


def test_clients_reproduce_the_table(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Each client does what the table says; it breaks the requirements that its manifest names, and no others."""
    chosen = clients() if EVERYTHING else {name: path for name, path in clients(["real"]).items() if name in CLIENTS}
    packages = {name: load_manifest(path).service.packages for name, path in chosen.items()}
    missing = [name for name, wanted in packages.items() if wanted and not find_root(wanted)]
    if os.environ.get("CI") == "true":
        assert not missing, f"no root file system for {', '.join(missing)}: dualstack rootfs build"
    records = run(tmp_path, [path for name, path in chosen.items() if name not in missing])
    text, faults = table_of(records)
    seen = measured(records, tmp_path / "latest")
    for row in rows():
        cells = seen.get((row["service"], row["connector"]), {})
        faults += [
            f"{row['service']}/{row['connector']}: {column}: expected {row[column]}, found {cell}"
            for column, cell in cells.items()
            if not _agree(column, row[column], cell)
        ]
    record_property("exam", f"exam: clients\n{text}")
    assert seen
    assert not faults, "\n".join([text, *faults])


def main(*folders: str) -> None:
    """Write the table into the page; with folders of results, first what their clients did into the table."""
    if folders:
        found: dict[tuple[str, str], dict[str, str]] = {}
        for folder in map(Path, folders):
            found |= measured(read_records(folder), folder)
        old = {(row["service"], row["connector"]): row for row in rows()} if EXPECTED.exists() else {}
        with EXPECTED.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["service", "connector", "package", *list(HEAD)[2:]], lineterminator="\n")
            writer.writeheader()
            for name, path in sorted(clients().items()):
                for item in load_manifest(path).connect:
                    key = (name, item.name)
                    new = {column: cell for column, cell in found.get(key, {}).items() if cell}
                    row = dict.fromkeys(writer.fieldnames, "") | old.get(key, {}) | new
                    row |= {"service": name, "connector": item.name}
                    if row["package"]:
                        row["version"] = _version(name, row["package"]) or row["version"]
                    writer.writerow(row)
    start, rest = PAGE.read_text(encoding="utf-8").split(BEFORE)
    PAGE.write_text(start + BEFORE + table() + AFTER + rest.split(AFTER)[1], encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
