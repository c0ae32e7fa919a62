"""What the tests of the harness have in common."""

from collections import Counter

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_NO_DOCKER = "no docker lab: "
"""What the reason begins with for which tests of the docker lab are skipped."""

_TOGETHER = ("tests/docker/engines/", "tests/test_packaging.py")
"""Where the tests share what takes long to make: engines of their own, the wheel."""


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Every test by itself to whichever process has nothing to do; those that share something all to one, and first."""

    def _split_scope(self, nodeid: str) -> str:
        """Return what a test goes together with."""
        return next((place for place in _TOGETHER if nodeid.startswith(place)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Make what tests share once a run, not once a process."""
    return _Scheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables that tests were asked to show."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for name, text in getattr(report, "user_properties", ()):
                if name == "exam":
                    terminalreporter.write_line(str(text))
    _tell_what_docker_lacks(terminalreporter)


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
