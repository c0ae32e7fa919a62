"""A topology: a named network world, one TOML file each, and what must be proved before it is believed."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.families import BOTH, Family
from dualstack.manifest.faults import Fault, refusal, written
from dualstack.manifest.load import load_toml
from dualstack.manifest.placeholders import did_you_mean

TOPOLOGIES = ROOT / "topologies"

Addresses = Annotated[int, Field(ge=0, le=8)]

LINK_MTU = 1500
"""How large a packet the link carries, in bytes: Ethernet."""

_LEAST_MTU = 1280
"""What every path carries over IPv6 (RFC 8200 §5)."""


class _Table(BaseModel):
    """A table of a topology: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HostSpec(_Table):
    """What one host of the world has, and what its kernel lacks."""

    ipv4: Addresses = Field(1, description="How many IPv4 addresses it has on the link.")
    ipv6: Addresses = Field(1, description="How many IPv6 addresses it has on the link.")
    ipv4_loopback: bool = Field(True, description="Whether lo has 127.0.0.1/8.")
    ipv6_loopback: bool = Field(True, description="Whether lo has ::1/128.")
    link_local: bool = Field(True, description="Whether the link's interface makes its own fe80:: address.")
    disable_ipv6: bool = Field(False, description="net.ipv6.conf.{all,default,lo}.disable_ipv6 = 1.")
    bindv6only: bool = Field(False, description="net.ipv6.bindv6only = 1: the default of Windows and the BSDs.")
    af_inet6: bool = Field(True, description="Whether socket(AF_INET6) exists; false: EAFNOSUPPORT, by seccomp.")
    behind: str = Field("", description="The host that routes all packets from and to it; empty: they need no router.")
    mtu: Annotated[int, Field(ge=_LEAST_MTU, le=LINK_MTU)] = Field(
        LINK_MTU,
        description="The largest packet, in bytes, that its router forwards to it; its own interface takes 1500.",
    )

    def addresses(self, family: Family) -> int:
        """Return how many addresses of the family the host has on the link."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    @property
    def loopbacks(self) -> tuple[Family, ...]:
        """The families of which lo has its address; disable_ipv6 takes ::1 away as well."""
        present = {Family.IPV4: self.ipv4_loopback, Family.IPV6: self.ipv6_loopback and not self.disable_ipv6}
        return tuple(family for family in BOTH if present[family])


class Topology(_Table):
    """A network world: hosts joined by one link."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")] = Field("", description="The file's stem.")
    title: str = Field(description="As a person writes it, after draft-ietf-v6ops-ipv6-app-testing where it has one.")
    stands_for: str = Field(description='The kind of host that it is, after "on": "an IPv6-only host".')
    summary: str = Field(description="What the world is like and which real hosts it stands for.")
    host: dict[str, HostSpec] = Field(description="The hosts; a service is verified on the one called 'service'.")
    proofs: list[str] = Field(min_length=1, description='What must be shown first: "proof", or "host: proof".')

    def families(self, host: str = "service") -> tuple[Family, ...]:
        """Return the families in which ``host`` has an address on the link."""
        return tuple(family for family in BOTH if self.host[host].addresses(family))

    def loopbacks(self, host: str = "service") -> tuple[Family, ...]:
        """Return the families of which ``host`` has the loopback address."""
        return self.host[host].loopbacks

    @property
    def routers(self) -> frozenset[str]:
        """The hosts that route the packets of others."""
        return frozenset(spec.behind for spec in self.host.values() if spec.behind)

    def path_mtu(self, host: str = "peer") -> int:
        """Return the largest packet, in bytes, that reaches ``host``."""
        return self.host[host].mtu


def topology_names() -> list[str]:
    """Return the names of the topologies that there are."""
    return sorted(path.stem for path in TOPOLOGIES.glob("*.toml"))


def load_topology(name: str) -> Topology:
    """Return the topology of that name.

    Raises:
        UsageError: There is none, or its file is wrong.
    """
    known = topology_names()
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise UsageError(f"no topology {name!r} (there are: {', '.join(known)}){hint}")
    return read_topology(TOPOLOGIES / f"{name}.toml")


def read_topology(path: Path) -> Topology:
    """Return the topology that a file describes.

    Raises:
        UsageError: The file is wrong; every fault is named.
    """
    topology = load_toml(path, Topology)
    missing = [Fault(("host", host), "missing") for host in ("service", "peer") if host not in topology.host]
    faults = missing or [fault for host in topology.host for fault in _routing_faults(topology, host)]
    if faults:
        raise refusal(path, faults)
    return topology.model_copy(update={"name": path.stem})


def _routing_faults(topology: Topology, host: str) -> Iterator[Fault]:
    """Yield what is wrong with how packets come to a host."""
    spec, key = topology.host[host], ("host", host, "behind")
    name = spec.behind
    if not name:
        if spec.mtu != LINK_MTU:
            yield Fault(("host", host, "mtu"), f"found {spec.mtu}, which needs {written(key)}: its router")
    elif name not in topology.host:
        hint = did_you_mean(name, list(topology.host))
        yield Fault(key, f"found {name!r}; allowed: {', '.join(topology.host)}{hint}")
    elif name in (host, "service", "peer"):
        yield Fault(key, f"found {name!r}; a router is a separate host, neither the service's nor the peer's")
    elif len(topology.routers) > 1:
        yield Fault(key, f"found {name!r}, but a topology has one router: {', '.join(sorted(topology.routers))}")
    else:
        for family in topology.families(host):
            if family not in topology.families(name):
                yield Fault(key, f"host {name!r} has no {family.label} address to route {host!r} by")
