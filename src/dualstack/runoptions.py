"""The options of a run for pytest, and what they mean: which cases, in which order, and until when."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dualstack.backend_names import BACKENDS
from dualstack.expected import expected_seconds
from dualstack.plan import START, PlannedCase, Selection
from dualstack.requirement import Level
from dualstack.session import RESULTS
from dualstack.stopping import Stopping

_LISTS = {
    "service": ("FILE", "a service's manifest (repeatable)"),
    "suites": ("DIR", "a folder with suites from outside (repeatable)"),
    "baseline": ("FILE", "known issues that do not fail the run, in a file beside the manifests (repeatable)"),
    "configuration": ("NAME", "only this configuration"),
    "topology": ("NAME", "only this topology"),
    "requirement": ("ID", "only this requirement or group"),
    "element": ("NAME", "only this listener or connector"),
    "plan": ("NAME", "only the cases that fill the rows of this plan"),
    "docker-host": ("URL", "a container engine to which workers are spread (repeatable)"),
    "case": ("KEY", "only this case"),
    "first": ("KEY", "this case before all others but START-001"),
}
_VALUES = {
    "keyword": ("EXPRESSION", "only the cases whose keys match"),
    "shard": ("I/N", "only the I-th of N parts of the cases"),
    "durations": ("FILE", "with a shard: the seconds that cases took, as JSON"),
    "command": ("TEXT", "the command line that started the run, for the report"),
    "compare": ("RESULTS", "the earlier run that the report compares with: its folder, or its results.json"),
}
_FLAGS = {
    "ignore-known": "judge known issues like any other case",
    "known-only": "run only the cases that a manifest declares as known",
    "strict": "a SHOULD counts like a MUST",
    "fail-fast": "start no further case after the first failure",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run, all with the prefix ``--dualstack-``."""
    group = parser.getgroup("dualstack", "verify services on IPv4-only, IPv6-only and dual-stack networks")
    for name, (metavar, text) in _LISTS.items():
        group.addoption(f"--dualstack-{name}", action="append", default=[], metavar=metavar, help=text)
    for name, (metavar, text) in _VALUES.items():
        group.addoption(f"--dualstack-{name}", default="", metavar=metavar, help=text)
    for name, text in _FLAGS.items():
        group.addoption(f"--dualstack-{name}", action="store_true", help=text)
    group.addoption("--dualstack-lab", default=BACKENDS[0], choices=BACKENDS, help="the kind of lab")
    group.addoption("--dualstack-results", default=RESULTS, metavar="DIR", help=f"the folder for results ({RESULTS})")
    text = "start no case later than so many seconds after the begin of the run"
    group.addoption("--dualstack-budget", type=float, metavar="SECONDS", help=text)
    group.addoption("--dualstack-deadline", type=float, metavar="TIME", help="that time, as time.monotonic counts")
    group.addoption("--dualstack-events", type=int, metavar="FD", help="write events to this file descriptor")


def selection_of(option: Any) -> Selection:
    """Return what a run is restricted to.

    Raises:
        UsageError: The expression for case keys is wrong.
    """
    selection = Selection(
        topologies=tuple(option.dualstack_topology),
        requirements=tuple(option.dualstack_requirement),
        elements=tuple(option.dualstack_element),
        plans=tuple(option.dualstack_plan),
        ignore_known=option.dualstack_ignore_known,
        known_only=option.dualstack_known_only,
        keyword=option.dualstack_keyword,
        cases=frozenset(option.dualstack_case),
    )
    selection.names("")  # a wrong expression is refused here
    return selection


def stopping_of(folder: Path, option: Any) -> Stopping:
    """Return what ends a run early; its processes get the same time, which is determined once."""
    if option.dualstack_budget is not None and option.dualstack_deadline is None:
        option.dualstack_deadline = time.monotonic() + option.dualstack_budget
    return Stopping(folder, option.dualstack_deadline, option.dualstack_budget)


def order_of(option: Any, *, shared: bool) -> Callable[[PlannedCase | None], tuple[bool, bool, int, float]]:
    """Return the key of the order of cases: START-001, those named as first; with a budget then the strictest ones.

    Where several processes share the cases, the longest come next, so that none of them is the last one to run alone.
    """
    first, levels = frozenset(option.dualstack_first), list(Level)

    def key(case: PlannedCase | None) -> tuple[bool, bool, int, float]:
        if case is None:
            return True, True, len(levels), 0
        rank = levels.index(case.requirement.level) if option.dualstack_budget is not None else 0
        seconds = expected_seconds(case.requirement.id) if shared and not case.not_applicable else 0
        return case.requirement.id != START, case.id not in first, rank, -seconds

    return key
