"""What every function of a host declares.

A function may add to its host: kernel settings, devices, routes (also of other hosts), and a daemon, a process that the
lab runs in the host as long as it exists. Its proofs show that it works; `Passage` names the paths that it makes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dualstack.families import Family
from dualstack.lab.nftables import Message
from dualstack.lab.observation import Advertised, Check

if TYPE_CHECKING:
    from dualstack.addressing import Plan
    from dualstack.topology import Topology


@dataclass(frozen=True, slots=True)
class Site:
    """A host that has a function.

    Attributes:
        topology: Its topology.
        plan: The addresses of the lab.
        host: Its name.
    """

    topology: "Topology"
    plan: "Plan"
    host: str

    def interfaces(self, family: Family, host: str = "") -> dict[str, tuple[str, str]]:
        """Return the interfaces of the host, or another, with addresses of a family: link, name, first address."""
        own = enumerate(self.plan.hosts[host or self.host].interfaces)
        return {one.link: (f"eth{place}", one.configured[family][0]) for place, one in own if one.configured[family]}

    def neighbours(self, family: Family) -> Iterator[tuple[str, str, str]]:
        """Yield each other host on a link of the host, if both have addresses of the family there.

        Each with its interface, and the host's address on that link.
        """
        own = self.interfaces(family)
        for name in self.plan.hosts:
            there = self.interfaces(family, name) if name != self.host else {}
            yield from ((name, there[link][0], own[link][1]) for link in there if link in own)


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a host whose packets a daemon carries: a veth pair, both ends of which are in the host.

    Attributes:
        name: The near end, which programs use.
        far: The far end, on which the daemon reads and writes.
        mtu: The MTU of both, in bytes.
        addresses: Address and prefix length of each address of the near end.
    """

    name: str
    far: str
    mtu: int
    addresses: tuple[tuple[str, int], ...]


def far_end(name: str) -> str:
    """Return the name of the far end of the device that is an interface on a tunnel."""
    return f"{name}-far"


@dataclass(frozen=True, slots=True)
class FunctionRoute:
    """A route that a function needs.

    Attributes:
        host: The host that has it.
        interface: The interface: ``eth0``, or a device.
        address: The destination: an address, or a prefix with its length.
        via: The next hop; empty for one that is on the link itself.
    """

    host: str
    interface: str
    address: str
    via: str = ""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that carries a function out.

    Attributes:
        what: What it is, for messages: ``the translator``.
        entry: ``module:function``; it gets a stream, see `dualstack.lab.daemons`.
        order: What it is asked first, as JSON can carry it.
    """

    what: str
    entry: str
    order: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Passage:
    """A path that exists only because of a function: a host dials an address, and another one answers.

    Attributes:
        proof: The proof of the function that judges it.
        source: The host that dials.
        address: What it dials.
        listener: The address of another host at which the connection arrives.
        first: The addresses of the first hop; none if hop limits are not tried.
        hops: The least hop limit with which a packet arrives.
        seen: The address at which the listener must see the host that dials; empty if that is not checked.
        outcome: The errno's name with which the connection must fail; empty if it must succeed.
    """

    proof: str
    source: str
    address: str
    listener: str
    first: frozenset[str] = frozenset()
    hops: int = 0
    seen: str = ""
    outcome: str = ""


def _nothing(_: Site) -> tuple[()]:
    """Return nothing."""
    return ()


def _no_daemon(_: Site) -> None:
    """Return no daemon."""


def _no_filters(_: Sequence[str]) -> list[Message]:
    """Return no request."""
    return []


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a host.

    Attributes:
        settings: The kernel settings of the host, by path below /proc/sys/net.
        proofs: What must be proved of a host that a topology gives the function, by the name of the lab proof.
        outside: Returns the interfaces of its host to which its filters apply.
        filters: Returns its requests to nftables, for these interfaces; called inside the host, when they exist.
        replaces: The names of lab proofs that do not hold for such a host.
        devices: Returns its devices.
        routes: Returns the routes that it needs, on any host.
        passages: Returns the paths that it makes; the host's observation has what came of each.
        advertises: Returns what it advertises; the host's observation has what each neighbour was told.
        daemon: Returns the process that carries it out; None without one.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    proofs: Mapping[str, Check] = field(default_factory=dict)
    replaces: frozenset[str] = frozenset()
    devices: Callable[[Site], Sequence[Device]] = _nothing
    routes: Callable[[Site], Sequence[FunctionRoute]] = _nothing
    passages: Callable[[Site], Sequence[Passage]] = _nothing
    advertises: Callable[[Site], Sequence[Advertised]] = _nothing
    daemon: Callable[[Site], Daemon | None] = _no_daemon
    outside: Callable[[Site], Sequence[str]] = _nothing
    filters: Callable[[Sequence[str]], list[Message]] = _no_filters
