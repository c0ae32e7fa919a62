"""The address plan of a lab: the prefixes of each link, and the addresses and routes of each host.

IPv6 addresses are from a documentation prefix, not from fc00::/7: RFC 6724 §2.1 prefers IPv4 to unique local addresses,
which would reverse every check of preference. Addresses of both families are planned for every host, even if the
topology gives it none: a name can then point to an address that does not exist in the lab.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dualstack.families import BOTH, Family, link_local_of
from dualstack.topology import LINK_MTU, Attachment, LinkSpec, Topology, next_hops

IPV4_NETWORK = ipaddress.IPv4Network("198.51.100.0/24")
IPV6_NETWORK = ipaddress.IPv6Network("2001:db8:51:1::/64")

LINKS_IPV4_NETWORK = ipaddress.IPv4Network("198.18.0.0/24")
"""The IPv4 prefix of the first of several links; those of the others follow (198.18.0.0/15: RFC 2544)."""

_SPAN = 32
"""Number of IPv4 host numbers for each host: the first host has .1 to .31, the second .33 to .63 …"""

_MOST = 8
"""Number of addresses that are planned for each host and family."""


@dataclass(frozen=True, slots=True)
class InterfacePlan:
    """The addresses of one interface.

    Attributes:
        link: The name of its link.
        carries: The families that the link carries.
        mtu: The MTU of the link, in bytes.
        mac: Its MAC address.
        planned: All addresses that it can have, by family; the first ones are configured.
        configured: The addresses that it has in this topology, by family, in the order in which they are added.
        over: The link that carries it, if its link is a tunnel; else empty.
    """

    link: str
    carries: tuple[Family, ...]
    mtu: int
    mac: str
    planned: Mapping[Family, tuple[str, ...]]
    configured: Mapping[Family, tuple[str, ...]]
    over: str = ""

    @property
    def link_local(self) -> str:
        """Its link-local address, without a zone, if the topology gives it one."""
        return link_local_of(self.mac)


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host's addresses. Unless it says otherwise, an attribute is about its first interface, eth0.

    Attributes:
        name: The host's name.
        interfaces: Its interfaces: eth0, eth1 …
    """

    name: str
    interfaces: tuple[InterfacePlan, ...]

    @property
    def mac(self) -> str:
        """The MAC address."""
        return self.interfaces[0].mac

    @property
    def planned(self) -> Mapping[Family, tuple[str, ...]]:
        """All addresses that it can have, by family; the first ones are configured."""
        return self.interfaces[0].planned

    @property
    def configured(self) -> Mapping[Family, tuple[str, ...]]:
        """The addresses that it has in this topology, by family, in the order in which they are added."""
        return self.interfaces[0].configured

    def address(self, family: Family) -> str:
        """Return its first planned address of the family, which may not be configured."""
        return self.planned[family][0]

    def every(self, family: Family) -> tuple[str, ...]:
        """Return the configured addresses of the family on all its interfaces."""
        return tuple(address for one in self.interfaces for address in one.configured[family])

    def preferred_source(self, family: Family) -> str:
        """Return the source address that Linux selects for an unbound socket.

        For IPv4 it is the primary address; for IPv6 the newest one, because RFC 6724 §5 has no preference among the
        addresses of one link.
        """
        return self.configured[family][0 if family is Family.IPV4 else -1]


@dataclass(frozen=True, slots=True)
class Route:
    """A route of a host: to another link, or to one address that a router on its own link separates from it.

    Attributes:
        address: The destination: an address, or a prefix with its length.
        via: The router's address; empty on the router itself.
        mtu: The MTU of the route, in bytes; 0 for that of the link.
        interface: The number of the host's interface: 0 for eth0.
    """

    address: str
    via: str = ""
    mtu: int = 0
    interface: int = 0


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """The prefixes of one link, a /24 and a /64; planned also if the link does not carry the family."""

    ipv4: ipaddress.IPv4Network
    ipv6: ipaddress.IPv6Network

    def network(self, family: Family) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """Return the prefix of the family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6


@dataclass(frozen=True, slots=True)
class Plan:
    """The addresses of a lab.

    Attributes:
        links: The prefixes of each link.
        hosts: The addresses of each host.
        routes: The routes of each host.
        service: The name of the service's host.
        client: The name of its clients' host.
        resolver: The name of the name server's host.
    """

    links: Mapping[str, LinkPlan]
    hosts: Mapping[str, HostPlan]
    routes: Mapping[str, tuple[Route, ...]]
    service: str
    client: str
    resolver: str

    @property
    def ipv4(self) -> ipaddress.IPv4Network:
        """The IPv4 prefix of the service's link."""
        return self._own.ipv4

    @property
    def ipv6(self) -> ipaddress.IPv6Network:
        """The IPv6 prefix of the service's link."""
        return self._own.ipv6

    @property
    def _own(self) -> LinkPlan:
        """The prefixes of the service's link."""
        return self.links[self.hosts[self.service].interfaces[0].link]

    def prefix_length(self, family: Family) -> int:
        """Return the prefix length of the family, which is the same on all links."""
        return self._own.network(family).prefixlen

    def in_first_link(self, name: str, family: Family) -> str:
        """Return the first address of a host, moved to the prefix of the first link if it is on another one."""
        own, first = self.hosts[name].interfaces[0], next(iter(self.links.values())).network(family)
        there = self.links[own.link].network(family)
        return str(first[int(ipaddress.ip_address(own.planned[family][0])) - int(there.network_address)])

    def owner(self, address: str) -> str:
        """Return the host for which an address is planned.

        Raises:
            StopIteration: There is none.
        """
        return self._place(address)[0]

    def link_of(self, address: str) -> str:
        """Return the link on which an address is planned.

        Raises:
            StopIteration: There is none.
        """
        return self._place(address)[1]

    def _place(self, address: str) -> tuple[str, str]:
        """Return the host and the link for which an address is planned."""
        family = Family.of(address)
        own = ((name, one) for name, host in self.hosts.items() for one in host.interfaces)
        return next((name, one.link) for name, one in own if address in one.planned[family])


