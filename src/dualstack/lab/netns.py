"""The embedded backend: labs of Linux namespaces, without root, daemon or anything to install."""

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from dualstack import errors
from dualstack.addressing import HostPlan, Plan, plan_addresses
from dualstack.deadline import Deadline
from dualstack.errors import HarnessError
from dualstack.lab import control, keeper, sysctl
from dualstack.lab.forked import Forked
from dualstack.lab.netlink import INTERFACE
from dualstack.lab.protocol import Host, Program
from dualstack.lab.remains import boot_ticks, holders, link_of
from dualstack.prober.client import Prober
from dualstack.prober.messages import Launch
from dualstack.topology import HostSpec, Topology

_AGENT = "dualstack.prober.agent:main"

_START = "import gc, sys; gc.disable(); from dualstack.lab import keeper; sys.exit(keeper.main(sys.argv[1:]))"
"""A new keeper; nothing of what it imports is garbage."""

_PATIENCE = 30.0
"""Seconds that the keeper may take for an answer, on a machine that is busy with something else."""


class NetnsHost:
    """A host: a network namespace of the keeper's."""

    def __init__(self, keeper: "_KeeperClient", lab: int, spec: HostSpec, plan: HostPlan) -> None:
        """Describe it; nothing runs in it yet."""
        self.name = plan.name
        self.spec = spec
        self.plan = plan
        self.interface = INTERFACE
        self._keeper = keeper
        self._lab = lab

    @cached_property
    def prober(self) -> Prober:
        """The prober inside the host; started when it is first asked for."""
        return Prober(self._run(_AGENT, alone=True))

    def start(self, launch: Launch) -> Program:
        """Start a program on the host.

        Raises:
            ServiceError: It cannot be executed; the message says why.
        """
        return self.prober.start(launch)

    def add_address(self, address: str, *, detect: bool = False) -> None:
        """Give the host an address on the link; with ``detect`` an IPv6 one is tentative at first."""
        if detect:
            self._change({"do": "set", "settings": sysctl.DETECT_DUPLICATES})
        self._change({"do": "add", "address": address, "detect": detect})

    def remove_address(self, address: str) -> None:
        """Take an address on the link from the host."""
        self._change({"do": "remove", "address": address})

    def route_group(self, group: str) -> None:
        """Lead packets for a multicast group over the link."""
        self._change({"do": "route", "address": group})

    def set_ipv6(self, *, enabled: bool) -> None:
        """Switch IPv6 off or on for all of the host."""
        self._change({"do": "set", "settings": sysctl.ipv6_settings(enabled=enabled)})

    def accept_routers(self, *, prefer_temporary: bool) -> None:
        """Let the host believe router advertisements on its link from now on."""
        settings = sysctl.router_settings(self.interface, prefer_temporary=prefer_temporary)
        self._change({"do": "set", "settings": settings})

    def _change(self, request: control.Message) -> None:
        """Have the keeper change the host."""
        self._keeper.ask({**request, "lab": self._lab, "host": self.name})

    def inside(self, entry: str) -> socket.socket:
        """Run ``module:function`` in a process of its own inside the host; return the stream to it."""
        return self._run(entry, alone=False)

    def place(self, path: Path) -> str:
        """Return where a process inside the host shall write what is to become ``path`` here."""
        return str(path)

    def fetch(self, path: Path) -> None:
        """Do nothing: hosts share the machine's files."""

    def _run(self, entry: str, *, alone: bool) -> socket.socket:
        """Run an entry point; ``alone`` makes it process 1 of a PID namespace."""
        ours, theirs = socket.socketpair()
        try:
            request = {"do": "inside", "lab": self._lab, "host": self.name, "entry": entry, "alone": alone}
            self._keeper.ask(request, theirs.fileno())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    def release(self) -> None:
        """Close what the host gave out by itself."""
        if "prober" in self.__dict__:
            self.prober.close()


class NetnsLab:
    """A topology made of namespaces."""

    def __init__(self, keeper: "_KeeperClient", number: int, topology: Topology, namespaces: set[str]) -> None:
        """Describe the lab that the keeper knows by ``number``; ``namespaces`` are its network namespaces."""
        self.topology = topology
        self.plan: Plan = plan_addresses(topology)
        self._hosts = {
            name: NetnsHost(keeper, number, spec, self.plan.hosts[name]) for name, spec in topology.host.items()
        }
        self.hosts: Mapping[str, Host] = self._hosts
        self.namespaces = namespaces
        keeper.namespaces |= namespaces
        self._keeper = keeper
        self._number = number
        self._open = True

    def close(self) -> None:
        """Remove the lab: every process, interface and namespace. The kernel finishes the work on its own."""
        if not self._open:
            return
        self._open = False
        for host in self._hosts.values():
            host.release()
        self._keeper.drop(self._number)
        # The kernel may give these numbers away at once. A process that was left would be in the keeper's namespaces.
        self._keeper.namespaces -= self.namespaces


