"""A host of a docker lab: a holder container, what runs inside it, and the service's container beside it."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import cached_property
from pathlib import Path
from socket import socket
from typing import Any

from dualstack.addressing import HostPlan, Plan
from dualstack.errors import HarnessError, ServiceError, UsageError
from dualstack.families import Family
from dualstack.lab import sysctl
from dualstack.lab.docker import containers, parcel
from dualstack.lab.docker.engine import APIError, Engine, ImageNotFound, explained, reason_of
from dualstack.lab.docker.images import inspect
from dualstack.lab.docker.labels import remove_container
from dualstack.lab.docker.program import ContainerProgram
from dualstack.lab.docker.pump import Pump
from dualstack.lab.files import host_files
from dualstack.manifest.models import Transport
from dualstack.prober.client import Prober
from dualstack.prober.messages import Launch, SocketRow
from dualstack.topology import HostSpec

INTERFACE = "eth0"

ENGINES_OWN = "127.0.0.11"
"""Where the engine has a name server of its own in every host; nothing in a host's files leads to it."""

_AGENT = "dualstack.prober.agent:main"
_PARCEL = "dualstack.lab.docker.parcel:send"
_PATIENCE = 30.0
"""Seconds that a holder may take for an answer, on a machine that is busy with something else."""

_FETCH_SECONDS = 60.0
_HEALTH_INTERVAL = 500_000_000
"""Nanoseconds between two health checks of an image: its own interval is made for months, not for a case."""


class DockerProber(Prober):
    """The prober of a host whose service runs in another container, with processes that cannot be seen."""

    def sockets(self, transport: Transport | None = None) -> tuple[SocketRow, ...]:
        """Return the host's socket table, of one transport or (None) both.

        What none of the processes beside the prober owns is the service's: nobody else is in the namespace. Sockets of
        ours are shown as process 1's, as in a lab whose prober is process 1.
        """
        return tuple(_owned(row) for row in self.raw_sockets(transport))

    def raw_sockets(self, transport: Transport | None = None) -> tuple[SocketRow, ...]:
        """Return the same, with the owners that can be seen only; without the engine's own name server."""
        return tuple(row for row in super().sockets(transport) if row.address != ENGINES_OWN)


def _owned(row: SocketRow) -> SocketRow:
    """Return a row of the socket table with its owner."""
    if row.owner:
        return dataclasses.replace(row, owner="prober(1)")
    # A connection that lingers (TIME_WAIT, say) belongs to no process any more.
    held = row.state in {"LISTEN", "UNCONN", "ESTABLISHED", "CLOSE_WAIT", "SYN_SENT"}
    return dataclasses.replace(row, owner="service(container)") if held else row


