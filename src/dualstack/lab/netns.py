"""The backend of namespace labs, without root, daemon or anything to install."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from dualstack.addressing import HostPlan, Plan, plan_addresses
from dualstack.families import BOTH
from dualstack.lab.changes import Change, Link, pack
from dualstack.lab.daemons import WithDaemons
from dualstack.lab.leftovers import link_of
from dualstack.lab.netlink import INTERFACE
from dualstack.lab.protocol import Host, Program
from dualstack.lab.roles import ByRole
from dualstack.lab.setup import host_setups, namespace_settings
from dualstack.lab.supervisor_client import SupervisorClient, execute_supervisor, fork_supervisor
from dualstack.prober.client import Prober
from dualstack.prober.messages import Launch
from dualstack.topology import HostSpec, Topology

_AGENT = "dualstack.prober.agent:main"


class NetnsHost:
    """A host: a network namespace that the lab supervisor holds."""

    def __init__(self, supervisor: SupervisorClient, number: int, lab: Plan, spec: HostSpec, plan: HostPlan) -> None:
        """Describe it; no process runs in it yet."""
        self.name = plan.name
        self.spec = spec
        self.plan = plan
        self.interface = INTERFACE
        self._supervisor = supervisor
        self._lab = number
        self._link = Link(INTERFACE, *(lab.prefix_length(family) for family in BOTH))

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

    def apply(self, change: Change) -> None:
        """Change the host while a case runs; return when the change has taken effect."""
        request = {"do": "change", "lab": self._lab, "host": self.name}
        self._supervisor.ask({**request, "change": pack(change, self._link)})

    def inside(self, entry: str) -> socket.socket:
        """Run ``module:function`` in a new process inside the host; return the stream to it."""
        return self._run(entry, alone=False)

    def place(self, path: Path) -> str:
        """Return where a process inside the host must write what is to become ``path`` here."""
        return str(path)

    def fetch(self, path: Path) -> None:
        """Do nothing: hosts share the machine's files."""

    def _run(self, entry: str, *, alone: bool) -> socket.socket:
        """Run an entry point; ``alone`` makes it process 1 of a PID namespace."""
        ours, theirs = socket.socketpair()
        try:
            request = {"do": "inside", "lab": self._lab, "host": self.name, "entry": entry, "alone": alone}
            self._supervisor.ask(request, theirs.fileno())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    def release(self) -> None:
        """Close the host's prober, if it was started."""
        if "prober" in self.__dict__:
            self.prober.close()


class NetnsLab(WithDaemons):
    """A topology made of namespaces."""

    def __init__(
        self, supervisor: SupervisorClient, number: int, topology: Topology, plan: Plan, namespaces: set[str]
    ) -> None:
        """Describe a lab of the supervisor.

        Args:
            supervisor: The supervisor.
            number: The lab's number there.
            topology: Its topology.
            plan: Its addresses.
            namespaces: Its network namespaces.
        """
        self.topology = topology
        self.plan = plan
        self._hosts = {
            name: NetnsHost(supervisor, number, plan, spec, plan.hosts[name]) for name, spec in topology.host.items()
        }
        self.hosts: Mapping[str, Host] = ByRole(self._hosts, topology)
        self.namespaces = namespaces
        supervisor.namespaces |= namespaces
        self._supervisor = supervisor
        self._number = number
        self._open = True

    def close(self) -> None:
        """Remove the lab: every process, interface and namespace. The kernel finishes the work later."""
        if not self._open:
            return
        self._open = False
        self.end_daemons()
        for host in self._hosts.values():
            host.release()
        self._supervisor.drop(self._number)
        # The kernel may reuse these numbers at once. A process that was left would be in the supervisor's namespaces.
        self._supervisor.namespaces -= self.namespaces


class NetnsBackend:
    """Makes labs in the namespaces of one lab supervisor, which is started with the first lab."""

    name = "netns"

    def __init__(self) -> None:
        """Start no process yet."""
        self._supervisor: SupervisorClient | None = None
        self._past: list[SupervisorClient] = []

    def up(self, topology: Topology) -> NetnsLab:
        """Make a lab and wait until its link carries packets; nothing is proved yet.

        Raises:
            HostCannot: This machine cannot; the message says what it lacks.
            HarnessError: It should, but something failed.
        """
        if self._supervisor is not None and self._supervisor.gone:
            self.close()
        if self._supervisor is None:
            self._supervisor = _prepared.pop() if _prepared else SupervisorClient(execute_supervisor)
            self._past.append(self._supervisor)
            self._supervisor.greet()
        self._supervisor.send_protocols()
        plan = plan_addresses(topology)
        hosts = [asdict(setup) for setup in host_setups(topology, plan).values()]
        settings = {name: namespace_settings(topology, name) for name in topology.host}
        made = self._supervisor.ask({"do": "up", "hosts": hosts, "settings": settings})
        namespaces = {link_of("net", inode) for inode in (made["switch"], *made["hosts"].values())}
        return NetnsLab(self._supervisor, made["lab"], topology, plan, namespaces).with_daemons()

    def close(self) -> None:
        """Remove everything that the backend made, and return when it is gone."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.close()

    def leftovers(self) -> list[str]:
        """Return what is left of everything it made, one line each; expected to be empty after `close`."""
        return [line for supervisor in self._past for line in supervisor.leftovers()]


@contextmanager
def prepared_supervisors(count: int = 1, *, lean: bool) -> Iterator[None]:
    """Start the lab supervisors of the next backends of this process, which must have one thread, ahead of time.

    Those that no backend has taken at the end of the context are ended.

    Args:
        count: How many.
        lean: Whether to execute them instead of forking them: that takes half a second of processor time more, and
            30 ms less for each lab, because the processes of a lab's hosts are forked from it.
    """
    made = [SupervisorClient(execute_supervisor if lean else fork_supervisor) for _ in range(count)]
    _prepared.extend(made)
    try:
        yield
    finally:
        for supervisor in [item for item in made if item in _prepared]:
            _prepared.remove(supervisor)
            supervisor.close()


_prepared: list[SupervisorClient] = []
