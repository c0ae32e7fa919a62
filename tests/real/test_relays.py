"""What real relays do is what was measured of them: their cases reproduce the table, and the page shows it.

By default the relays of `RELAYS` are examined, in their first configuration; with DUALSTACK_EXAM=all all of them.

``python tests/real/test_relays.py`` writes the table into docs/real-relays.md. With folders of results as arguments it
first replaces the lines of what was run, and a later folder counts more than an earlier one:
``dualstack run --suite start --suite forward fixtures/services/relays/*.toml``.
"""

import csv
import functools
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dualstack.content import ROOT
from dualstack.effect import serving
from dualstack.finding import Symptom
from dualstack.manifest import Manifest, load_manifest
from dualstack.prober.messages import SocketRow
from dualstack.requirement import Level
from dualstack.results import Record, read_records
from dualstack.rootfs import find_root, list_roots
from dualstack.survey import notation
from dualstack.transport import Transport
from dualstack.verdict import Verdict
from tests.exam.examined import EVERYTHING, RELAYS, SERVICES
from tests.exam.test_exam import by_configuration, run, table_of

EXPECTED = Path(__file__).with_name("expected_relays.csv")
PAGE = ROOT / "docs" / "real-relays.md"
BEFORE, AFTER = "<!-- the table: python tests/real/test_relays.py -->\n", "<!-- the end of the table -->\n"

HEAD = {
    "relay": "Relay",
    "version": "Version",
    "default": "Listens by default",
    "same": "Same family",
    "mixed": "Other family",
    "one_family": "One-family host",
    "next": "Next address",
    "again": "Looks up again",
    "half_close": "Half-close",
    "reset": "Reset",
    "udp": "UDP clients",
    "client": "Names its client",
    "others": "Other sockets",
}
"""The columns that the page shows."""

WORKS = {Verdict.PASS: True, Verdict.UNEXPECTED_PASS: True} | dict.fromkeys(
    (Verdict.KNOWN, Verdict.FAIL, Verdict.DEVIATES), False
)
YES_NO = {True: "yes", False: "no", None: ""}

Cases = Mapping[tuple[str, str], Record]
"""The records of one relay, by requirement and topology."""


def rows() -> list[dict[str, str]]:
    """Return the lines of the table."""
    with EXPECTED.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@functools.cache
def relays() -> dict[str, Path]:
    """Return the manifests of relays, by name; those in the folder without one take PROXY headers."""
    return {path.stem: path for path in sorted((SERVICES / "relays").glob("*.toml")) if load_manifest(path).relay}


@functools.cache
def _manifest(name: str) -> Manifest:
    """Return a relay's manifest."""
    return load_manifest(relays()[name])


def table() -> str:
    """Return the table as the page shows it."""
    lines = ["| " + " | ".join(HEAD.values()) + " |", "|---" * len(HEAD) + "|"]
    for row in rows():
        cells = row | {"relay": f"{row['service']}: {row['relay']}"}
        lines.append("| " + " | ".join(cells[column].replace("+", " + ") for column in HEAD) + " |")
    return "\n".join([*lines, ""])


def measured(records: Iterable[Record]) -> dict[tuple[str, str], dict[str, str]]:
    """Return what the relays did, by manifest and relay."""
    cases: dict[tuple[str, str], dict[tuple[str, str], Record]] = defaultdict(dict)
    starts: dict[str, dict[str, Record]] = defaultdict(dict)
    for record in records:
        _subject, _, configuration = record.subject.partition("/")
        name = Path(record.manifest).stem
        if name not in relays():
            continue
        if record.requirement == "START-001":
            starts[name][configuration] = record
        elif configuration in {"", _measured_in(name)}:
            cases[name, record.element][record.requirement, record.topology] = record
    found = {key: _cells(own, *key) for key, own in cases.items() if key[1] in _ports(key[0])}
    for name, begun in starts.items():
        for relay, (port, transport) in _ports(name).items():
            found.setdefault((name, relay), {}).update(_sockets(name, begun, port, transport))
    return found


