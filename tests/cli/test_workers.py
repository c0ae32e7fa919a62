"""How many processes ``dualstack run`` uses by default."""

import argparse
import os
from pathlib import Path

import pytest

from dualstack.cli.sharded import check_engines
from dualstack.cli.verifying import _workers
from dualstack.errors import UsageError
from dualstack.requirement import Role
from dualstack.suites import file_of, requirements


def file_for(role: Role) -> Path:
    """Return a suite file about elements of that role."""
    return next(file_of(item) for item in requirements().values() if item.role is role)


@pytest.mark.parametrize(
    ("listeners", "connectors", "expected"),
    [(24, 0, 0), (25, 0, 2), (100, 0, 4), (0, 100, 8), (50, 50, 6), (0, 25, 2)],
)
def test_the_number_follows_what_cases_wait_for(
    monkeypatch: pytest.MonkeyPatch, listeners: int, connectors: int, expected: int
) -> None:
    """On two cores: one process for a few cases, up to four for listeners and up to eight for connectors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    planned = {file_for(Role.LISTENER): listeners, file_for(Role.CONNECTOR): connectors}
    assert _workers(argparse.Namespace(workers=None, docker_host=[]), planned) == expected


def test_the_user_decides() -> None:
    """A number on the command line is used as it is, except that no process is started without a case for it."""
    options = argparse.Namespace(workers=3, docker_host=[])
    assert [_workers(options, {file_for(Role.CONNECTOR): cases}) for cases in (500, 3, 2, 1)] == [3, 3, 2, 1]


def test_each_engine_gets_a_worker() -> None:
    """With two engines also a few cases run in two processes, but never in more than there are cases."""
    options = argparse.Namespace(workers=None, docker_host=["tcp://a:1", "tcp://b:1"])
    path = file_for(Role.LISTENER)
    assert [_workers(options, {path: count}) for count in (1, 2, 24)] == [0, 2, 2]
    assert _workers(options, {path: 25}) >= 2


@pytest.mark.parametrize(
    ("hosts", "lab", "workers", "expected"),
    [
        (["unix:///a"], "netns", None, "--docker-host belongs to --lab docker"),
        (["/a"], "docker", None, "found '/a', allowed: unix:///path or tcp://host:port"),
        (["tcp://"], "docker", None, "allowed"),
        (["tcp://a:1", "tcp://a:1"], "docker", None, "tcp://a:1 is given twice"),
        (["tcp://a:1", "tcp://b:1"], "docker", 1, "too few workers for 2 engines"),
    ],
)
def test_engines_that_do_not_fit_are_refused(hosts: list[str], lab: str, workers: int | None, expected: str) -> None:
    """Each wrong use of --docker-host has its sentence."""
    with pytest.raises(UsageError, match=expected):
        check_engines(argparse.Namespace(docker_host=hosts, lab=lab, workers=workers))
