"""The tables of a topology file."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dualstack.families import BOTH, Family

Addresses = Annotated[int, Field(ge=0, le=8)]

FunctionName = Literal["forward", "silent", "tunnel-6in4", "nat44", "nat64", "dns64", "clat"]
"""The names of the modules of `lab.functions`."""

LINK_MTU = 1500
"""The MTU of a link, in bytes (Ethernet)."""

ONLY_LINK = "link"
"""The name of the link of a topology that has no tables ``[link.NAME]``."""

DEFAULT_PREF64 = "2001:db8:64::/96"
"""The prefix of a translator whose topology names none."""

_LEAST_MTU = 1280
"""The minimum MTU of IPv6, in bytes (RFC 8200 §5)."""


class _Table(BaseModel):
    """A table of a topology: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LinkSpec(_Table):
    """One link: an Ethernet with its own prefixes."""

    ipv4: bool = Field(True, description="Whether it carries IPv4.")
    ipv6: bool = Field(True, description="Whether it carries IPv6.")
    mtu: Annotated[int, Field(ge=_LEAST_MTU, le=LINK_MTU)] = Field(
        LINK_MTU, description="The MTU, in bytes, of every interface on it."
    )
    over: str = Field(
        "",
        description='The link whose IPv4 packets carry it: a tunnel between two hosts with "tunnel-6in4"; empty: an '
        "Ethernet.",
    )

    behind: str = Field(
        "",
        description='The host with "nat44" that hides the link\'s IPv4 addresses from other links; empty: none does.',
    )
    prefix: str = Field(
        "",
        description="Its IPv4 prefix in the namespace lab, with a length of 24: only for a link that is hidden; empty: "
        "one of the lab's.",
    )

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that the link carries."""
        return tuple(family for family in BOTH if (self.ipv4 if family is Family.IPV4 else self.ipv6))


class Attachment(_Table):
    """An interface of a host on a link."""

    ipv4: Addresses = Field(0, description="Number of its IPv4 addresses.")
    ipv6: Addresses = Field(0, description="Number of its IPv6 addresses.")

    def addresses(self, family: Family) -> int:
        """Return the number of its addresses of the family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6


class HostSpec(_Table):
    """One host: its addresses and the settings of its kernel."""

    ipv4: Addresses = Field(1, description="Number of its IPv4 addresses on the link.")
    ipv6: Addresses = Field(1, description="Number of its IPv6 addresses on the link.")
    on: dict[str, Attachment] = Field(
        {},
        description="Its interfaces by link, in the order eth0, eth1 …: `{ lan = { ipv4 = 1, ipv6 = 1 } }`. For "
        "topologies with [link.NAME]; without those, ipv4 and ipv6 are enough.",
    )
    functions: tuple[FunctionName, ...] = Field(
        (),
        description='What it does for other hosts; "forward": it routes packets between its links; "silent": it does '
        'not report packets that are too large (a PMTU black hole); "tunnel-6in4": it is an end of a tunnel; "nat44": '
        'it hides the IPv4 addresses of links behind it; "nat64": it translates between IPv6 and IPv4; "dns64": its '
        'name server gives names without AAAA synthesized ones; and for its own programs: "clat": they have IPv4 over '
        "NAT64 (464XLAT).",
    )
    ipv4_loopback: bool = Field(True, description="Whether lo has 127.0.0.1/8.")
    ipv6_loopback: bool = Field(True, description="Whether lo has ::1/128.")
    link_local: bool = Field(
        True, description="Whether its interface on the link has a link-local address (fe80::/10)."
    )
    twin: str = Field(
        "",
        description="The host on other links whose hardware addresses, and so link-local addresses, it has too; empty: "
        "none.",
    )
    disable_ipv6: bool = Field(False, description="net.ipv6.conf.{all,default,lo}.disable_ipv6 = 1.")
    bindv6only: bool = Field(False, description="net.ipv6.bindv6only = 1: the default of Windows and the BSDs.")
    af_inet6: bool = Field(True, description="Whether socket(AF_INET6) works; if not: EAFNOSUPPORT, by seccomp.")
    via: str = Field(
        "",
        description="The host that routes all packets to and from it, on the one link of a topology without "
        "[link.NAME]; empty: no router.",
    )
    mtu: Annotated[int, Field(ge=_LEAST_MTU, le=LINK_MTU)] = Field(
        LINK_MTU,
        description="The MTU, in bytes, of its router's path to it; its own interface has 1500.",
    )

    @property
    def attachments(self) -> Mapping[str, Attachment]:
        """Its interfaces by link, eth0 first."""
        return self.on or {ONLY_LINK: Attachment(ipv4=self.ipv4, ipv6=self.ipv6)}

    def addresses(self, family: Family) -> int:
        """Return the number of the host's addresses of the family on all its links."""
        return sum(one.addresses(family) for one in self.attachments.values())

    @property
    def loopbacks(self) -> tuple[Family, ...]:
        """The families whose loopback address is on lo; disable_ipv6 also removes ::1."""
        present = {Family.IPV4: self.ipv4_loopback, Family.IPV6: self.ipv6_loopback and not self.disable_ipv6}
        return tuple(family for family in BOTH if present[family])


