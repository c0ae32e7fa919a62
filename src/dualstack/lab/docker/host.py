"""A host of a docker lab: its pause container, the processes inside it, and the containers of services beside it."""

import itertools
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from socket import socket
from typing import Any

from dualstack.addressing import HostPlan, Plan
from dualstack.errors import HarnessError, ServiceError, UsageError
from dualstack.families import BOTH, Family
from dualstack.lab.changes import Change, Link, pack
from dualstack.lab.docker import containers, parcel
from dualstack.lab.docker.engine import APIError, Engine, ImageNotFound, explained
from dualstack.lab.docker.images import copy_into, inspect
from dualstack.lab.docker.labels import remove_container
from dualstack.lab.docker.multiplexer import Multiplexer
from dualstack.lab.docker.neighbours import quiet_neighbours
from dualstack.lab.docker.networks import LabNetwork
from dualstack.lab.docker.prober import DockerProber
from dualstack.lab.docker.program import ContainerProgram
from dualstack.lab.docker.service import has_health_check, send_input, service_plan, start_reason
from dualstack.lab.setup import HostSetup
from dualstack.prober.messages import Launch
from dualstack.topology import Topology

INTERFACE = "eth0"

_AGENT = "dualstack.prober.agent:main"
_PARCEL = "dualstack.lab.docker.parcel:send"
_ANSWER_TIMEOUT = 30.0
"""Seconds that the host supervisor may take for an answer, also on a busy machine."""

_FETCH_TIMEOUT = 60.0  # seconds without data after which fetching a file fails


