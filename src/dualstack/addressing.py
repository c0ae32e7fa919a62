"""The address plan of a lab: the addresses and routes of each host.

IPv6 addresses are from a documentation prefix, not from fc00::/7: RFC 6724 §2.1 prefers IPv4 to unique local addresses,
which would reverse every check of preference. Addresses of both families are planned for every host, even if the
topology gives it none: a name can then point to an address that does not exist in the lab.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dualstack.families import BOTH, Family
from dualstack.topology import LINK_MTU, Topology

IPV4_NETWORK = ipaddress.IPv4Network("198.51.100.0/24")
IPV6_NETWORK = ipaddress.IPv6Network("2001:db8:51:1::/64")

_SPAN = 32
"""Number of IPv4 host numbers for each host: the first host has .1 to .31, the second .33 to .63 …"""

_MOST = 8
"""Number of addresses that are planned for each host and family."""


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host's addresses.

    Attributes:
        name: The host's name.
        mac: The MAC address of its interface on the link.
        planned: All addresses that it can have, by family; the first ones are configured.
        configured: The addresses that it has in this topology, by family, in the order in which they are added.
    """

    name: str
    mac: str
    planned: Mapping[Family, tuple[str, ...]]
    configured: Mapping[Family, tuple[str, ...]]

    def address(self, family: Family) -> str:
        """Return its first planned address of the family, which may not be configured."""
        return self.planned[family][0]

    def preferred_source(self, family: Family) -> str:
        """Return the source address that Linux selects for an unbound socket.

        For IPv4 it is the primary address; for IPv6 the newest one, because RFC 6724 §5 has no preference among the
        addresses of one link.
        """
        return self.configured[family][0 if family is Family.IPV4 else -1]


@dataclass(frozen=True, slots=True)
class Route:
    """A route of a host to one address that is behind a router.

    Attributes:
        address: The destination.
        via: The router's address; empty on the router itself.
        mtu: The MTU of the route, in bytes; 0 for that of the link.
    """

    address: str
    via: str = ""
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The addresses of a lab: a /24 and a /64 on one link, and the addresses and routes of each host."""

    ipv4: ipaddress.IPv4Network
    ipv6: ipaddress.IPv6Network
    hosts: Mapping[str, HostPlan]
    routes: Mapping[str, tuple[Route, ...]]

    def prefix_length(self, family: Family) -> int:
        """Return the prefix length of the link's network of the family."""
        return (self.ipv4 if family is Family.IPV4 else self.ipv6).prefixlen


def plan_addresses(
    topology: Topology,
    ipv4: ipaddress.IPv4Network = IPV4_NETWORK,
    ipv6: ipaddress.IPv6Network = IPV6_NETWORK,
) -> Plan:
    """Return the address plan of ``topology``."""
    hosts = {}
    for index, (name, spec) in enumerate(topology.host.items()):
        planned = {
            Family.IPV4: tuple(str(ipv4[index * _SPAN + number]) for number in range(1, _MOST + 1)),
            Family.IPV6: tuple(str(ipv6[_interface_id(index, number)]) for number in range(1, _MOST + 1)),
        }
        hosts[name] = HostPlan(
            name=name,
            mac=f"02:00:5e:10:00:{index + 1:02x}",
            planned=planned,
            configured={family: planned[family][: spec.addresses(family)] for family in BOTH},
        )
    routes = {name: tuple(_routes(topology, hosts, name)) for name in hosts}
    return Plan(ipv4=ipv4, ipv6=ipv6, hosts=hosts, routes=routes)


def _routes(topology: Topology, hosts: Mapping[str, HostPlan], name: str) -> Iterator[Route]:
    """Yield the routes of a host: to all planned addresses of each host that a router separates from it."""
    own = topology.host[name]
    for other, spec in topology.host.items():
        router = spec.behind or own.behind
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
