"""The harness's own exam: every bug of the zoo is caught by what its manifest names, and nothing else is caught."""

import io
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from dualstack.content import ROOT
from dualstack.manifest import load_manifest
from dualstack.results import Record, read_records
from dualstack.rootfs import find_root
from dualstack.suites import suites
from dualstack.verdict import Verdict
from tests.causes.labels import RIGHT, compare

SERVICES = ROOT / "fixtures" / "services"
QUIET = {Verdict.PASS, Verdict.NOT_APPLICABLE, Verdict.OBSERVED}
START = ("START-001", Verdict.KNOWN)
"""What a service is caught by that blocks all its other cases."""


EVERYTHING = os.environ.get("DUALSTACK_EXAM") == "all"
"""Whether all services sit every part of the exam."""

SHORT = ("connect", "listen", "start", "udp")
"""The suites that all services pass through; the real ones beside `SAMPLE` in their first configuration.

tests/real surveys the sockets of all configurations.
"""

LONG = ("security", "lifecycle", "robustness")
"""The suites that take minutes for all services.

By default only those of the zoo whose bug is about them, and the real ones of `SAMPLE`, pass through these too.
"""

SAMPLE = frozenset({"asyncio", "memcached", "mosquitto", "nginx", "node", "redis-server"})


def run(folder: Path, manifests: list[Path], suites: Sequence[str] = (), *options: str) -> list[Record]:
    """Verify the services of the manifests, with some suites or all, and return the records."""
    chosen = [*options, *(word for suite in suites for word in ("--suite", suite))]
    command = [sys.executable, "-m", "dualstack", "run", "-n", "4", "--results", str(folder), *chosen]
    done = subprocess.run([*command, *map(str, manifests)], capture_output=True, text=True, check=False)
    latest = folder / "latest"
    assert latest.exists(), f"the run left no results:\n{done.stdout}{done.stderr}"
    records = list(read_records(latest))
    assert len(records) == json.loads((latest / "run.json").read_text())["planned"], done.stdout
    return records


def manifests_of(kind: str) -> list[Path]:
    """Return the manifests of one kind; those that need a root file system which is missing fail the test in CI."""
    found = sorted((SERVICES / kind).glob("*.toml"))
    runnable = [path for path in found if not (packages := load_manifest(path).service.packages) or find_root(packages)]
    missing = [path.name for path in found if path not in runnable]
    if os.environ.get("CI") == "true":
        assert not missing, f"no root file system for {', '.join(missing)}: dualstack rootfs build"
    assert runnable
    return runnable


def is_about(path: Path, names: Sequence[str]) -> bool:
    """Return whether a known bug of a service is about a requirement of one of these suites."""
    own = {requirement for known in load_manifest(path).known for requirement in known.requirement}
    return any(own & set(suites()[name]) for name in names)


def by_configuration(manifests: list[Path]) -> dict[str, list[Path]]:
    """Return the manifests by the name of their first configuration; those without one by an empty name."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in manifests:
        names = [item.name for item in load_manifest(path).configuration]
        found[names[0] if names else ""].append(path)
    return found


def table_of(records: list[Record]) -> tuple[str, list[str]]:
    """Return the exam's table as text, and its faults."""
    services: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        services[record.subject].append(record)
    table = Table("service", "caught by", "missed", "false alarms", "trouble", box=None, pad_edge=False)
    faults = []
    for name, own in sorted(services.items()):
        caught = sorted({item.requirement for item in own if item.verdict is Verdict.KNOWN})
        missed = [item for item in own if item.verdict is Verdict.UNEXPECTED_PASS]
        false = [item for item in own if item.verdict in {Verdict.FAIL, Verdict.DEVIATES}]
        trouble = [item for item in own if item.verdict not in QUIET and item not in (*missed, *false)]
        trouble = [item for item in trouble if item.verdict is not Verdict.KNOWN]
        if START in {(item.requirement, item.verdict) for item in own}:
            trouble = [item for item in trouble if item.verdict is not Verdict.BLOCKED]
        table.add_row(name, " ".join(caught) or "-", *(str(len(items) or "-") for items in (missed, false, trouble)))
        faults += [f"{item.case}: {item.verdict.value}: {item.reason}" for item in (*missed, *false, *trouble)]
    text = io.StringIO()
    Console(width=150, file=text).print(table)
    return text.getvalue(), faults


def require_causes(records: list[Record], record_property: Callable[[str, object], None]) -> None:
    """Require that nearly every failure of the zoo names the right cause first."""
    count, wrong = compare(records)
    record_property("exam", f"first cause right in {count - len(wrong)} of {count} failures")
    assert count
    assert len(wrong) <= (1 - RIGHT) * count, "\n".join(wrong)


@pytest.mark.parametrize("kind", ["reference", "zoo", "real"])
def test_exam(kind: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """No bug is missed and no alarm is false among the services of each kind."""
    manifests = manifests_of(kind)
    if kind == "reference" or EVERYTHING:
        records = run(tmp_path, manifests)
    else:
        sample = [path for path in manifests if path.stem in SAMPLE or (kind == "zoo" and is_about(path, LONG))]
        assert len(sample) >= len(SAMPLE)
        records = run(tmp_path / "sample", sample, LONG if kind == "zoo" else ())
        others = (
            {"": manifests} if kind == "zoo" else by_configuration([path for path in manifests if path not in sample])
        )
        for name, group in others.items():
            only = ("--configuration", name) if name else ()
            records += run(tmp_path / f"others-{name}", group, SHORT, *only)
    text, faults = table_of(records)
    record_property("exam", f"exam: {kind}\n{text}")
    assert not faults, "\n".join([text, *faults])
    if kind == "zoo":
        require_causes(records, record_property)


@pytest.mark.brief
@pytest.mark.parametrize(("kind", "options"), [("reference", ()), ("zoo", ("--known-only",))])
def test_exam_in_brief(
    kind: str, options: tuple[str, ...], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Of the services that need Python alone, the correct ones pass all, and every bug of the others is caught."""
    found = sorted((SERVICES / kind).glob("*.toml"))
    records = run(tmp_path, [path for path in found if not load_manifest(path).service.packages], (), *options)
    text, faults = table_of(records)
    record_property("exam", f"exam in brief: {kind}\n{text}")
    assert not faults, "\n".join([text, *faults])
    if kind == "zoo":
        require_causes(records, record_property)
