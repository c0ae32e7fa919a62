"""Nothing of a lab is left after a close, an interrupt, or a SIGKILL of any process that it depends on."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError
from dualstack.lab import supervisor_client
from dualstack.lab.leftovers import boot_ticks, holders, link_of
from dualstack.lab.netns import NetnsBackend
from dualstack.lab.proving import prove
from dualstack.topology import load_topology

VICTIM = Path(__file__).with_name("victim.py")


@dataclass(frozen=True, slots=True)
class Run:
    """A run to be killed, and what it reported about its processes and namespaces."""

    process: subprocess.Popen[str]
    told: dict[str, Any]
    pidfds: tuple[int, ...]

    def wait_for_the_end_of_all(self) -> None:
        """Wait until the supervisor and process 1 of its namespaces have ended."""
        deadline = Deadline(10, "the supervisor's processes to end")
        for descriptor in self.pidfds:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            if not poller.poll(deadline.remaining * 1000):
                raise deadline.error()

    def left(self, before: int) -> list[str]:
        """Return what is left of it."""
        return holders(set(self.told["namespaces"]), before)


@contextmanager
def running(scratch: Path, labs: int = 1, **popen: Any) -> Iterator[Run]:
    """Run a victim until it has reported what it made."""
    command = [sys.executable, str(VICTIM), str(labs), str(scratch)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **(pipes | popen)) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        pidfds = tuple(os.pidfd_open(pid) for pid in told["pids"])
        try:
            yield Run(process, told, pidfds)
        finally:
            process.kill()
            for descriptor in pidfds:
                os.close(descriptor)


@pytest.mark.parametrize("victim", ["run", "supervisor", "process 1"])
def test_a_sigkill_leaves_nothing(backend: NetnsBackend, tmp_path: Path, victim: str) -> None:
    """SIGKILL of the run, the supervisor or process 1 ends every process of the labs, detached ones too."""
    with running(tmp_path, labs=2) as run:
        assert run.left(boot_ticks()), "the check sees what is there"
        before = boot_ticks()
        pid = {"run": run.process.pid, "supervisor": run.told["pids"][0], "process 1": run.told["pids"][1]}[victim]
        os.kill(pid, signal.SIGKILL)
        run.wait_for_the_end_of_all()
        assert run.left(before) == []


def test_a_stopped_supervisor_dies_too(backend: NetnsBackend, tmp_path: Path) -> None:
    """Process 1 ends with the supervisor's first process even if it is stopped."""
    with running(tmp_path) as run:
        os.kill(run.told["pids"][1], signal.SIGSTOP)
        before = boot_ticks()
        run.process.kill()
        run.wait_for_the_end_of_all()
        assert run.left(before) == []


def test_an_interrupt_closes_in_order(backend: NetnsBackend, tmp_path: Path) -> None:
    """After a Ctrl-C to the whole process group, as from a terminal, nothing is left, and the run can report that."""
    with running(tmp_path, start_new_session=True) as run:
        assert run.process.stdout is not None
        os.killpg(run.process.pid, signal.SIGINT)
        said = json.loads(run.process.stdout.readline())
        assert said["before"], "the supervisor does not die of the Ctrl-C itself"
        assert said["after"] == []
        assert run.process.wait(10) == 0
        run.wait_for_the_end_of_all()


def test_the_end_of_a_thread_is_not_the_end_of_the_run() -> None:
    """A backend that was started in a thread still works when that thread has ended."""
    backend = NetnsBackend()
    made = []
    thread = threading.Thread(target=lambda: made.append(backend.up(load_topology("dual-stack"))))
    thread.start()
    thread.join()
    assert prove(made[0])
    made[0].close()
    backend.close()
    assert backend.leftovers() == []


def test_a_supervisor_that_does_not_answer_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A late answer is never taken for that to the next request: the supervisor is killed, the next lab is right."""
    backend = NetnsBackend()
    try:
        backend.up(load_topology("dual-stack")).close()
        assert backend._supervisor is not None
        with monkeypatch.context() as patch:  # while it does not answer: a busy machine may delay any other answer
            patch.setattr(supervisor_client, "_ANSWER_TIMEOUT", 3.0)
            backend._supervisor._connection.settimeout(3.0)
            os.kill(backend._supervisor.pids[1], signal.SIGSTOP)
            with pytest.raises(HarnessError, match="has not answered for 3 s, and was killed"):
                backend.up(load_topology("ipv6-only"))
        lab = backend.up(load_topology("dual-stack"))
        assert prove(lab)
        lab.close()
    finally:
        backend.close()
    assert backend.leftovers() == []


def test_two_backends_do_not_disturb_each_other() -> None:
    """Two backends of one process make labs with the same addresses and names at once; one may end first."""
    backends = NetnsBackend(), NetnsBackend()
    labs = [backend.up(load_topology("dual-stack")) for backend in backends]
    assert prove(labs[0]) == prove(labs[1])
    assert backends[0].leftovers()
    labs[0].close()
    backends[0].close()
    assert backends[0].leftovers() == []
    assert prove(labs[1])
    assert backends[1].leftovers()
    labs[1].close()
    backends[1].close()
    assert backends[1].leftovers() == []


def test_a_backend_can_be_used_again_after_its_end() -> None:
    """A closed backend starts again with the next lab; closing it twice does nothing."""
    backend = NetnsBackend()
    for _ in range(2):
        lab = backend.up(load_topology("ipv6-only"))
        lab.close()
        lab.close()
        backend.close()
        backend.close()
    assert backend.leftovers() == []


def test_the_check_sees_a_descriptor_that_is_held() -> None:
    """A process that only holds a descriptor of a namespace is found by `holders`."""
    with Path("/proc/self/ns/uts").open() as namespace:
        link = link_of("uts", os.fstat(namespace.fileno()).st_ino)
        assert any(line.startswith(f"process {os.getpid()} ") for line in holders({link}))
    assert not any(line.startswith(f"process {os.getpid()} ") for line in holders({link}))
