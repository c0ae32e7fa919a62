"""Which host of a lab gets which addresses.

IPv6 comes from a documentation prefix, not from fc00::/7: RFC 6724 §2.1 prefers IPv4 over unique local addresses, which
would turn every preference check around. Addresses are planned for both families of every host, also where the
topology gives it none: a name may then point at an address that this world does not have.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dualstack.families import BOTH, Family
from dualstack.topology import LINK_MTU, Topology

IPV4_NETWORK = ipaddress.IPv4Network("198.51.100.0/24")
IPV6_NETWORK = ipaddress.IPv6Network("2001:db8:51:1::/64")

_SPAN = 32
"""How many IPv4 host numbers each host owns: the first host .1 to .31, the second .33 to .63 …"""

_MOST = 8
"""How many addresses are planned for each host and family."""


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host's addresses.

    Attributes:
        name: The host's name.
        mac: The hardware address of its interface on the link.
        planned: Every address that it could have, by family; the first ones are configured.
        configured: The addresses that it has in this world, by family, in the order in which they are added.
    """

    name: str
    mac: str
    planned: Mapping[Family, tuple[str, ...]]
    configured: Mapping[Family, tuple[str, ...]]

    def address(self, family: Family) -> str:
        """Return its first planned address of the family, configured or not."""
        return self.planned[family][0]

    def favourite(self, family: Family) -> str:
        """Return the configured address from which Linux sends where a program leaves the choice to it.

        That is IPv4's primary address and IPv6's newest one: RFC 6724 §5 knows no preference among those of one link.
        """
        return self.configured[family][0 if family is Family.IPV4 else -1]


@dataclass(frozen=True, slots=True)
class Way:
    """A route of a host to one address, where packets do not just cross the link.

    Attributes:
        address: Where it leads.
        via: The router's address; empty on the router itself.
        mtu: The largest packet, in bytes, that is forwarded; 0 for what the link carries.
    """

    address: str
    via: str = ""
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The addresses of a lab: a /24 and a /64 on one link, each host's share, and its routes to others."""

    ipv4: ipaddress.IPv4Network
    ipv6: ipaddress.IPv6Network
    hosts: Mapping[str, HostPlan]
    ways: Mapping[str, tuple[Way, ...]]

    def prefix_length(self, family: Family) -> int:
        """Return the prefix length of the link's network."""
        return (self.ipv4 if family is Family.IPV4 else self.ipv6).prefixlen


def plan_addresses(
    topology: Topology,
    ipv4: ipaddress.IPv4Network = IPV4_NETWORK,
    ipv6: ipaddress.IPv6Network = IPV6_NETWORK,
) -> Plan:
    """Return the addresses of each host of ``topology``."""
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
    ways = {name: tuple(_ways(topology, hosts, name)) for name in hosts}
    return Plan(ipv4=ipv4, ipv6=ipv6, hosts=hosts, ways=ways)


def _ways(topology: Topology, hosts: Mapping[str, HostPlan], name: str) -> Iterator[Way]:
    """Yield the routes of a host: to every address that another one may come to have, if there is a router between."""
    own = topology.host[name]
    for other, spec in topology.host.items():
        router = spec.behind or own.behind
        if other in (name, router) or not router:
            continue
        for family in topology.families(router):
            via = "" if router == name else hosts[router].configured[family][0]
            mtu = spec.mtu if router == name and spec.mtu < LINK_MTU else 0
            yield from (Way(address, via, mtu) for address in hosts[other].planned[family] if via or mtu)


def _interface_id(host: int, number: int) -> int:
    """Return an interface identifier; every second address of a host is as long in text as an address can be."""
    own = (host + 1) * 0x100 + number
    return own if number % 2 else (0xAAAA << 48) + (0xBBBB << 32) + (0xCCCC << 16) + own
