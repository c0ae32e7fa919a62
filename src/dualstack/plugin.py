"""The pytest plugin: it makes cases from manifests, runs each in its lab, and makes a verdict and a record of it.

It is idle without ``--dualstack-service``. Records reach `recordkeeping`, in the controlling process, with pytest's
reports.
"""

import os
import signal
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from dualstack.collection import pytest_collect_directory, pytest_pycollect_makemodule
from dualstack.errors import ServiceError, UsageError
from dualstack.extensions import add_folders
from dualstack.plan import START, PlannedCase, plan_cases
from dualstack.recordkeeping import RecordKeeper
from dualstack.requirement import Requirement
from dualstack.results import Record
from dualstack.runoptions import order_of, pytest_addoption, selection_of, stopping_of
from dualstack.session import RunSession, open_session, rerun_command
from dualstack.sharding import Shard, durations_in
from dualstack.startup import Startups
from dualstack.stopping import Stopping
from dualstack.verdict import Verdict, judge

if TYPE_CHECKING:
    from dualstack.lab.protocol import Backend
    from dualstack.world import World

__all__ = ["SESSION", "STARTUPS", "pytest_addoption", "pytest_collect_directory", "pytest_pycollect_makemodule"]

SESSION = pytest.StashKey[RunSession]()
"""The run, if there is one."""

STARTUPS = pytest.StashKey[Startups]()
"""The starts of the run's services."""

_RECORD = pytest.StashKey[Record]()
_STOPPING = pytest.StashKey[Stopping]()
_UNRUN = pytest.StashKey[str]()
"""Why a case did not run, so that it has no record."""

_KEEPER = "dualstack-records"
_SHUTDOWN_TIMEOUT = 1.5
"""Seconds that a run may take to write its results after its command was killed."""

_PASSED = frozenset({Verdict.PASS, Verdict.DEVIATES, Verdict.OBSERVED, Verdict.KNOWN})
"""Verdicts that count as passed in pytest."""

_OF_THE_SERVICE = frozenset({Verdict.FAIL, Verdict.KNOWN})
"""Verdicts of START-001 on a service that does not start."""

_OF_THE_LAB = frozenset({Verdict.HOST_CANNOT, Verdict.BROKEN_LAB, Verdict.HARNESS_ERROR})
"""Verdicts that leave open whether the service would have started."""


def pytest_configure(config: pytest.Config) -> None:
    """Open the run, if a service is named."""
    config.addinivalue_line("markers", "topology(name): the topology of the test's lab")
    config.addinivalue_line("markers", "service(file): the manifest of the service that the test starts")
    option = config.option
    if not option.dualstack_service:
        return
    shared = getattr(config, "workerinput", {}).get("dualstack")
    try:
        add_folders(map(Path, option.dualstack_suites))
        session = open_session(
            [Path(item) for item in option.dualstack_service],
            results=Path(option.dualstack_results),
            configurations=option.dualstack_configuration,
            selection=selection_of(option),
            strict=option.dualstack_strict,
            lab=option.dualstack_lab,
            baselines=[Path(item) for item in option.dualstack_baseline],
            shared=shared,
            engines=option.dualstack_docker_host,
            shard=_shard(option.dualstack_shard, option.dualstack_durations),
        )
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[SESSION] = session
    config.stash[STARTUPS] = Startups(session.folder, alone=shared is None)
    stopping = stopping_of(session.folder, option)
    config.stash[_STOPPING] = stopping
    if shared is not None or option.dualstack_events is not None:
        _end_with_parent(worker=shared is not None)
    if shared is None:
        config.pluginmanager.register(RecordKeeper(session, config, config.stash[STARTUPS], stopping), _KEEPER)


def _shard(text: str, durations: str) -> Shard | None:
    """Return the part of the run that the options name; None for the whole.

    Raises:
        UsageError: An option is wrong.
    """
    return Shard.of(text, durations_in(Path(durations)) if durations else {}) if text else None


def _end_with_parent(*, worker: bool) -> None:
    """End this process when its parent ends, even if the parent is killed.

    A worker is killed. The controlling process, which leads a process group (see `cli.verifying`), interrupts itself
    and its workers, and so writes the results that it has; after `_SHUTDOWN_TIMEOUT` seconds SIGALRM ends it.
    """
    from dualstack.prober.libc import die_with_parent  # noqa: PLC0415 - loads the C library, needed only in a run

    if not worker:
        signal.signal(signal.SIGTERM, _shut_down)
    die_with_parent(signal.SIGKILL if worker else signal.SIGTERM)


def _shut_down(*_: object) -> None:
    """Interrupt this process and its workers; end after `_SHUTDOWN_TIMEOUT` seconds at the latest."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, _SHUTDOWN_TIMEOUT)
    os.killpg(os.getpid(), signal.SIGINT)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the run to a worker."""
    session = node.config.stash.get(SESSION, None)
    if session is not None:
        node.workerinput["dualstack"] = session.share()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise a test of the suites with its cases."""
    requirement = Requirement.of(metafunc.function)
    if requirement is None or "case" not in metafunc.fixturenames:
        return
    session = metafunc.config.stash.get(SESSION, None)
    cases = plan_cases(requirement, session.subjects, session.selection) if session else []
    metafunc.parametrize("case", cases, ids=[case.id for case in cases])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that have no case in this run; put the cases in the order of the run."""
    if SESSION not in config.stash:
        return
    order = order_of(config.option, shared=hasattr(config, "workerinput"))
    items.sort(key=lambda item: order(_case_of(item)))
    idle = {item for item in items if _is_check(item) and _case_of(item) is None}
    idle |= _of_other_shards(config.stash[SESSION], items)
    if idle:
        items[:] = [item for item in items if item not in idle]
        config.hook.pytest_deselected(items=list(idle))


