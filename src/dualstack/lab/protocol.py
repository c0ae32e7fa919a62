"""What every lab backend offers. What differs between them is only how a host is made and how it runs a program."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from dualstack.addressing import HostPlan, Plan
from dualstack.deadline import Deadline
from dualstack.prober.client import Prober
from dualstack.prober.messages import Await, Exit, Launch, Log, Readiness, Vitals
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
        """Wait for a line of its output, from byte ``since`` on, that matches; return it, or None if none came."""

    def log(self) -> Log:
        """Return what it has written so far."""

    def signal(self, signal: str) -> None:
        """Send ``signal`` to its first process alone; what that forked is sent nothing, and may live on."""

    def storm(self, signals: Sequence[str], every: float = 0.0) -> None:
        """Send signals to its main process, in that order, ``every`` seconds apart; none once it has ended.

        Raises:
            UsageError: There is no such signal.
            HostCannot: One of them cannot be sent here.
        """

    def pause(self) -> None:
        """Stop all its processes where they are; returns when none of them runs."""

    def resume(self) -> None:
        """Let its processes go on."""

    def vitals(self) -> Vitals:
        """Count what it holds.

        Raises:
            HostCannot: It cannot be counted here.
        """

    def stop(self, signal: str, deadline: Deadline) -> Exit | None:
        """Send ``signal`` and wait for it and all its children to be gone; what is left then is killed.

        Returns:
            How it ended by itself, or None when it had to be killed.
        """


class Host(Protocol):
    """A host of a lab."""

    @property
    def name(self) -> str:
        """Its name in the topology."""

    @property
    def spec(self) -> HostSpec:
        """What it has."""

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

    def add_address(self, address: str, *, detect: bool = False) -> None:
        """Give the host an address on the link, beside those that it has; IPv4 ones are usable at once.

        Args:
            address: An address of the lab's networks that no other host has.
            detect: Whether the kernel first looks for duplicates of an IPv6 address (RFC 4862 §5.4): it is tentative
                for 1 to 2 s, in which it can be neither bound nor found. Without it, it is usable at once.

        Raises:
            HarnessError: The kernel refuses.
        """

    def remove_address(self, address: str) -> None:
        """Take an address on the link from the host.

        Raises:
            HarnessError: The kernel refuses.
        """

    def route_group(self, group: str) -> None:
        """Lead packets for a multicast group over the link, as a default route does on an ordinary host.

        Without such a route IPv4 groups can be joined by programs that name an interface only (ENODEV).

        Raises:
            HarnessError: The kernel refuses.
        """

    def set_ipv6(self, *, enabled: bool) -> None:
        """Switch IPv6 off or on for all of the host (net.ipv6.conf.all.disable_ipv6).

        Off takes every IPv6 address from it; on gives back those of the loopback interface and the link-local ones.

        Raises:
            HarnessError: The kernel refuses.
        """

    def accept_routers(self, *, prefer_temporary: bool) -> None:
        """Let the host believe router advertisements on its link from now on (accept_ra; it forwards nothing).

        Of an advertised prefix it makes itself an address and a temporary one (RFC 8981 §3), checked for duplicates.

        Args:
            prefer_temporary: Whether it prefers temporary addresses to public ones (RFC 6724 §5, rule 7).

        Raises:
            HarnessError: The kernel refuses.
        """

    def inside(self, entry: str) -> socket.socket:
        """Run ``module:function`` of this package in the host's network namespace; return the stream to it.

        The function is called with its end of the stream and runs in a process of its own, which ends with the stream
        and at the latest with the lab, and is not killed when a program on the host is stopped.
        """

    def place(self, path: Path) -> str:
        """Return where a process inside the host shall write what is to become ``path``, absolute, on this machine."""

    def fetch(self, path: Path) -> None:
        """Bring what was written at `place` of ``path`` to this machine; nothing to do where hosts share its files.

        Raises:
            HarnessError: It is not there, did not come whole, or cannot be written here.
        """


class Lab(Protocol):
    """A topology made real."""

    @property
    def topology(self) -> Topology:
        """The world that it claims to be."""

    @property
    def plan(self) -> Plan:
        """Its addresses."""

    @property
    def hosts(self) -> Mapping[str, Host]:
        """Its hosts, by name."""

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
            HarnessError: It should, but something failed.
        """

    def close(self) -> None:
        """Remove everything that the backend made."""

    def remains(self) -> list[str]:
        """Return what is left of everything it made, one line each; empty is how it should be after `close`."""
