"""A host for the prober's tests, and programs to run on it."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dualstack.deadline import Deadline
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.messages import Launch

Start = Callable[..., ProgramHandle]


@contextmanager
def host(resolv: Path, *options: str) -> Iterator[tuple[Prober, subprocess.Popen[bytes]]]:
    """Make a host; yield its prober and the process whose end is the host's."""
    ours, theirs = socket.socketpair()
    with theirs:
        script = Path(__file__).with_name("host.py")
        process = subprocess.Popen(
            [sys.executable, script, str(theirs.fileno()), resolv, *options], pass_fds=[theirs.fileno()]
        )
    prober = Prober(ours)
    try:
        yield prober, process
    finally:
        prober.close()
        process.wait(20)


@pytest.fixture(scope="session")
def resolv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a resolv.conf that names one server, on the host itself."""
    path = tmp_path_factory.mktemp("etc") / "resolv.conf"
    path.write_text("nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")
    return path


@pytest.fixture(scope="session")
def prober(resolv: Path) -> Iterator[Prober]:
    """Return the prober of a host that all tests share; it has only a loopback interface."""
    with host(resolv) as (made, _):
        yield made


@pytest.fixture(scope="session")
def linked_prober(resolv: Path) -> Iterator[Prober]:
    """Return the prober of a host that has a link, addresses and routes."""
    with host(resolv, "link") as (made, _):
        yield made


@pytest.fixture
def own_host(resolv: Path) -> Iterator[tuple[Prober, subprocess.Popen[bytes]]]:
    """Return a host that the test may break: its prober and its process."""
    with host(resolv) as made:
        yield made


@pytest.fixture
def launch(tmp_path: Path) -> Callable[..., Launch]:
    """Return a function that makes the `Launch` of a command."""

    def make(*command: str, directory: str = str(tmp_path), **fields: str) -> Launch:
        made = Launch(command, directory, environment={"PATH": os.environ["PATH"]}, scratch=str(tmp_path))
        return replace(made, **fields)  # type: ignore[arg-type]  # texts only

    return make


@pytest.fixture
def start(prober: Prober, launch: Callable[..., Launch]) -> Iterator[Start]:
    """Return a function that starts a Python script on the shared host; the script is killed after the test."""
    running: list[ProgramHandle] = []

    def run(script: str, **fields: str) -> ProgramHandle:
        running.append(prober.start(launch(sys.executable, "-c", script, **fields)))
        return running[-1]

    yield run
    for program in running:
        program.stop("SIGKILL", Deadline(5, "the test's program to be gone"))
