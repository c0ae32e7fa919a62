"""Baselines: what an entry is about and accepts, what is written, and how entries join those of a manifest."""

import datetime as dt
from pathlib import Path

import pytest

from dualstack.casekey import CaseKey
from dualstack.errors import UsageError
from dualstack.manifest import load_baseline
from dualstack.plan import Selection, plan_cases
from dualstack.report.baseline_text import HEAD, Entries, entries_of
from dualstack.report.summary import Report
from dualstack.results import Record
from dualstack.runinfo import RunInfo
from dualstack.session import RunSession, open_session
from dualstack.suites import requirement, requirements
from dualstack.verdict import Verdict
from tests.report.conftest import HOSTILE, record

MANIFEST = """\
schema = 1
[service]
name = "shop"
command = ["./server"]
[[listen]]
name = "main"
port = 8080
[[known]]
requirement = "LISTEN-005"
reason = "the manifest's own"
expires = 2020-01-31
"""
ENTRY = '[[known]]\nservice = "shop"\nrequirement = "LISTEN-001"\nreason = "a bug that is known"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a baseline that does not exist yet."""
    return tmp_path / "baseline.toml"


def opened(file: Path, entries: str, selection: Selection | None = None) -> RunSession:
    """Open a run of a service with a baseline."""
    manifest = file.parent / "service.toml"
    manifest.write_text(MANIFEST, encoding="utf-8")
    file.write_text(f"schema = 1\n{entries}", encoding="utf-8")
    return open_session(
        [manifest], results=file.parent / "results", baselines=[file], selection=selection or Selection()
    )


@pytest.mark.parametrize(
    ("keys", "case", "expected"),
    [
        ("", "LISTEN-001:shop:main@dual-stack", True),
        ("", "LISTEN-001:shop/ipv4:main@dual-stack", True),
        ("", "LISTEN-001:shopping:main@dual-stack", False),
        ("", "LISTEN-002:shop:main@dual-stack", False),
        ('topologies = ["ipv6-only"]', "LISTEN-001:shop:main@dual-stack", False),
        ('topologies = ["ipv6-only"]', "LISTEN-001:shop:main@ipv6-only", True),
        ('elements = ["other"]', "LISTEN-001:shop:main@dual-stack", False),
        ('configurations = ["ipv4"]', "LISTEN-001:shop/ipv4:main@dual-stack", True),
        ('configurations = ["ipv4"]', "LISTEN-001:shop/ipv6:main@dual-stack", False),
    ],
)
def test_an_entry_names_its_cases(file: Path, keys: str, case: str, expected: bool) -> None:  # noqa: FBT001
    """An entry is about the cases that fit each of its keys; a key that is absent fits all."""
    file.write_text(f"schema = 1\n{ENTRY}{keys}\n", encoding="utf-8")
    (entry,) = load_baseline(file)
    key = CaseKey.found_in(case)
    assert key is not None
    assert entry.names(key) is expected