class NetnsBackend:
    """Makes labs in the namespaces of one keeper process, which is started with the first lab."""

    name = "netns"

    def __init__(self) -> None:
        """Start nothing yet."""
        self._keeper: _KeeperClient | None = None
        self._past: list[_KeeperClient] = []

    def up(self, topology: Topology) -> NetnsLab:
        """Make a lab and wait until its link carries packets; nothing is proved yet.

        Raises:
            HostCannot: This machine cannot; the message says what it lacks.
            HarnessError: It should, but something failed.
        """
        if self._keeper is not None and self._keeper.gone:
            self.close()
        if self._keeper is None:
            self._keeper = _prepared.pop() if _prepared else _KeeperClient(_executed)
            self._past.append(self._keeper)
            self._keeper.greet()
        made = self._keeper.ask({"do": "up", "topology": topology.model_dump(mode="json")})
        namespaces = {link_of("net", inode) for inode in (made["switch"], *made["hosts"].values())}
        return NetnsLab(self._keeper, made["lab"], topology, namespaces)

    def close(self) -> None:
        """Remove everything that the backend made, and return when it is gone."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()

    def remains(self) -> list[str]:
        """Return what is left of everything it made, one line each; empty is how it should be after `close`."""
        return [line for keeper in self._past for line in keeper.remains()]


class _KeeperClient:
    """A keeper process and the connection to it.

    Attributes:
        namespaces: Its own namespaces and those of its labs that are up, as `link_of` writes them.
    """

    def __init__(self, start: Callable[[socket.socket], "Forked | subprocess.Popen[bytes]"]) -> None:
        """Start the process with one end of the connection; it dies with this one."""
        self._lock = threading.Lock()
        self._closed: int | None = None
        self._connection, theirs = control.connected_pair()
        self._connection.settimeout(_PATIENCE)
        with theirs:
            self._process = start(theirs)
        self.namespaces: set[str] = set()
        self._first = self._first_fd = -1

    def greet(self) -> None:
        """Wait until it is there.

        Raises:
            HostCannot: The machine does not let it have its namespaces.
            HarnessError: It did not come up.
        """
        try:
            greeting = self._answer()
        except BaseException:
            self.close()
            raise
        self._first = int(greeting["pid"])
        self._first_fd = os.pidfd_open(self._first)
        self.namespaces |= {link_of(kind, inode) for kind, inode in greeting["namespaces"].items()}

    @property
    def pids(self) -> tuple[int, int]:
        """The process that was started, and process 1 of its namespaces, as this machine numbers them."""
        return self._process.pid, self._first

    @property
    def gone(self) -> bool:
        """Whether the process has ended, killed by somebody, say."""
        return self._process.poll() is not None

    def ask(self, request: control.Message, *descriptors: int) -> control.Message:
        """Send a request and return its answer.

        Raises:
            DualstackError: What the keeper answered instead.
            HarnessError: There is no keeper any more.
        """
        with self._lock:
            try:
                control.send(self._connection, request, descriptors)
            except OSError as error:
                raise HarnessError(f"the keeper of the labs is gone: {error}{self._epitaph()}") from None
            return self._answer()

    def drop(self, lab: int) -> None:
        """Drop a lab; a keeper that is gone has dropped it already."""
        if self._closed is not None:
            return
        try:
            self.ask({"do": "down", "lab": lab})
        except HarnessError:
            if self._process.poll() is None:
                raise

    def close(self) -> None:
        """End the keeper and everything of it, and wait for that.

        Raises:
            DeadlineExpired: It could not even be killed.
        """
        self._closed = boot_ticks()
        self._connection.close()
        deadline = Deadline(_PATIENCE, "the keeper of the labs to end")
        try:
            self._process.wait(timeout=_PATIENCE / 3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            try:
                self._process.wait(timeout=deadline.remaining)
            except subprocess.TimeoutExpired:
                raise deadline.error() from None
        if self._first_fd >= 0 and not self._first_gone(deadline.remaining):
            raise deadline.error("process 1 of its namespaces is still there")

    def remains(self) -> list[str]:
        """Return which processes are left, by their numbers and by the namespaces that they hold."""
        lines = [] if self._process.poll() is not None else [f"process {self._process.pid}: the keeper of the labs"]
        if self._first_fd >= 0 and not self._first_gone(0.0):
            lines.append(f"process {self._first}: process 1 of the labs")
        return lines + holders(self.namespaces, self._closed)

    def _first_gone(self, seconds: float) -> bool:
        """Wait for the end of process 1 of the namespaces, with which the kernel ends all others in them."""
        poller = select.poll()
        poller.register(self._first_fd, select.POLLIN)
        return bool(poller.poll(seconds * 1000))

    def _answer(self) -> control.Message:
        """Return the next answer."""
        try:
            received = control.receive(self._connection)
        except TimeoutError:
            raise HarnessError(f"the keeper of the labs has not answered for {_PATIENCE:g} s") from None
        if received is None:
            raise HarnessError(f"the keeper of the labs is gone{self._epitaph()}")
        answer, _ = received
        if "error" in answer:
            raise getattr(errors, answer["kind"], HarnessError)(answer["error"])
        result: control.Message = answer["ok"]
        return result

    def _epitaph(self) -> str:
        """Say how the keeper ended, if it did."""
        try:
            return f"; it ended with {self._process.wait(timeout=1.0)}"
        except subprocess.TimeoutExpired:
            return ""


def prepare_keeper(*, lean: bool) -> None:
    """Start the keeper of the first labs of this process, which must have one thread, before they are asked for.

    Args:
        lean: Whether it is a new process, and not forked: it takes half a second of a processor to start, and 30 ms
            less for each lab, because the processes of a lab's hosts are forked from it.
    """
    _prepared.append(_KeeperClient(_executed if lean else _forked))


_prepared: list[_KeeperClient] = []


def _forked(theirs: socket.socket) -> Forked:
    """Fork a keeper."""
    number, parent = theirs.fileno(), os.getpid()

    def act() -> int:
        os.setsid()  # a Ctrl-C is for the test run, which then closes the labs in order
        return keeper.main([str(number), str(parent)])

    with Path(os.devnull).open("rb") as nothing:
        return Forked("keeper", act, streams=(nothing.fileno(), 1, 2), keep=[number])


def _executed(theirs: socket.socket) -> "subprocess.Popen[bytes]":
    """Execute a keeper: of a process with several threads no fork is safe."""
    command = [sys.executable, "-P", "-c", _START, str(theirs.fileno()), str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True)