class DockerHost:
    """A host: a pause container, which owns the network namespace, and the containers that join it."""

    def __init__(
        self,
        engine: Engine,
        topology: Topology,
        plan: HostPlan,
        setup: HostSetup,
        *,
        labels: Mapping[str, str],
        later: Executor,
    ) -> None:
        """Describe it; no container runs yet.

        Args:
            engine: Where it will run.
            topology: The topology of its lab.
            plan: Its addresses.
            setup: What it is made into.
            labels: The labels of its containers.
            later: Removes containers in the background.
        """
        self.name = plan.name
        self.spec = topology.host[plan.name]
        self.plan = plan
        self.interface = INTERFACE
        self.pause = ""
        self._topology = topology
        self._setup = setup
        self._image = ""
        self._link = Link(INTERFACE, 0, 0)
        self._changed = False
        self._engine = engine
        self._labels = labels
        self._later = later
        self._supervisor: Multiplexer | None = None
        self._captures = itertools.count(1)
        self._places: dict[Path, str] = {}
        self._members: dict[str, str] = {}
        self._components: dict[str, ContainerProgram] = {}

    def up(self, image: str, network: LabNetwork, lab: Plan) -> None:
        """Start the pause container and configure its namespace.

        Args:
            image: The prober's image.
            network: The lab's network.
            lab: The addresses of the whole lab.

        Raises:
            HarnessError: It should, but something failed.
        """
        self._image = image
        self._link = Link(INTERFACE, *(lab.prefix_length(family) for family in BOTH))
        endpoint = {} if network.native else {"IPv4Address": lab.in_first_link(self.name, Family.IPV4)}
        endpoint |= {"IPv6Address": lab.in_first_link(self.name, Family.IPV6)} if Family.IPV6 in _families(lab) else {}
        plan = containers.pause_plan(
            self._engine,
            image=image,
            topology=self._topology,
            name=self.name,
            network=network.name,
            endpoint=endpoint,
            mac=self.plan.mac,
            labels=self._labels,
        )
        with explained(f"host {self.name!r} cannot be made"):
            attached = containers.make(self._engine, plan)
        self.pause = attached.identity
        containers.start(self._engine, attached, f"host {self.name!r} cannot be started")
        self._supervisor = Multiplexer(attached.stream, self.name)
        self._supervisor.ask(self._configuration(lab, network), _ANSWER_TIMEOUT)

    def _configuration(self, lab: Plan, network: LabNetwork) -> dict[str, Any]:
        """Return the request that configures the namespace."""
        setup = self._setup
        families = _families(lab) - ({Family.IPV6} if containers.without_ipv6(self.spec) else set())
        families |= set() if network.native else {Family.IPV4}
        # What the engine gives: right only if there are no other links.
        given = {(INTERFACE, lab.in_first_link(self.name, family), network.length(family)) for family in families}
        wanted = [(f"eth{at}", *own) for at, one in enumerate(setup.interfaces) for own in one.addresses]
        return {
            "do": "configure",
            **{name: asdict(setup)[name] for name in ("interfaces", "devices", "routes")},
            "delete": [*sorted(given.difference(wanted)), *(("lo", *loopback) for loopback in setup.missing_loopbacks)],
            "add": [one for one in wanted if one not in given],
            "neighbours": list(quiet_neighbours(self._topology, lab, self.name)),
            "functions": setup.functions,
            "files": {f"/etc/{name}": text for name, text in setup.files.items() if name != "hostname"},
        }

    @property
    def supervisor(self) -> Multiplexer:
        """The connection to the host supervisor."""
        if self._supervisor is None:
            raise HarnessError(f"host {self.name!r} is not up")
        return self._supervisor

    @cached_property
    def prober(self) -> DockerProber:
        """The prober inside the host; started when it is first asked for."""
        return DockerProber(self.inside(_AGENT), self._component_sockets)

    def apply(self, change: Change) -> None:
        """Change the host while a case runs; its lab is not used again afterwards."""
        self._changed = True
        if settings := change.settings(self._link):
            self._write_settings(settings)
        self.supervisor.ask({"do": "change", "change": pack(change, self._link)}, _ANSWER_TIMEOUT)

    def _write_settings(self, settings: Mapping[str, str]) -> None:
        """Write kernel settings of the host, given by path below /proc/sys/net.

        No process in a container can write them: the engine does so for a container that joins the host, and refuses
        invalid values.
        """
        names = {f"net.{name.replace('/', '.')}": value for name, value in settings.items()}
        host = {"NetworkMode": f"container:{self.pause}", "CapDrop": ["ALL"], "Sysctls": names}
        plan = containers.Plan(self._image, ["python3", "-I", "-S", "-c", ""], self._labels, host)
        what = f"host {self.name!r} cannot be given {', '.join(f'{name}={value}' for name, value in names.items())}"
        if code := containers.run(self._engine, plan, what):
            raise HarnessError(f"{what}: exit code {code}")

    def inside(self, entry: str) -> socket:
        """Run ``module:function`` in a new process inside the host; return the stream to it."""
        return self.supervisor.inside(entry, _ANSWER_TIMEOUT)

    def place(self, path: Path) -> str:
        """Return where a process inside the host must write what is to become ``path`` here."""
        return self._places.setdefault(path, f"/tmp/{next(self._captures)}-{path.name}")  # noqa: S108 - the container's

    def fetch(self, path: Path) -> None:
        """Copy what was written at `place` of ``path`` to this machine.

        Raises:
            HarnessError: There is no such file, it is incomplete, or it cannot be written here.
        """
        with self.inside(_PARCEL) as stream:
            stream.settimeout(_FETCH_TIMEOUT)
            try:
                complete = parcel.receive(stream, self.place(path), path)
            except OSError as error:
                raise HarnessError(f"{path}: the capture could not be written: {error.strerror or error}") from None
        if not complete:
            raise HarnessError(f"{path}: the capture of host {self.name!r} is incomplete")

    def start(self, launch: Launch) -> ContainerProgram:
        """Start a program on the host: a container of its image.

        Raises:
            ServiceError: It cannot be executed; the message says why.
            UsageError: The launch names no image.
        """
        if not launch.image:
            raise UsageError("a docker lab runs images: the manifest needs an [image] table")
        image = inspect(self._engine, launch.image)
        self.supervisor.ask({"do": "scratch", **launch.written}, _ANSWER_TIMEOUT)
        plan = service_plan(launch, image, pause=self.pause, labels=self._labels)
        name = launch.command[0] if launch.command else launch.image
        others = self._component_sockets()
        with explained(f"cannot start {name!r}", ServiceError):
            try:
                attached = containers.make(self._engine, plan)
            except ImageNotFound:
                raise UsageError(f"there is no image {launch.image!r} any more") from None
            self._members[attached.identity] = name
            copy_into(self._engine, attached.identity, launch.contained.copies)
            try:
                self._engine.api.start(attached.identity)
            except APIError as error:
                attached.stream.close()
                self._discard(attached.identity)
                raise ServiceError(f"cannot start {name!r}: {start_reason(error)}") from None
        send_input(attached.stream, launch.input)
        program = ContainerProgram(
            self._engine,
            attached.identity,
            attached.stream,
            foreign=lambda: self.prober.raw_sockets(others),
            checked=has_health_check(launch, image),
            sidecar=lambda: self._start_sidecar(attached.identity),
            discard=lambda: self._discard(attached.identity),
        )
        if launch.component:
            self._components[launch.component] = program
        return program

    def _component_sockets(self) -> dict[str, tuple[int, ...]]:
        """Return the inodes of the sockets of each component that runs."""
        return {name: program.sockets() for name, program in self._components.items()}

    def _start_sidecar(self, service: str) -> socket:
        """Start the sidecar of a service's container; return the stream to it, which ends it.

        Raises:
            HarnessError: The engine refuses.
        """
        what = "the container's helper process cannot be started"
        with explained(what):
            attached = containers.make(self._engine, containers.sidecar_plan(self._image, service, self._labels))
        containers.start(self._engine, attached, what)
        return attached.stream

    def _discard(self, identity: str) -> None:
        """Remove a service's container in the background; it must have ended, or not be needed any more."""
        if self._members.pop(identity, None) is not None:
            self._later.submit(remove_container, self._engine, identity)  # the check at the end reports an error

    @property
    def services(self) -> list[str]:
        """The engine's ids of the services' containers."""
        return list(self._members)

    @property
    def alive(self) -> bool:
        """Whether the host supervisor still runs."""
        return self._supervisor is not None and not self._supervisor.gone

    def preload(self) -> None:
        """Import, in the supervisor, what will run inside; only when all hosts are up, since it would delay them.

        Raises:
            HarnessError: The supervisor has ended.
        """
        self.supervisor.ask({"do": "preload"}, _ANSWER_TIMEOUT)

    def recycle(self) -> str:
        """End everything on the host; return why it differs from one that is new, or nothing."""
        if "prober" in self.__dict__:
            self.prober.close()
            del self.prober
        if self._members:
            return "the service still runs"
        self._components.clear()
        if self._changed:
            return "its addresses or settings were changed"
        self._places.clear()
        return str(self.supervisor.ask({"do": "recycle"}, _ANSWER_TIMEOUT))

    def release(self) -> None:
        """Close the host's prober, and the connection to the supervisor, which ends with it."""
        if "prober" in self.__dict__:
            self.prober.close()
        if self._supervisor is not None:
            self._supervisor.close()

    def remove(self) -> None:
        """Remove its containers.

        Raises:
            HarnessError: The engine refuses.
        """
        for identity in [*self._members, *([self.pause] if self.pause else [])]:
            remove_container(self._engine, identity)
        self._members.clear()


def _families(lab: Plan) -> set[Family]:
    """Return the families of which any host of a lab has an address."""
    return {family for host in lab.hosts.values() for family in BOTH if host.every(family)}