def _of_other_shards(session: RunSession, items: list[pytest.Item]) -> set[pytest.Item]:
    """Return the cases that do not run in the run's shard, and write the split to its folder; none without a shard."""
    if session.shard is None:
        return set()
    cases = {item: case for item in items if (case := _case_of(item))}
    try:
        owners = session.shard.owners(cases.values())
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    session.shard.write(session.folder, owners, {case.subject.path for case in cases.values()})
    held = session.shard.holds(owners)
    return {item for item, case in cases.items() if case.key not in held}


def _is_check(item: pytest.Item) -> bool:
    """Return whether a test item is the check of a requirement."""
    return isinstance(item, pytest.Function) and Requirement.of(item.function) is not None


def _case_of(item: pytest.Item) -> PlannedCase | None:
    """Return the case of a test item; None if it has none."""
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec else None
    return case if isinstance(case, PlannedCase) else None


def _is_start(case: PlannedCase | None) -> bool:
    """Return whether a case is one of START-001."""
    return case is not None and case.requirement.id == START


def pytest_collection_finish(session: pytest.Session) -> None:
    """Pass the services whose start is a case of the run to `Startups`."""
    if STARTUPS in session.config.stash:
        cases = [case for item in session.items if (case := _case_of(item)) and not case.not_applicable]
        session.config.stash[STARTUPS].expect(frozenset(case.subject.name for case in cases if _is_start(case)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a case that does not apply or is blocked, before a lab is made for it."""
    case = _case_of(item)
    if case is None:
        return
    verdict, reason = Verdict.NOT_APPLICABLE, case.not_applicable
    if not reason and (why := item.config.stash[_STOPPING].reason()):
        item.stash[_UNRUN] = why
        pytest.skip(why)
    if not reason and not _is_start(case):
        verdict, reason = Verdict.BLOCKED, item.config.stash[STARTUPS].blocking(case)
    if reason:
        item.stash[_RECORD] = _record(case, item.config, verdict, reason)
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Run the test in its lab, judge what it found, and complete the record."""
    case = _case_of(pyfuncitem)
    if case is None:
        return (yield)
    world = cast("World", pyfuncitem.funcargs["world"])
    world.completes = pyfuncitem.config.stash[STARTUPS].completes(case)
    error: Exception | None = None
    try:
        with world:
            yield
            world.finish()
        world.conclude()
    except Exception as raised:  # noqa: BLE001 - every error becomes a verdict; its type says who is to blame
        error = raised
    record = _judged(pyfuncitem, case, world, error)
    pyfuncitem.stash[_RECORD] = record
    if record.verdict in {Verdict.NOT_APPLICABLE, Verdict.BLOCKED}:
        pytest.skip(record.reason)
    if error is not None and record.verdict not in _PASSED:
        raise error
    if record.verdict is Verdict.UNEXPECTED_PASS and case.known is not None:
        raise UsageError(f"it passes, but {case.known.place} declares it as a known issue: {case.known.reason}")
    return True


def _judged(item: pytest.Function, case: PlannedCase, world: "World", error: Exception | None) -> Record:
    """Return the complete record of a case that ended with ``error``, or without one."""
    from dualstack.casework import complete, start_of  # noqa: PLC0415 - heavy, and idle sessions must not pay for it

    session, startups = item.config.stash[SESSION], item.config.stash[STARTUPS]
    level = case.requirement.level
    expected = case.known is not None and (error is not None or not case.known.sometimes)
    expected = expected and case.known is not None and case.known.covers(judge(level, error).value)
    verdict = judge(level, error, known=expected)
    if _is_start(case):
        judged = verdict in _OF_THE_SERVICE
        startups.note(
            case.subject.name, getattr(world, "faults", {}) if judged else {}, getattr(world, "completed", None)
        )
    elif world.unstarted and verdict not in _OF_THE_LAB:
        backend = cast("Backend", item.funcargs["backend"])
        if why := startups.determine(case, lambda: start_of(case.subject, backend, session)):
            return complete(_record(case, item.config, Verdict.BLOCKED, why), world, session.folder)
    reason = str(error or (case.known.reason if case.known and expected else ""))
    record = _record(case, item.config, verdict, reason)
    record = replace(record, not_ready=isinstance(error, ServiceError) and error.not_ready)
    return complete(record, world, session.folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the record to the report, so that it reaches the controlling process."""
    report = yield
    case = _case_of(item)
    if case is None or _UNRUN in item.stash:
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
    """Return the record of a case, without what its lab adds."""
    return Record(
        requirement=case.requirement.id,
        title=case.requirement.title,
        level=case.requirement.level.value,
        subject=case.subject.name,
        manifest=str(case.subject.path),
        element=case.element,
        topology=case.topology,
        verdict=verdict,
        reason=reason,
        lacks=case.lacks.code if case.lacks and not case.exemption else "",
        known_at=entry.place if (entry := case.known or case.expired) else "",
        rerun=rerun_command(case, config.option.dualstack_lab),
        engine=config.stash[SESSION].engine_of(str(getattr(config, "workerinput", {}).get("workerid", ""))),
        causes=() if verdict is Verdict.BLOCKED else case.requirement.causes,
    )
