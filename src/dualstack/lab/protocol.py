"""The interface of every lab backend. Backends differ only in how a host is made and how it runs a program."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from dualstack.addressing import HostPlan, Plan
from dualstack.deadline import Deadline
from dualstack.lab.changes import Change
from dualstack.lab.daemons import Daemons
from dualstack.prober.client import Prober
from dualstack.prober.messages import Await, Exit, Launch, Log, Readiness, ResourceUsage
from dualstack.topology import HostSpec, Topology


class Program(Protocol):
    """A program that was started on a host."""

    def poll(self) -> Exit | None:
        """Return how it ended, or None while it runs."""

    def wait(self, deadline: Deadline) -> Exit:
        """Wait for its end.

        Raises:
            DeadlineExpired: It still runs.
        """

    def wait_ready(self, condition: Await) -> Readiness:
        """Wait until it is ready, has ended, or the time is up."""

    def wait_log(self, pattern: str, deadline: Deadline, since: int = 0) -> str | None:
        """Wait for a line of its output, from byte ``since`` on, that matches; return it, or None if there is none."""

    def log(self) -> Log:
        """Return what it has written so far."""

    def signal(self, signal: str) -> None:
        """Send ``signal`` to its first process only; processes that this has forked get none and may continue."""

    def send_signals(self, signals: Sequence[str], every: float = 0.0) -> None:
        """Send signals to its main process, in that order, ``every`` seconds apart; none after it has ended.

        Raises:
            UsageError: There is no such signal.
            HostCannot: One of them cannot be sent here.
        """

    def pause(self) -> None:
        """Stop all its processes (SIGSTOP); return when none of them runs."""

    def resume(self) -> None:
        """Let its processes continue (SIGCONT)."""

    def tcp_sockets(self) -> tuple[int, ...]:
        """Return the inodes of the TCP sockets that its processes have open, in every state."""

    def resource_usage(self) -> ResourceUsage:
        """Return the numbers of its processes, zombies and descriptors.

        Raises:
            HostCannot: They cannot be counted here.
        """

    def stop(self, signal: str, deadline: Deadline) -> Exit | None:
        """Send ``signal`` and wait until it and all its children have ended; kill those that have not in time.

        Returns:
            How it ended, or None if it had to be killed.
        """


class Host(Protocol):
    """A host of a lab."""

    @property
    def name(self) -> str:
        """Its name in the topology."""

    @property
    def spec(self) -> HostSpec:
        """The host in the topology."""

    @property
    def plan(self) -> HostPlan:
        """Its addresses."""

    @property
    def interface(self) -> str:
        """The name of its interface on the link: ``eth0``."""

    @property
    def prober(self) -> Prober:
        """The prober inside the host; started when it is first asked for."""

    def start(self, launch: Launch) -> Program:
        """Start a program on the host.

        Raises:
            ServiceError: It cannot be executed; the message says why.
        """

    def apply(self, change: Change) -> None:
        """Change the host while a case runs; return when the change has taken effect.

        Raises:
            HarnessError: The kernel refuses.
            DeadlineExpired: The change did not take effect in time.
        """

    def inside(self, entry: str) -> socket.socket:
        """Run ``module:function`` of this package in the host's network namespace; return the stream to it.

        The function gets its end of the stream and runs in a new process, which ends with the stream and at the latest
        with the lab. Stopping a program on the host does not kill it.
        """

    def place(self, path: Path) -> str:
        """Return where a process inside the host must write what is to become ``path``, absolute, on this machine."""

    def fetch(self, path: Path) -> None:
        """Copy what was written at `place` of ``path`` to this machine; do nothing if hosts share its files.

        Raises:
            HarnessError: There is none, it is incomplete, or it cannot be written here.
        """


class Lab(Protocol):
    """A lab: a topology that was made."""

    @property
    def topology(self) -> Topology:
        """Its topology."""

    @property
    def plan(self) -> Plan:
        """Its addresses."""

    @property
    def hosts(self) -> Mapping[str, Host]:
        """Its hosts, by name."""

    @property
    def daemons(self) -> Daemons:
        """The daemons of its functions, which run as long as it is open."""

    def close(self) -> None:
        """Remove the lab: every process, interface and namespace."""


class Backend(Protocol):
    """A way to make labs."""

    @property
    def name(self) -> str:
        """``netns`` or ``docker``."""

    def up(self, topology: Topology) -> Lab:
        """Make a lab and wait until its link carries packets; nothing is proved yet.

        Raises:
            HostCannot: This machine cannot; the message says what it lacks.
            BrokenLab: A daemon of the lab has died, or hangs.
            HarnessError: It should, but something failed.
        """

    def close(self) -> None:
        """Remove everything that the backend made."""

    def leftovers(self) -> list[str]:
        """Return what is left of everything it made, one line each; expected to be empty after `close`."""