class Roles(_Table):
    """Which hosts have the roles that suites ask for."""

    service: str = Field("service", description="The host on which the service runs.")
    client: str = Field(
        "peer", description="The host of its clients, of the servers to which it connects, and of the name server."
    )
    server: str = Field(
        "", description="The host of the servers to which a relay connects; empty: the host of its clients."
    )
    resolver: str = Field("", description="The host of the name server, if that is not the client's.")


class Topology(_Table):
    """Hosts on links."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")] = Field("", description="The file's stem.")
    title: str = Field(description="The title in reports; that of draft-ietf-v6ops-ipv6-app-testing if it has one.")
    represents: str = Field(description='The kind of host that it represents: "an IPv6-only host".')
    summary: str = Field(description="What the topology is like and which real hosts it represents.")
    pref64: str = Field(
        DEFAULT_PREF64, description='The prefix that stands for the IPv4 network behind "nat64" (RFC 6052 §2.2).'
    )
    link: dict[str, LinkSpec] = Field({}, description="The links; none: all hosts are on one link.")
    roles: Roles = Field(Roles(), description="Which hosts have which roles.")
    host: dict[str, HostSpec] = Field(
        description="The hosts by name: 'service', 'peer' and others, or those that [roles] names."
    )

    @property
    def links(self) -> Mapping[str, LinkSpec]:
        """The links by name; the one of a topology without tables of links is called `ONLY_LINK`."""
        return self.link or {ONLY_LINK: LinkSpec()}

    def families(self, host: str = "") -> tuple[Family, ...]:
        """Return the families in which ``host`` has an address on a link; without a name, the service's host."""
        return tuple(family for family in BOTH if self.host[host or self.roles.service].addresses(family))

    def loopbacks(self, host: str = "") -> tuple[Family, ...]:
        """Return the families whose loopback address ``host`` has; without a name, the service's host."""
        return self.host[host or self.roles.service].loopbacks

    @property
    def routers(self) -> frozenset[str]:
        """The hosts that route packets of other hosts."""
        forwarding = {name for name, spec in self.host.items() if "forward" in spec.functions}
        return frozenset(spec.via for spec in self.host.values() if spec.via) | forwarding

    def ends(self, tunnel: str) -> tuple[str, ...]:
        """Return the hosts on a link that is a tunnel."""
        return tuple(name for name, spec in self.host.items() if tunnel in spec.on)

    def lacking(self, link: str) -> tuple[str, ...]:
        """Return the ends of a tunnel that have no IPv4 address for its outer packets; none for other links.

        Such a tunnel carries nothing: both of its ends need both families (RFC 4213 §3).
        """
        over = self.links[link].over
        ends = self.ends(link) if over else ()
        return tuple(name for name in ends if not self.host[name].on.get(over, Attachment()).ipv4)

    def black_hole(self, host: str = "") -> bool:
        """Return whether what is too large for the path to ``host`` is lost and not reported; default: the client."""
        router = self.host[host or self.roles.client].via
        return bool(router) and "silent" in self.host[router].functions

    def path_mtu(self, host: str = "") -> int:
        """Return the MTU of the path to ``host``, or of the narrowest link, in bytes; without a name, to the client."""
        return min(self.host[host or self.roles.client].mtu, *(link.mtu for link in self.links.values()))
