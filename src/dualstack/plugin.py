"""The pytest plugin: cases from manifests, worlds around tests, verdicts and records from what they did.

It is idle without ``--dualstack-service``. Records reach `recordkeeping`, in the controlling process, with the reports.
"""

import os
import signal
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pytest

from dualstack.errors import UsageError
from dualstack.kinds import KINDS
from dualstack.plan import START, PlannedCase, Selection, plan_cases
from dualstack.recordkeeping import RecordKeeper
from dualstack.requirement import Requirement
from dualstack.results import Record
from dualstack.session import RESULTS, RunSession, open_session, rerun_command
from dualstack.startup import Startups
from dualstack.suites import SUITES, module_of
from dualstack.verdict import Verdict, judge

if TYPE_CHECKING:
    from dualstack.lab.protocol import Backend
    from dualstack.world import World

SESSION = pytest.StashKey[RunSession]()
"""The run, where there is one."""

STARTUPS = pytest.StashKey[Startups]()
"""What is known of the starts of the run's services."""

_RECORD = pytest.StashKey[Record]()
_KEEPER = "dualstack-records"
_ORDERLY = 1.5
"""Seconds that a run whose command was killed may take to write what there is."""

_QUIET = frozenset({Verdict.PASS, Verdict.DEVIATES, Verdict.OBSERVED, Verdict.KNOWN})
"""Verdicts that let the test pass in pytest's own count."""

_OF_THE_SERVICE = frozenset({Verdict.FAIL, Verdict.KNOWN})
"""Verdicts on a service that does not start."""

_OF_THE_LAB = frozenset({Verdict.HOST_CANNOT, Verdict.BROKEN_LAB, Verdict.HARNESS_ERROR})
"""Verdicts that leave open whether the service would have started."""


