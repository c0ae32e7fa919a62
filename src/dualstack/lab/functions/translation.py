"""The addresses of translation in a lab: which prefix stands for the IPv4 network, and which address for which host."""

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.families import Family

if TYPE_CHECKING:
    from dualstack.addressing import Plan
    from dualstack.topology import Topology

CLAT_IPV4 = "192.0.0.1"
"""The IPv4 address of a host behind a CLAT (RFC 7335 §4)."""

CLAT_ROUTER = "192.0.0.2"
"""The source of the ICMP errors of a CLAT."""

OTHER_PREFIXES = (
    "3fff:64::/32",
    "3fff:640:6400::/40",
    "3fff:648:6448::/48",
    "3fff:656:6456:5600::/56",
    "3fff:664:6464:64::/64",
    "3fff:696:6496:96::/96",
    "64:ff9b:1::/48",
)
"""Other prefixes that a translator can use: one of each length (RFC 9637), and the local one of RFC 8215.

Hosts have routes for all of them. A translator uses one prefix at a time.
"""


def translator_host(topology: "Topology") -> str:
    """Return the host that translates between the families for others; empty if there is none."""
    return next((name for name, spec in topology.host.items() if "nat64" in spec.functions), "")


def prefix_of(topology: "Topology") -> str:
    """Return the prefix that stands for the IPv4 network (PREF64); empty if no host translates."""
    return topology.pref64 if translator_host(topology) else ""


def pool(plan: "Plan") -> ipaddress.IPv4Network:
    """Return the IPv4 prefix whose addresses stand for IPv6 hosts: the one after those of the links."""
    last = list(plan.links.values())[-1].ipv4
    return ipaddress.IPv4Network((int(last.network_address) + last.num_addresses, last.prefixlen))


def clat_ipv6(plan: "Plan", host: str) -> str:
    """Return the IPv6 address that a host's CLAT uses for its IPv4 address: one of the prefix after those of the links.

    RFC 6877 §6.3 wants a prefix for the CLAT alone.
    """
    last = list(plan.links.values())[-1].ipv6
    own = ipaddress.IPv6Network((int(last.network_address) + last.num_addresses, last.prefixlen))
    return str(own[list(plan.hosts).index(host) + 1])


def mappings(topology: "Topology", plan: "Plan") -> dict[str, str]:
    """Return the IPv4 address of the pool that stands for each IPv6 address of a host without IPv4, by that address.

    The translator knows them from the start (RFC 7757), so that it is known beforehand how an IPv4 host sees them.
    """
    addresses = pool(plan).hosts()
    return {ipv6: str(next(addresses)) for ipv6 in _translated(topology, plan)}


def _translated(topology: "Topology", plan: "Plan") -> Iterator[str]:
    """Yield the IPv6 addresses of hosts without IPv4 addresses, those of their CLAT too."""
    for name, spec in topology.host.items():
        if not spec.addresses(Family.IPV4):
            yield from plan.hosts[name].every(Family.IPV6)
            if "clat" in spec.functions:
                yield clat_ipv6(plan, name)