class DockerHost:
    """A host: the holder of a network namespace, and who joins it."""

    def __init__(
        self, engine: Engine, spec: HostSpec, plan: HostPlan, labels: Mapping[str, str], later: Executor
    ) -> None:
        """Describe it; nothing runs yet.

        Args:
            engine: Where it will run.
            spec: What it has.
            plan: Its addresses.
            labels: The labels of its containers.
            later: Who removes containers that nobody waits for.
        """
        self.name = plan.name
        self.spec = spec
        self.plan = plan
        self.interface = INTERFACE
        self.holder = ""
        self._image = ""
        self._lengths: Mapping[Family, int] = {}
        self._changed = False
        self._engine = engine
        self._labels = labels
        self._later = later
        self._pump: Pump | None = None
        self._captures = itertools.count(1)
        self._places: dict[Path, str] = {}
        self._members: dict[str, str] = {}

    def up(self, image: str, network: str, lab: Plan, *, native: bool, router: bool = False) -> None:
        """Start the holder and let it set the namespace up.

        Args:
            image: The prober's image.
            network: The name of the lab's network.
            lab: The addresses of the whole lab.
            native: Whether the engine has given it no IPv4 address in the first place.
            router: Whether it routes the packets of others.

        Raises:
            HarnessError: It should, but something failed.
        """
        self._image = image
        self._lengths = {family: lab.prefix_length(family) for family in Family}
        families = Family.IPV6 in _networked(lab)
        endpoint = {} if native else {"IPv4Address": self.plan.planned[Family.IPV4][0]}
        endpoint |= {"IPv6Address": self.plan.planned[Family.IPV6][0]} if families else {}
        plan = containers.holder_plan(
            self._engine,
            image=image,
            name=self.name,
            spec=self.spec,
            network=network,
            endpoint=endpoint,
            mac=self.plan.mac,
            labels=self._labels,
            routing=sysctl.routing_settings(containers.LINK, forwards=router) if any(lab.ways.values()) else None,
        )
        with explained(f"host {self.name!r} cannot be made"):
            attached = containers.make(self._engine, plan)
        self.holder = attached.identity
        containers.start(self._engine, attached, f"host {self.name!r} cannot be started")
        self._pump = Pump(attached.stream, self.name)
        self._pump.ask(self._order(lab, native=native), _PATIENCE)

    def _order(self, lab: Plan, *, native: bool) -> dict[str, Any]:
        """Return what the holder is asked to make of its namespace."""
        spec, delete = self.spec, []
        if not spec.ipv4 and not native:
            delete.append((INTERFACE, self.plan.planned[Family.IPV4][0], lab.prefix_length(Family.IPV4)))
        if not spec.ipv4_loopback:
            delete.append(("lo", Family.IPV4.loopback, 8))
        if not spec.ipv6_loopback and not spec.disable_ipv6:
            delete.append(("lo", Family.IPV6.loopback, 128))
        configured = self.plan.configured.items()
        add = [
            (INTERFACE, item, lab.prefix_length(family)) for family, addresses in configured for item in addresses[1:]
        ]
        files = {f"/etc/{name}": text for name, text in host_files(lab, self.name).items() if name != "hostname"}
        return {
            "do": "settle",
            "interface": INTERFACE,
            "delete": delete,
            "add": add,
            "routes": [(way.address, way.via, way.mtu) for way in lab.ways[self.name]],
            "link_local": spec.link_local and not spec.disable_ipv6,
            "ipv6": 0 if spec.disable_ipv6 else spec.ipv6 + spec.link_local,
            "files": files,
        }

    @property
    def pump(self) -> Pump:
        """The connection to the holder."""
        if self._pump is None:
            raise HarnessError(f"host {self.name!r} is not up")
        return self._pump

    @cached_property
    def prober(self) -> DockerProber:
        """The prober inside the host; started when it is first asked for."""
        return DockerProber(self.inside(_AGENT))

    def add_address(self, address: str, *, detect: bool = False) -> None:
        """Give the host an address on the link; with ``detect`` an IPv6 one is tentative at first."""
        if detect:
            self._set(sysctl.DETECT_DUPLICATES)
        self._change({"do": "add", "address": address, "detect": detect})

    def remove_address(self, address: str) -> None:
        """Take an address on the link from the host."""
        self._change({"do": "remove", "address": address})

    def route_group(self, group: str) -> None:
        """Lead packets for a multicast group over the link."""
        self._change({"do": "route", "address": group})

    def set_ipv6(self, *, enabled: bool) -> None:
        """Switch IPv6 off or on for all of the host."""
        self._set(sysctl.ipv6_settings(enabled=enabled))

    def accept_routers(self, *, prefer_temporary: bool) -> None:
        """Let the host believe router advertisements on its link from now on."""
        self._set(sysctl.router_settings(INTERFACE, prefer_temporary=prefer_temporary))

    def _change(self, request: dict[str, Any]) -> None:
        """Have the holder change the host's addresses; it is not as good as a fresh one any more."""
        self._changed = True
        length = self._lengths[Family.of(request["address"])]
        self.pump.ask({**request, "interface": INTERFACE, "length": length}, _PATIENCE)

    def _set(self, settings: Mapping[str, str]) -> None:
        """Write kernel settings of the host, given by path below /proc/sys/net.

        From inside a container they cannot be written: the engine does it for one that joins the host, and refuses
        values that do not hold.
        """
        self._changed = True
        names = {f"net.{name.replace('/', '.')}": value for name, value in settings.items()}
        host = {"NetworkMode": f"container:{self.holder}", "CapDrop": ["ALL"], "Sysctls": names}
        plan = containers.Plan(self._image, ["python3", "-I", "-S", "-c", ""], self._labels, host)
        what = f"host {self.name!r} cannot be given {', '.join(f'{name}={value}' for name, value in names.items())}"
        code = containers.run(self._engine, plan, what)
        if code:
            raise HarnessError(f"{what}: exit code {code}")

    def inside(self, entry: str) -> socket:
        """Run ``module:function`` in a process of its own inside the host; return the stream to it."""
        return self.pump.inside(entry, _PATIENCE)

    def place(self, path: Path) -> str:
        """Return where a process inside the host shall write what is to become ``path`` here."""
        return self._places.setdefault(path, f"/tmp/{next(self._captures)}-{path.name}")  # noqa: S108 - the container's

    def fetch(self, path: Path) -> None:
        """Bring what was written at `place` of ``path`` here.

        Raises:
            HarnessError: There is no such file, it did not come whole, or it cannot be written here.
        """
        with self.inside(_PARCEL) as stream, stream.makefile("rb") as parcels:
            stream.settimeout(_FETCH_SECONDS)
            stream.sendall(f"{self.place(path)}\n".encode())
            header = parcels.read(parcel.LENGTH.size)
            left = parcel.LENGTH.unpack(header)[0] if len(header) == parcel.LENGTH.size else -1
            try:
                with path.open("wb") as file:
                    while left > 0 and (piece := parcels.read(min(left, 1 << 20))):
                        file.write(piece)
                        left -= len(piece)
            except OSError as error:
                raise HarnessError(f"{path}: the capture could not be written: {error.strerror or error}") from None
        if left:
            raise HarnessError(f"{path}: what host {self.name!r} has recorded did not come whole")

    def start(self, launch: Launch) -> ContainerProgram:
        """Start a program on the host: a container of its image.

        Raises:
            ServiceError: It cannot be executed; the message says why.
            UsageError: The launch names no image.
        """
        if not launch.image:
            raise UsageError("a docker lab runs images: the manifest needs an [image] table")
        image = inspect(self._engine, launch.image)
        self.pump.ask({"do": "scratch", "folder": launch.scratch, "files": launch.files}, _PATIENCE)
        checked = bool((image["Config"].get("Healthcheck") or {}).get("Test", ["NONE"])[0] != "NONE")
        plan = self._plan(launch, image, checked=checked)
        name = launch.command[0] if launch.command else launch.image
        with explained(f"cannot start {name!r}", ServiceError):
            try:
                attached = containers.make(self._engine, plan)
            except ImageNotFound:
                raise UsageError(f"there is no image {launch.image!r} any more") from None
            self._members[attached.identity] = name
            try:
                self._engine.api.start(attached.identity)
            except APIError as error:
                attached.stream.close()
                self._discard(attached.identity)
                raise ServiceError(f"cannot start {name!r}: {_start_reason(error)}") from None
        self._send_input(attached.stream, launch.input)
        return ContainerProgram(
            self._engine,
            attached.identity,
            attached.stream,
            foreign=self.prober.raw_sockets,
            checked=checked,
            attend=lambda: self._attend(attached.identity),
            discard=self._discarder(attached.identity),
        )

    def _attend(self, service: str) -> socket:
        """Start who attends to a service's processes; return the stream to it, which ends it.

        Raises:
            HarnessError: The engine cannot.
        """
        what = "the service's processes cannot be attended to"
        with explained(what):
            attached = containers.make(self._engine, containers.attendant_plan(self._image, service, self._labels))
        containers.start(self._engine, attached, what)
        return attached.stream

    def _plan(self, launch: Launch, image: Mapping[str, Any], *, checked: bool) -> containers.Plan:
        """Return the plan of a service's container."""
        own = [f"{key}={value}" for key, value in launch.environment.items()]
        more: dict[str, Any] = {"Env": own}
        if launch.directory:
            more["WorkingDir"] = launch.directory
        if checked:
            more["Healthcheck"] = {"Interval": _HEALTH_INTERVAL}
        # Signals work as on a machine: a process 1 would ignore those that it does not handle.
        init = not _is_init(launch.command or _words(image))
        host = {**containers.member_host(self.holder, af_inet6=launch.af_inet6), "Init": init}
        host |= {"ReadonlyRootfs": launch.read_only, "Tmpfs": dict.fromkeys(launch.tmpfs, "")}
        host |= {"PidsLimit": launch.limits.processes or None, "Memory": launch.limits.memory << 20}
        return containers.Plan(
            image=launch.image,
            command=launch.command or None,
            labels=self._labels,
            host=host,
            more=more,
            stdin=bool(launch.input),
        )

    def _send_input(self, stream: socket, text: str) -> None:
        """Send a program its input and the end of it."""
        if text:
            try:
                stream.sendall(text.encode())
                stream.shutdown(1)
            except OSError:
                return  # it has ended without reading: that is for its case to judge

    def _discarder(self, identity: str) -> Callable[[], None]:
        """Return what removes a member's container."""
        return lambda: self._discard(identity)

    def _discard(self, identity: str) -> None:
        """Remove a member's container, soon; it must not run any more, or nobody may need it."""
        if self._members.pop(identity, None) is not None:
            self._later.submit(remove_container, self._engine, identity).add_done_callback(_raise_nothing)

    @property
    def services(self) -> list[str]:
        """The engine's ids of the services' containers."""
        return list(self._members)

    @property
    def alive(self) -> bool:
        """Whether the holder is still there."""
        return self._pump is not None and not self._pump.gone

    def preload(self) -> None:
        """Let the holder import what will be run inside; not before every host of the lab is up, which it would delay.

        Raises:
            HarnessError: The holder is gone.
        """
        self.pump.ask({"do": "preload"}, _PATIENCE)

    def recycle(self) -> str:
        """End everything on the host; return why it is not as good as a fresh one, or nothing."""
        if "prober" in self.__dict__:
            self.prober.close()
            del self.prober
        if self._members:  # something of the service still runs
            return "the service still runs"
        if self._changed:
            return "its addresses or settings were changed"
        self._places.clear()
        return str(self.pump.ask({"do": "recycle"}, _PATIENCE))

    def release(self) -> None:
        """Close what the host gave out by itself; the holder ends with its stream."""
        if "prober" in self.__dict__:
            self.prober.close()
        if self._pump is not None:
            self._pump.close()

    def remove(self) -> None:
        """Remove its containers.

        Raises:
            HarnessError: The engine cannot.
        """
        for identity in [*self._members, *([self.holder] if self.holder else [])]:
            remove_container(self._engine, identity)
        self._members.clear()


def _raise_nothing(_: object) -> None:
    """Leave what could not be removed to the check at the end, which names it."""


def _networked(lab: Plan) -> set[Family]:
    """Return the families that any host of a lab has."""
    return {family for host in lab.hosts.values() for family, addresses in host.configured.items() if addresses}


def _words(image: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an image executes by itself."""
    config = image["Config"]
    return (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))


def _is_init(words: tuple[str, ...]) -> bool:
    """Return whether a command is an init itself, which insists on being process 1."""
    return bool(words) and Path(words[0]).name in {"tini", "dumb-init", "init", "s6-svscan", "systemd", "catatonit"}


def _start_reason(error: APIError) -> str:
    """Return why the engine could not start a container, without the runtime's own words around it."""
    text = reason_of(error)
    return text.rsplit("starting container process caused: ", 1)[-1]
