"""The harness's own exam: every bug of the zoo is caught by what its manifest names, and nothing else is caught."""

import io
import json
import os
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from dualstack.manifest import load_manifest
from dualstack.results import Record, read_records
from dualstack.rootfs import find_root
from dualstack.suites import suites
from dualstack.timeline import Step
from dualstack.verdict import Verdict
from tests.causes.labels import RIGHT, compare
from tests.exam.examined import EVERYTHING, SERVICES, in_brief, is_client

QUIET = {Verdict.PASS, Verdict.NOT_APPLICABLE, Verdict.OBSERVED}
TRIED_AGAIN, BUSY = 3, 10
"""At most this many cases of a run are tried again, alone, because their verdict is not as declared, …

… and so many if the machine was too busy to judge the others: that is no verdict."""

FIRST_TRY = "first try: "
"""What the first step of a case begins with that was tried again."""

START = ("START-001", Verdict.KNOWN)
"""What a service is caught by that blocks all its other cases."""


SHORT = ("advertise", "connect", "forward", "listen", "start", "transition", "udp")
"""The suites that most services pass through; the real ones beside `SAMPLE` in their first configuration.

Reference services that need only Python pass through all suites but `LONG` in make test. tests/real surveys the sockets
of all configurations.
"""

OTHERS = {"reference": 6, "zoo": 96, "real": 16}
"""Of the other listeners one of so many passes through `SHORT`; of all of the zoo, `test_known_bugs` has the bugs."""

CLIENTS_OF_REFERENCE = 2
"""Of the reference clients that are not in make test, one of so many passes through all cases."""

ZOO_IN_TEST = 4
"""In make test one of so many services of the zoo shows its bugs; in make exam all of them do."""

LONG_IN_BRIEF = 2
"""In make test one of so many of the reference services passes through `LONG` too."""

EACH_CONFIGURATION = ("listen",)
"""The suites that each configuration of a real service of `SAMPLE` passes through; the first one passes all of them."""

LONG = ("security", "lifecycle", "robustness")
"""The suites that take minutes for all services.

By default only some of those of the zoo whose bug is about them, and the real ones of `SAMPLE` in their first
configuration, pass through these too.
"""

LONG_OF_ZOO = 20
"""Of the services of the zoo whose bug is about `LONG`, one of so many passes through these suites."""

CLIENTS_OF_ZOO = 32
"""Of the zoo's clients one of so many passes through all cases; of all of them, `test_known_bugs` has the bugs."""

SAMPLE = frozenset({"memcached", "nginx", "redis-server"})


def run(folder: Path, manifests: list[Path], suites: Sequence[str] = (), *options: str) -> list[Record]:
    """Verify the services of the manifests, with some suites or all, and return the records.

    Cases of clients wait most of their time, so more of them run at the same time.
    """
    workers = "8" if all(map(is_client, manifests)) else "4"
    chosen = [*options, *(word for suite in suites for word in ("--suite", suite))]
    command = [sys.executable, "-m", "dualstack", "run", "-n", workers, "--results", str(folder), *chosen]
    done = subprocess.run([*command, *map(str, manifests)], capture_output=True, text=True, check=False)
    records = _records(folder, done)
    assert len(records) == json.loads((folder / "latest" / "run.json").read_text())["planned"], done.stdout
    unlike = [item.case for item in records if item.verdict not in QUIET | {Verdict.KNOWN, Verdict.BLOCKED}]
    wrong = [item for item in records if item.case in unlike and item.verdict is not Verdict.INCONCLUSIVE]
    if len(wrong) > TRIED_AGAIN or len(unlike) > BUSY:
        return records
    return [try_again(item, folder) if item.case in unlike else item for item in records]