def _measured_in(name: str) -> str:
    """Return the configuration whose cases make the table: the first one; empty without any."""
    return next(iter(_configurations(name)), "")


def _configurations(name: str) -> list[str]:
    """Return the names of the configurations of a manifest, in its order."""
    return [item.name for item in _manifest(name).configuration]


def _ports(name: str) -> dict[str, tuple[int, Transport]]:
    """Return the port and the transport on which each relay of a manifest accepts."""
    manifest = _manifest(name)
    listeners = {item.name: item for item in manifest.listen}
    return {item.name: (listeners[item.listen].port, listeners[item.listen].transport) for item in manifest.relay}


def _sockets(name: str, starts: Mapping[str, Record], port: int, transport: Transport) -> dict[str, str]:
    """Return the cells about sockets: those of the listener by default, and those that are no relay's listener."""
    default = "default" if "default" in _configurations(name) else _measured_in(name)
    if default not in starts:
        return {}
    rows = serving(starts[default].sockets)
    fronts = [row for row in rows if (row.port, row.transport) == (port, transport.value)]
    listeners = {(number, item.value) for number, item in _ports(name).values()}
    others = [row for row in rows if (row.port, row.transport) not in listeners and not row.component]
    return {"default": notation(fronts), "others": "+".join(sorted({_place(row) for row in others})) or "none"}


def _place(row: SocketRow) -> str:
    """Return an additional socket without its port, which the kernel may have chosen."""
    return f"{row.transport} {notation([row])}"


def _cells(cases: Cases, name: str, relay: str) -> dict[str, str]:
    """Return the cells of one relay."""

    def works(requirement: str, topology: str = "relay") -> bool | None:
        record = cases.get((requirement, topology))
        return None if record is None else WORKS.get(record.verdict)

    def both(pairs: Mapping[str, bool | None]) -> str:
        judged = [sign for sign, ok in pairs.items() if ok is not None]
        return "+".join(sign for sign in judged if pairs[sign]) or ("none" if judged else "")

    same = cases.get(("FORWARD-020", "relay"))
    return {
        "same": _families(same),
        "mixed": both({"4→6": works("FORWARD-001"), "6→4": works("FORWARD-002")}),
        "one_family": both(
            {"4": works("FORWARD-020", "relay-ipv4-only"), "6": works("FORWARD-020", "relay-ipv6-only-strict")}
        ),
        "next": _next(cases.get(("FORWARD-004", "relay"))),
        "again": YES_NO[works("FORWARD-012")],
        "half_close": YES_NO[works("FORWARD-003")],
        "reset": _reset(cases.get(("FORWARD-008", "relay"))),
        "udp": both(
            {
                "own answers": works("FORWARD-009"),
                "forgets": works("FORWARD-010"),
                "server alone": works("FORWARD-011"),
            }
        ),
        "client": _client(cases, name, relay),
    }


def _families(record: Record | None) -> str:
    """Return the families over which a client of the same family is connected to the server."""
    if record is None or record.verdict not in WORKS:
        return ""
    return "+".join(sign for sign, family in (("4", "ipv4"), ("6", "ipv6")) if record.works.get(family)) or "none"


def _next(record: Record | None) -> str:
    """Return whether the next address is tried: yes, no, or late, if only an address that does not answer delays it."""
    if record is None:
        return ""
    symptoms = {symptom for finding in record.findings if not finding.ok for symptom in finding.symptoms}
    return "late" if symptoms == {Symptom.NEXT_ADDRESS_LATE} else YES_NO[WORKS.get(record.verdict)]


def _reset(record: Record | None) -> str:
    """Return how a reset is passed on: as a reset, as an ordinary end, or not at all."""
    if record is None or record.verdict not in WORKS:
        return ""
    failed = [item for item in record.findings if not item.ok]
    if not failed:
        return "reset"
    return "end" if all(item.level == Level.SHOULD.value for item in failed) else "no"


