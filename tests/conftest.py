"""What the tests of the harness have in common."""

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from dualstack import extensions
from dualstack.protocols import outside, registry

# A shell ignores Ctrl-C for what it starts in the background, and all that this starts would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# It is for this pytest; tests read what others print, which it may change.
os.environ.pop("PYTEST_ADDOPTS", None)

_NO_DOCKER = "no docker lab: "
"""What the reason begins with for which tests of the docker lab are skipped."""

_TOGETHER = (
    *("tests/docker/engines/", "tests/test_dependency_law.py", "tests/test_packaging.py", "tests/test_site.py"),
    "tests/test_sizes.py",
)
"""Where the tests share what takes long to make: engines of their own, the imports of all modules, wheel and site."""


_EXAM = (
    "tests/docker/",
    "tests/exam/",
    "tests/named/",
    "tests/real/",
    "tests/reference/",
    "tests/rootfs/test_build.py",
)
"""Where the long tests are: they need a container engine or a private Debian root file system, or run whole suites."""

_LABS = (
    *("tests/browser/", "tests/faults/", "tests/lab/", "tests/test_browser.py"),
    *("tests/test_own_suite.py", "tests/test_packaging.py", "tests/test_site.py", "tests/test_tutorial.py"),
)
"""Where every test makes a lab, or something else that takes seconds, such as pages of a browser."""

_LAB_FIXTURES = frozenset({"backend", "linked_prober", "loopback_host", "own_host", "prober", "start", "veth_host"})
"""The fixtures that make a lab, or a part of one."""


_MOST_REPEATED = 3
"""Continuous integration repeats a test that fails; with more than so many the run fails, whatever comes of them."""

_SHORT = "not lab and not exam"
"""The marker expression of the tests that need milliseconds."""

_LEFT_OUT = {
    _SHORT: "every test that needs a lab (make test), and the long exam (make exam)",
    "not exam": "real servers, programs in C, Docker labs, root file systems (make exam)",
}
"""What the levels of the Makefile leave out, by their marker expression."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that changes the order of the tests."""
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in another order, one for each seed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with what it takes: ``exam`` the long ones, ``lab`` those that need namespaces of the machine."""
    if config.option.shuffle is not None:
        random.Random(config.option.shuffle).shuffle(items)  # noqa: S311 - an order, no secret
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.nodeid.startswith(_EXAM) and item.get_closest_marker("brief") is None:
            item.add_marker("exam")
        elif item.nodeid.startswith((*_EXAM, *_LABS)) or _LAB_FIXTURES & fixtures:
            item.add_marker("lab")


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Every test by itself to whichever process has nothing to do; those that share something all to one, and first."""

    def _split_scope(self, nodeid: str) -> str:
        """Return what a test goes together with."""
        return next((place for place in _TOGETHER if nodeid.startswith(place)), nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        """Forget what a process has done before it gets more: xdist counts all that it knows of, after each test."""
        work = self.assigned_work[node]
        for scope in [scope for scope, tests in work.items() if all(tests.values())]:
            del work[scope]
        super()._reschedule(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Make what tests share once a run, not once a process; short tests alone are shared out as ``--dist`` says."""
    return None if config.option.markexpr == _SHORT else _Scheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables that tests were asked to show."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for name, text in getattr(report, "user_properties", ()):
                if name == "exam":
                    terminalreporter.write_line(str(text))
    _tell_what_was_repeated(terminalreporter)
    _tell_what_docker_lacks(terminalreporter)
    _tell_what_was_left_out(terminalreporter)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The run fails if many tests passed only when they were repeated."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and len(reporter.stats.get("rerun", ())) > _MOST_REPEATED:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _tell_what_was_repeated(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that were repeated, with why they failed at first: each is a defect of the harness or the test."""
    for report in terminalreporter.stats.get("rerun", ()):
        reason = getattr(getattr(report.longrepr, "reprcrash", None), "message", "").partition("\n")[0]
        terminalreporter.write_line(f"repeated: {report.nodeid}: {reason}", yellow=True)


def _tell_what_was_left_out(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the chosen level of testing leaves out, and which command runs it."""
    left_out = _LEFT_OUT.get(terminalreporter.config.option.markexpr)
    if left_out:
        terminalreporter.write_line(f"left out: {left_out}", yellow=True)


def _tell_what_docker_lacks(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests of the docker lab were left out, why, and how to have them."""
    reasons = Counter(
        report.longrepr[2].partition(_NO_DOCKER)[2]
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple) and _NO_DOCKER in report.longrepr[2]
    )
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} tests of the docker lab were left out: {reason}", yellow=True)
    if reasons:
        terminalreporter.write_line(
            "to run them all, with an engine that is installed and started if there is none: sudo CI=true .ci/run",
            yellow=True,
        )


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the protocols that a test adds, and the folders and packages that it names."""
    monkeypatch.setattr(outside, "_SOURCES", [])
    monkeypatch.setattr(extensions, "_NAMED", {})
    before = dict(registry.PROTOCOLS)
    for function in (extensions._installed, extensions._load_protocols):
        function.cache_clear()
    yield
    registry.PROTOCOLS.clear()
    registry.PROTOCOLS.update(before)
    for function in (extensions._installed, extensions._load_protocols):
        function.cache_clear()