def try_again(first: Record, folder: Path) -> Record:
    """Run one case again, alone; the new record names the first verdict, and the exam's table shows both."""
    command = [sys.executable, "-m", *shlex.split(first.rerun), "--results", str(folder / "again")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (second,) = (item for item in _records(folder / "again", done) if item.case == first.case)
    return replace(second, steps=(Step(0.0, f"{FIRST_TRY}{first.verdict.value}: {first.reason}"), *second.steps))


def _records(folder: Path, done: subprocess.CompletedProcess[str]) -> list[Record]:
    """Return the records of a run."""
    latest = folder / "latest"
    assert latest.exists(), f"the run left no results:\n{done.stdout}{done.stderr}"
    return list(read_records(latest))


def manifests_of(kind: str) -> list[Path]:
    """Return the manifests of one kind, of the real services all but the clients, which tests/real/test_clients.py has.

    In CI the test fails if a manifest needs a root file system that is missing.
    """
    found = [path for path in sorted((SERVICES / kind).glob("*.toml")) if kind != "real" or not is_client(path)]
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
    again = [item for item in records if item.steps[:1] and item.steps[0].what.startswith(FIRST_TRY)]
    for item in again:
        print(f"{item.case}: {item.steps[0].what}; second try: {item.verdict.value}", file=text)
    return text.getvalue(), faults


def require_causes(records: list[Record], record_property: Callable[[str, object], None]) -> None:
    """Require that nearly every failure of the zoo names the right cause first."""
    count, wrong = compare(records)
    record_property("exam", f"first cause right in {count - len(wrong)} of {count} failures")
    assert count
    assert len(wrong) <= (1 - RIGHT) * count, "\n".join(wrong)


def require_no_faults(title: str, records: list[Record], record_property: Callable[[str, object], None]) -> None:
    """Require that every verdict is as declared; show the table."""
    text, faults = table_of(records)
    record_property("exam", f"{title}\n{text}")
    assert not faults, "\n".join([text, *faults])


@pytest.mark.parametrize("kind", ["reference", "zoo", "real"])
def test_exam(kind: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """No bug is missed and no alarm is false among the services of each kind."""
    manifests = manifests_of(kind)
    if EVERYTHING:
        records = run(tmp_path, manifests)
    elif kind == "reference":
        rest = [path for path in manifests if not in_brief(path)]
        clients = [path for path in rest if is_client(path)]
        records = run(tmp_path / "clients", clients[::CLIENTS_OF_REFERENCE])
        servers = [path for path in rest if path not in clients]
        records += run(tmp_path / "servers", servers[:: OTHERS[kind]], SHORT)
    else:
        about = [path for path in manifests if is_about(path, LONG)]
        sample = about[::LONG_OF_ZOO] if kind == "zoo" else [path for path in manifests if path.stem in SAMPLE]
        assert len(sample) >= len(SAMPLE)
        records = run(tmp_path / "sample", sample, LONG if kind == "zoo" else EACH_CONFIGURATION)
        if kind == "real":
            long = [name for name in suites() if name not in EACH_CONFIGURATION]
            for name, group in by_configuration(sample).items():
                records += run(tmp_path / f"sample-{name}", group, long, "--configuration", name)
        clients = [path for path in manifests if is_client(path)]  # none of the real ones
        if kind == "zoo":
            records += run(tmp_path / "clients", clients[::CLIENTS_OF_ZOO], SHORT)
        others = [path for path in manifests if path not in (*sample, *clients)]
        for name, group in by_configuration(others[:: OTHERS[kind]]).items():
            only = ("--configuration", name) if name else ()
            records += run(tmp_path / f"others-{name}", group, SHORT, *only)
    require_no_faults(f"exam: {kind}", records, record_property)
    if kind == "zoo" and EVERYTHING:  # a sample is too small; test_known_bugs has nearly all bugs
        require_causes(records, record_property)


@pytest.mark.brief
def test_correct_services_in_brief(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The correct services that need Python alone pass everything."""
    found = sorted((SERVICES / "reference").glob("*.toml"))
    short = [path for path in found if in_brief(path)]
    if EVERYTHING:
        records = run(tmp_path / "all", short)
    else:
        records = run(tmp_path / "short", short, [name for name in suites() if name not in LONG])
        records += run(tmp_path / "long", short[::LONG_IN_BRIEF], LONG)
    records += run(tmp_path / "relays", [path for path in found if load_manifest(path).relay], ("start", "forward"))
    require_no_faults("correct services in brief", records, record_property)


@pytest.mark.parametrize("part", [pytest.param(ZOO_IN_TEST, marks=pytest.mark.brief), 1])
def test_known_bugs(part: int, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Every bug of the services that need Python alone is caught; of all of them nearly each first cause is right."""
    found = sorted((SERVICES / "zoo").glob("*.toml"))
    chosen = [path for path in found if not load_manifest(path).service.packages][::part]
    records = run(tmp_path / "zoo", chosen, (), "--known-only")
    require_no_faults(f"known bugs, one service in {part}", records, record_property)
    if part == 1:
        require_causes(records, record_property)