def _client(cases: Cases, name: str, relay: str) -> str:
    """Return in which form a relay names its client to the server, and whether rightly."""
    declared = next(item for item in _manifest(name).relay if item.name == relay)
    form = f"PROXY {declared.sends_proxy}" if declared.sends_proxy else str(declared.forwarded or "")
    verdicts = [
        record.verdict
        for (requirement, _), record in cases.items()
        if requirement in {"FORWARD-005", "FORWARD-006", "FORWARD-015"} and record.verdict in WORKS
    ]
    if not form or not verdicts:
        return "no" if not form else ""
    return form if all(WORKS[item] for item in verdicts) else f"{form}, wrong"


def test_table_is_complete() -> None:
    """Every relay is in the table, and nothing else."""
    wanted = {(name, item.name) for name, path in relays().items() for item in load_manifest(path).relay}
    listed = [(row["service"], row["relay"]) for row in rows()]
    assert set(listed) == wanted
    assert len(listed) == len(wanted)


def test_page_shows_the_table() -> None:
    """The documentation has the table as it is; this file, run as a program, writes it anew."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.split(BEFORE)[1].split(AFTER)[0] == table()


def test_versions_are_those_of_the_table() -> None:
    """The packages that are examined have the versions that the table was measured with."""
    differ = {
        f"{row['service']}: the table was measured with {row['version']}, here is {version}"
        for row in rows()
        if (version := _version(row["service"])) not in ("", row["version"])
    }
    assert not differ, "\n".join(sorted(differ))


def _version(service: str) -> str:
    """Return the two first numbers of the version of a relay's first package; empty without one, or if not built."""
    packages = _manifest(service).service.packages
    path = find_root(packages) if packages else None
    root = next((item for item in list_roots() if item.path == path), None)
    return "" if root is None else ".".join(re.findall(r"\d+", root.installed[packages[0]].split(":", 1)[-1])[:2])


def test_relays_reproduce_the_table(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Each relay does what the table says; it breaks the requirements that its manifest names, and no others."""
    chosen = {name: path for name, path in relays().items() if EVERYTHING or name in RELAYS}
    packages = {name: load_manifest(path).service.packages for name, path in chosen.items()}
    missing = [name for name, wanted in packages.items() if wanted and not find_root(wanted)]
    if os.environ.get("CI") == "true":
        assert not missing, f"no root file system for {', '.join(missing)}: dualstack rootfs build"
    records = []
    for first, group in by_configuration([path for name, path in chosen.items() if name not in missing]).items():
        only = ("--configuration", first) if first and not EVERYTHING else ()
        records += run(tmp_path / (first or "one"), group, ("start", "forward"), *only)
    text, faults = table_of(records)
    seen = measured(records)
    for row in rows():
        cells = seen.get((row["service"], row["relay"]), {})
        faults += [
            f"{row['service']}/{row['relay']}: {column}: expected {row[column]}, found {cell}"
            for column, cell in cells.items()
            if cell != row[column]
        ]
    record_property("exam", f"exam: relays\n{text}")
    assert seen
    assert not faults, "\n".join([text, *faults])


def main(*folders: str) -> None:
    """Write the table into the page; with folders of results, first what their relays did into the table."""
    if folders:
        found = measured(record for folder in folders for record in read_records(Path(folder)))
        old = {(row["service"], row["relay"]): row for row in rows()} if EXPECTED.exists() else {}
        with EXPECTED.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["service", *HEAD], lineterminator="\n")
            writer.writeheader()
            for name, path in relays().items():
                for item in load_manifest(path).relay:
                    key = (name, item.name)
                    row = (
                        dict.fromkeys(writer.fieldnames, "") | old.get(key, {}) | found.get(key, {})
                    )  # cells about sockets only if START-001 was run
                    row |= {"service": name, "relay": item.name}
                    row["version"] = _version(name) or row["version"]
                    writer.writerow(row)
    start, rest = PAGE.read_text(encoding="utf-8").split(BEFORE)
    PAGE.write_text(start + BEFORE + table() + AFTER + rest.split(AFTER)[1], encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