_LISTS = {
    "service": ("FILE", "a service's manifest (repeatable)"),
    "configuration": ("NAME", "only this configuration"),
    "topology": ("NAME", "only this topology"),
    "requirement": ("ID", "only this requirement or group"),
    "element": ("NAME", "only this listener or connector"),
}
_FLAGS = {
    "ignore-known": "judge known failings like any other",
    "known-only": "run only the cases that a manifest names as known",
    "strict": "a SHOULD counts like a MUST",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run, all with the prefix ``--dualstack-``."""
    group = parser.getgroup("dualstack", "verify services on IPv4-only, IPv6-only and dual-stack networks")
    for name, (metavar, text) in _LISTS.items():
        group.addoption(f"--dualstack-{name}", action="append", default=[], metavar=metavar, help=text)
    for name, text in _FLAGS.items():
        group.addoption(f"--dualstack-{name}", action="store_true", help=text)
    group.addoption("--dualstack-lab", default=KINDS[0], choices=KINDS, help="what labs are made of")
    group.addoption("--dualstack-results", default=RESULTS, metavar="DIR", help=f"results go here ({RESULTS})")
    group.addoption("--dualstack-events", type=int, metavar="FD", help="write events to this file descriptor")


def pytest_configure(config: pytest.Config) -> None:
    """Open the run, if a service is named."""
    config.addinivalue_line("markers", "topology(name): the world that the test's lab is")
    config.addinivalue_line("markers", "service(file): the manifest of the service that the test starts")
    option = config.option
    if not option.dualstack_service:
        return
    shared = getattr(config, "workerinput", {}).get("dualstack")
    selection = Selection(
        topologies=tuple(option.dualstack_topology),
        requirements=tuple(option.dualstack_requirement),
        elements=tuple(option.dualstack_element),
        ignore_known=option.dualstack_ignore_known,
        known_only=option.dualstack_known_only,
    )
    try:
        session = open_session(
            [Path(item) for item in option.dualstack_service],
            results=Path(option.dualstack_results),
            configurations=option.dualstack_configuration,
            selection=selection,
            strict=option.dualstack_strict,
            lab=option.dualstack_lab,
            shared=shared,
        )
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[SESSION] = session
    config.stash[STARTUPS] = Startups(session.folder, alone=shared is None)
    if shared is not None or option.dualstack_events is not None:
        _end_with_parent(worker=shared is not None)
    if shared is None:
        config.pluginmanager.register(RecordKeeper(session, config, config.stash[STARTUPS]), _KEEPER)


def _end_with_parent(*, worker: bool) -> None:
    """Let this process end with the one that started it, even if that is killed: nobody would see its results.

    A worker is killed. The controlling process interrupts itself and its workers, and so writes what there is; it leads
    a process group of its own (see `cli.run`). What takes longer than `_ORDERLY` seconds ends by SIGALRM.
    """
    from dualstack.prober.libc import die_with_parent  # noqa: PLC0415 - loads the C library, needed only in a run

    if not worker:
        signal.signal(signal.SIGTERM, _end_in_good_order)
    die_with_parent(signal.SIGKILL if worker else signal.SIGTERM)


def _end_in_good_order(*_: object) -> None:
    """Interrupt this process and its workers, and end at the latest after a while."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, _ORDERLY)
    os.killpg(os.getpid(), signal.SIGINT)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker which run it belongs to."""
    session = node.config.stash.get(SESSION, None)
    if session is not None:
        node.workerinput["dualstack"] = session.share()


class _SuiteFile(pytest.Module):
    """A file of our suites: its module may be imported already, as part of the content."""

    def _getobj(self) -> ModuleType:
        """Return the module."""
        return module_of(self.path)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Take the files of our suites over."""
    return _SuiteFile.from_parent(parent, path=module_path) if module_path.is_relative_to(SUITES) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a suite's test into its cases."""
    requirement = Requirement.of(metafunc.function)
    if requirement is None or "case" not in metafunc.fixturenames:
        return
    session = metafunc.config.stash.get(SESSION, None)
    cases = plan_cases(requirement, session.subjects, session.selection) if session else []
    metafunc.parametrize("case", cases, ids=[case.id for case in cases])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of requirements that the run's selection leaves without a case; starts come first."""
    if SESSION not in config.stash:
        return
    items.sort(key=lambda item: not _is_start(_case_of(item)))
    idle = [item for item in items if _is_check(item) and _case_of(item) is None]
    if idle:
        items[:] = [item for item in items if item not in idle]
        config.hook.pytest_deselected(items=idle)


def _is_check(item: pytest.Item) -> bool:
    """Return whether a test item is the check of a requirement."""
    return isinstance(item, pytest.Function) and Requirement.of(item.function) is not None


def _case_of(item: pytest.Item) -> PlannedCase | None:
    """Return the case that a test item is, if it is one."""
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec else None
    return case if isinstance(case, PlannedCase) else None


def _is_start(case: PlannedCase | None) -> bool:
    """Return whether a case shows that a service starts."""
    return case is not None and case.requirement.id == START


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note the services whose start is a case of the run."""
    if STARTUPS in session.config.stash:
        cases = [case for item in session.items if (case := _case_of(item)) and not case.not_applicable]
        session.config.stash[STARTUPS].expect(frozenset(case.subject.name for case in cases if _is_start(case)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a case that does not apply, or is blocked, before anything is made for it."""
    case = _case_of(item)
    if case is None:
        return
    why = [(Verdict.NOT_APPLICABLE, case.not_applicable)]
    if not case.not_applicable and not _is_start(case):
        why.append((Verdict.BLOCKED, item.config.stash[STARTUPS].blocking(case)))
    for verdict, reason in why:
        if reason:
            item.stash[_RECORD] = _record(case, item.config, verdict, reason)
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Put the case's world around the test, judge what it found, and complete the record."""
    case = _case_of(pyfuncitem)
    if case is None:
        return (yield)
    from dualstack.casework import complete, start_of  # noqa: PLC0415 - heavy, and idle sessions must not pay for it

    world = cast("World", pyfuncitem.funcargs["world"])
    error: Exception | None = None
    try:
        with world:
            yield
            world.wire()
        world.conclude()
    except Exception as raised:  # noqa: BLE001 - every error becomes a verdict; its type says whose fault it is
        error = raised
    session, startups = pyfuncitem.config.stash[SESSION], pyfuncitem.config.stash[STARTUPS]
    expected = case.known is not None and (error is not None or not case.known.sometimes)
    verdict = judge(case.requirement.level, error, known=expected)
    if _is_start(case):
        startups.note(case.subject.name, getattr(world, "faults", {}) if verdict in _OF_THE_SERVICE else {})
    elif world.unstarted and verdict not in _OF_THE_LAB:
        backend = cast("Backend", pyfuncitem.funcargs["backend"])
        why = startups.find_out(case, lambda: start_of(case.subject, backend, session))
        if why:
            record = _record(case, pyfuncitem.config, Verdict.BLOCKED, why)
            pyfuncitem.stash[_RECORD] = complete(record, world, session.folder)
            pytest.skip(why)
    reason = str(error or (case.known.reason if case.known and expected else ""))
    pyfuncitem.stash[_RECORD] = complete(_record(case, pyfuncitem.config, verdict, reason), world, session.folder)
    if verdict is Verdict.NOT_APPLICABLE:
        pytest.skip(reason)
    if error is not None and verdict not in _QUIET:
        raise error
    if verdict is Verdict.UNEXPECTED_PASS and case.known is not None:
        raise UsageError(f"it passes, but {case.subject.path} says that it is known to fail: {case.known.reason}")
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the record to the report, so that it reaches the controlling process."""
    report = yield
    case = _case_of(item)
    if case is None:
        return report
    if call.when == "setup" and call.excinfo is not None and _RECORD not in item.stash:
        error = call.excinfo.value
        verdict = judge(case.requirement.level, error)
        item.stash[_RECORD] = _record(case, item.config, verdict, f"{type(error).__name__}: {error}")
    if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
        report.dualstack = item.stash[_RECORD].to_json()  # type: ignore[attr-defined]  # pytest-xdist carries it along
        del item.stash[_RECORD]  # pytest keeps the item to the session's end
    return report


def _record(case: PlannedCase, config: pytest.Config, verdict: Verdict, reason: str) -> Record:
    """Return a record of what is known of a case without its world."""
    return Record(
        case=case.id,
        requirement=case.requirement.id,
        title=case.requirement.title,
        level=case.requirement.level.value,
        subject=case.subject.name,
        manifest=str(case.subject.path),
        element=case.element,
        topology=case.topology,
        verdict=verdict,
        reason=reason,
        rerun=rerun_command(case, config.option.dualstack_lab),
        causes=() if verdict is Verdict.BLOCKED else case.requirement.causes,
    )
