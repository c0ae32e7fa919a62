"""A topology: a named network world, one TOML file each, and what must be proved before it is believed."""

import difflib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.families import BOTH, Family
from dualstack.manifest.load import load_toml

TOPOLOGIES = ROOT / "topologies"

Addresses = Annotated[int, Field(ge=0, le=8)]


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
    for host in ("service", "peer"):
        if host not in topology.host:
            raise UsageError(f"{path}:\n  host.{host}: missing")
    return topology.model_copy(update={"name": path.stem})
