"""A topology: hosts on one link, one TOML file each. What a lab must prove is derived from its hosts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.extensions import outside_folders
from dualstack.families import BOTH, Family
from dualstack.manifest.faults import Fault, refusal, written
from dualstack.manifest.toml import load_toml
from dualstack.suggestion import did_you_mean

TOPOLOGIES = ROOT / "topologies"

Addresses = Annotated[int, Field(ge=0, le=8)]

LINK_MTU = 1500
"""The MTU of the link, in bytes (Ethernet)."""

_LEAST_MTU = 1280
"""The minimum MTU of IPv6, in bytes (RFC 8200 §5)."""


class _Table(BaseModel):
    """A table of a topology: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HostSpec(_Table):
    """One host: its addresses and the settings of its kernel."""

    ipv4: Addresses = Field(1, description="Number of its IPv4 addresses on the link.")
    ipv6: Addresses = Field(1, description="Number of its IPv6 addresses on the link.")
    ipv4_loopback: bool = Field(True, description="Whether lo has 127.0.0.1/8.")
    ipv6_loopback: bool = Field(True, description="Whether lo has ::1/128.")
    link_local: bool = Field(
        True, description="Whether its interface on the link has a link-local address (fe80::/10)."
    )
    disable_ipv6: bool = Field(False, description="net.ipv6.conf.{all,default,lo}.disable_ipv6 = 1.")
    bindv6only: bool = Field(False, description="net.ipv6.bindv6only = 1: the default of Windows and the BSDs.")
    af_inet6: bool = Field(True, description="Whether socket(AF_INET6) works; if not: EAFNOSUPPORT, by seccomp.")
    behind: str = Field("", description="The host that routes all packets to and from it; empty: no router.")
    mtu: Annotated[int, Field(ge=_LEAST_MTU, le=LINK_MTU)] = Field(
        LINK_MTU,
        description="The MTU, in bytes, of its router's path to it; its own interface has 1500.",
    )

    def addresses(self, family: Family) -> int:
        """Return the number of the host's addresses of the family on the link."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    @property
    def loopbacks(self) -> tuple[Family, ...]:
        """The families whose loopback address is on lo; disable_ipv6 also removes ::1."""
        present = {Family.IPV4: self.ipv4_loopback, Family.IPV6: self.ipv6_loopback and not self.disable_ipv6}
        return tuple(family for family in BOTH if present[family])


class Topology(_Table):
    """Hosts on one link."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")] = Field("", description="The file's stem.")
    title: str = Field(description="The title in reports; that of draft-ietf-v6ops-ipv6-app-testing if it has one.")
    represents: str = Field(description='The kind of host that it represents: "an IPv6-only host".')
    summary: str = Field(description="What the topology is like and which real hosts it represents.")
    host: dict[str, HostSpec] = Field(description="The hosts; the service runs on the host 'service'.")

    def families(self, host: str = "service") -> tuple[Family, ...]:
        """Return the families in which ``host`` has an address on the link."""
        return tuple(family for family in BOTH if self.host[host].addresses(family))

    def loopbacks(self, host: str = "service") -> tuple[Family, ...]:
        """Return the families whose loopback address ``host`` has."""
        return self.host[host].loopbacks

    @property
    def routers(self) -> frozenset[str]:
        """The hosts that are routers of other hosts."""
        return frozenset(spec.behind for spec in self.host.values() if spec.behind)

    def path_mtu(self, host: str = "peer") -> int:
        """Return the path MTU to ``host``, in bytes."""
        return self.host[host].mtu


def _files() -> dict[str, Path]:
    """Return the file of each topology by its name: ours, and those in the folders of suites from outside.

    Raises:
        UsageError: Two files have the same name.
    """
    found: dict[str, Path] = {}
    for folder in (TOPOLOGIES, *(item.path / "topologies" for item in outside_folders())):
        for path in sorted(folder.glob("*.toml")):
            other = found.setdefault(path.stem, path)
            if other != path:
                raise UsageError(f"{path}: a topology of this name exists already, in {other}: rename the file")
    return found


def topology_names() -> list[str]:
    """Return the names of the topologies that there are."""
    return sorted(_files())


def load_topology(name: str) -> Topology:
    """Return the topology of that name.

    Raises:
        UsageError: There is none, or its file has faults.
    """
    known = _files()
    if name not in known:
        hint = did_you_mean(name, list(known))
        raise UsageError(f"no topology {name!r} (there are: {', '.join(sorted(known))}){hint}")
    return read_topology(known[name])


def read_topology(path: Path) -> Topology:
    """Return the topology that a file describes.

    Raises:
        UsageError: The file has faults; all are reported.
    """
    topology = load_toml(path, Topology)
    missing = [Fault(("host", host), "missing") for host in ("service", "peer") if host not in topology.host]
    faults = missing or [fault for host in topology.host for fault in _routing_faults(topology, host)]
    if faults:
        raise refusal(path, faults)
    return topology.model_copy(update={"name": path.stem})


def _routing_faults(topology: Topology, host: str) -> Iterator[Fault]:
    """Yield the faults of a host's router and MTU."""
    spec, key = topology.host[host], ("host", host, "behind")
    name = spec.behind
    if not name:
        if spec.mtu != LINK_MTU:
            yield Fault(("host", host, "mtu"), f"found {spec.mtu}, which needs {written(key)}, its router")
    elif name not in topology.host:
        hint = did_you_mean(name, list(topology.host))
        yield Fault(key, f"found {name!r}; allowed: {', '.join(topology.host)}{hint}")
    elif name in (host, "service", "peer"):
        yield Fault(key, f"found {name!r}; a router is a separate host, not the service's and not the peer's")
    elif len(topology.routers) > 1:
        yield Fault(key, f"found {name!r}, but a topology has one router: {', '.join(sorted(topology.routers))}")
    else:
        for family in topology.families(host):
            if family not in topology.families(name):
                yield Fault(key, f"host {name!r} has no {family.label} address to route packets of {host!r}")