@pytest.mark.parametrize(
    ("service", "subject", "expected"),
    [("*", "a/b", True), ("shop/ipv?", "shop/ipv4", True), ("shop/ipv4", "shop/ipv6", False), ("sh*", "shop/x", True)],
)
def test_the_service_may_be_a_pattern(file: Path, service: str, subject: str, expected: bool) -> None:  # noqa: FBT001
    """``*`` and ``?`` stand for any characters and for one."""
    file.write_text("schema = 1\n" + ENTRY.replace('"shop"', f'"{service}"'), encoding="utf-8")
    assert load_baseline(file)[0].is_about(subject) is expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", ":1: schema: missing"),
        ("schema = 1\n[[known]]\nservice = 'a'\nreason = 'a known bug'\n", ":2: known[0].requirement: missing"),
        (f"schema = 1\n{ENTRY}expires = 'soon'\n", ":6: known[0].expires: found 'soon'; allowed: a date, "),
        (f"schema = 1\n{ENTRY}verdict = 'pass'\n", ":6: known[0].verdict: found 'pass'; allowed: "),
        (f"schema = 1\n{ENTRY}until = 2030-01-01\n", ":6: known[0].until: unknown key"),
        ("schema = 1\nknown = ?\n", ":2: not TOML: "),
    ],
)
def test_faults_are_named(file: Path, text: str, fault: str) -> None:
    """A fault of a baseline is named with its file, its line and its key."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_baseline(file)
    assert fault in str(caught.value)


def test_entries_join_those_of_the_manifest(file: Path) -> None:
    """An entry of the baseline makes its cases known like one of the manifest, which comes first."""
    session = opened(file, ENTRY + ENTRY.replace("shop", "elsewhere"))
    cases = plan_cases(requirement("LISTEN-001"), session.subjects, session.selection)
    assert {case.known.place for case in cases if case.known} == {f"{file}:2"}
    assert [entry.requirement for entry in session.subjects[0].manifest.known] == [["LISTEN-005"], ["LISTEN-001"]]
    ignoring = plan_cases(requirement("LISTEN-001"), session.subjects, Selection(ignore_known=True))
    assert not any(case.known or case.expired for case in ignoring)


def test_an_expired_entry_is_not_known(file: Path) -> None:
    """After its last day an entry, also one of a manifest, accepts nothing; another one may accept the case."""
    session = opened(file, f"{ENTRY}expires = 2020-01-31\n")
    for name, place in (("LISTEN-001", f"{file}:2"), ("LISTEN-005", f"{file.parent}/service.toml:8")):
        cases = plan_cases(requirement(name), session.subjects)
        assert cases
        assert {(case.known, case.expired and case.expired.place) for case in cases} == {(None, place)}
    again = opened(file, f"{ENTRY}expires = 2020-01-31\n{ENTRY}expires = 9999-12-31\n")
    cases = plan_cases(requirement("LISTEN-001"), again.subjects)
    assert {case.known.place for case in cases if case.known} == {f"{file}:7"}


def test_the_last_day_counts(file: Path) -> None:
    """An entry accepts its cases on its last day, and no longer on the next one."""
    today = dt.datetime.now(dt.UTC).date()
    for expires, expired in ((today + dt.timedelta(days=1), False), (today - dt.timedelta(days=1), True)):
        file.write_text(f"schema = 1\n{ENTRY}expires = {expires}\n", encoding="utf-8")
        assert load_baseline(file)[0].has_expired is expired


def test_a_deviation_does_not_cover_a_failure(file: Path) -> None:
    """An entry for a deviation accepts no failure; one for a failure accepts both."""
    file.write_text(f'schema = 1\n{ENTRY}verdict = "deviates"\n{ENTRY}', encoding="utf-8")
    deviation, failure = load_baseline(file)
    assert (deviation.covers("deviates"), deviation.covers("fail")) == (True, False)
    assert (failure.covers("deviates"), failure.covers("fail")) == (True, True)


def test_the_run_describes_its_entries(file: Path) -> None:
    """run.json has each entry with its place and how many cases it matches, whatever the run is restricted to.

    An entry with a topology that does not exist matches none, and one of another service is not counted.
    """
    entries = ENTRY + f'{ENTRY}topologies = ["nowhere"]\n' + ENTRY.replace("shop", "elsewhere")
    session = opened(file, entries, Selection(topologies=("ipv4-only",)))
    found = session.describe(requirements(), [])
    assert found.baselines == (str(file),)
    assert [(item.place.rpartition(":")[2], item.about) for item in found.known] == [
        ("2", "LISTEN-001 of shop"),
        ("6", "LISTEN-001 of shop on nowhere"),
        ("11", "LISTEN-001 of elsewhere"),
        ("8", "LISTEN-005"),
    ]
    counts = [item.cases for item in found.known]
    assert counts[0]
    assert counts[1:3] == [0, None]
    assert [item.expired for item in found.known] == [False, False, False, True]


def written(*records: Record, skip: tuple[str, ...] = ()) -> Entries:
    """Return what a baseline of a run with these records consists of."""
    return entries_of(Report(RunInfo(run="r", exit_code=1), records, ()), "ann", dt.date(2030, 1, 31), skip)


def test_what_is_written_can_be_read(file: Path) -> None:
    """Each failing requirement of a part is one entry with its topologies, whatever is in its reason, and it fits."""
    failed = [record(Verdict.FAIL, topology=name, findings=(), reason=HOSTILE) for name in ("dual-stack", "ipv4-only")]
    other = record(Verdict.FAIL, element="b", findings=(), reason="short")
    start = record(Verdict.FAIL, requirement="START-001", subject="curl", element="service")
    blocked = record(Verdict.BLOCKED, subject="curl")
    found = written(*failed, other, start, blocked, record(element="c"))
    file.write_text(f"{HEAD}\n{found.text}", encoding="utf-8")
    entries = load_baseline(file)
    assert (found.cases, found.left_out, len(entries)) == (4, (), 3)
    assert all(any(entry.names(item.key) for entry in entries) for item in (*failed, other, start))
    assert not any(entry.names(record(element="c").key) for entry in entries)
    assert {(entry.owner, entry.expires, entry.sometimes) for entry in entries} == {("ann", dt.date(2030, 1, 31), True)}
    assert written(*failed, other, skip=tuple(item.case for item in failed)).cases == 1


def test_what_cannot_be_accepted_is_left_out() -> None:
    """An unexpected pass is to be fixed in the manifest; a blocked case without its start has no reason of its own."""
    found = written(record(Verdict.UNEXPECTED_PASS), record(Verdict.BLOCKED, element="b"), record(Verdict.TIMEOUT))
    assert (found.text, found.cases) == ("", 0)
    assert [item.verdict for item in found.left_out] == [Verdict.BLOCKED, Verdict.UNEXPECTED_PASS]