def plan_addresses(
    topology: Topology,
    ipv4: ipaddress.IPv4Network | None = None,
    ipv6: ipaddress.IPv6Network = IPV6_NETWORK,
) -> Plan:
    """Return the address plan of ``topology``.

    Args:
        topology: The topology.
        ipv4: The IPv4 prefix of its first link; those of the others follow. By default one for documentation, and of
            several links one for benchmarks: there are too few for documentation.
        ipv6: The same of IPv6.
    """
    own_prefixes = ipv4 is None
    ipv4 = ipv4 or (LINKS_IPV4_NETWORK if len(topology.links) > 1 else IPV4_NETWORK)
    links = {
        name: LinkPlan(
            ipaddress.IPv4Network(spec.prefix)
            if spec.prefix and own_prefixes
            else ipaddress.IPv4Network((int(ipv4.network_address) + number * ipv4.num_addresses, ipv4.prefixlen)),
            ipaddress.IPv6Network((int(ipv6.network_address) + number * ipv6.num_addresses, ipv6.prefixlen)),
        )
        for number, (name, spec) in enumerate(topology.links.items())
    }
    hosts = {}
    names = list(topology.host)
    for index, (name, spec) in enumerate(topology.host.items()):
        last = names.index(spec.twin or name) + 1
        own = tuple(
            _interface(index, f"02:00:5e:10:{place:02x}:{last:02x}", (link, topology.links[link], links[link]), one)
            for place, (link, one) in enumerate(spec.attachments.items())
        )
        hosts[name] = HostPlan(name, own)
    routes = _link_routes if topology.link else _routes
    return Plan(
        links=links,
        hosts=hosts,
        routes={name: tuple(routes(topology, links, hosts, name)) for name in hosts},
        service=topology.roles.service,
        client=topology.roles.client,
        resolver=topology.roles.resolver or topology.roles.client,
    )


def _interface(index: int, mac: str, on: tuple[str, LinkSpec, LinkPlan], own: Attachment) -> InterfacePlan:
    """Return the plan of one interface.

    Args:
        index: The number of its host in the topology.
        mac: Its MAC address.
        on: Its link: name, table and prefixes.
        own: How many addresses it has.
    """
    link, spec, prefixes = on
    planned = {
        Family.IPV4: tuple(str(prefixes.ipv4[index * _SPAN + number]) for number in range(1, _MOST + 1)),
        Family.IPV6: tuple(str(prefixes.ipv6[_interface_id(index, number)]) for number in range(1, _MOST + 1)),
    }
    return InterfacePlan(
        link=link,
        carries=spec.families,
        mtu=spec.mtu,
        mac=mac,
        planned=planned,
        configured={family: planned[family][: own.addresses(family)] for family in BOTH},
        over=spec.over,
    )


def _link_routes(
    topology: Topology, links: Mapping[str, LinkPlan], hosts: Mapping[str, HostPlan], name: str
) -> Iterator[Route]:
    """Yield the routes of a host to the links that it is not on, over the routers between."""
    places = {one.link: place for place, one in enumerate(hosts[name].interfaces)}
    for family in BOTH:
        for link, hop in next_hops(topology, name, family, broken=True).items():
            via = next(one.configured[family][0] for one in hosts[hop.router].interfaces if one.link == hop.link)
            yield Route(str(links[link].network(family)), via, interface=places[hop.link])


def _routes(topology: Topology, _: Mapping[str, LinkPlan], hosts: Mapping[str, HostPlan], name: str) -> Iterator[Route]:
    """Yield the routes of a host to all planned addresses of each host that a router on the link separates from it."""
    own = topology.host[name]
    for other, spec in topology.host.items():
        router = spec.via or own.via
        if other in (name, router) or not router:
            continue
        for family in topology.families(router):
            via = "" if router == name else hosts[router].configured[family][0]
            mtu = spec.mtu if router == name and spec.mtu < LINK_MTU else 0
            yield from (Route(address, via, mtu) for address in hosts[other].planned[family] if via or mtu)


def _interface_id(host: int, number: int) -> int:
    """Return an interface identifier; every second one has no zeros, so that the address text has full length."""
    own = (host + 1) * 0x100 + number
    return own if number % 2 else (0xAAAA << 48) + (0xBBBB << 32) + (0xCCCC << 16) + own
