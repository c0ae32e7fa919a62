"""Clients of several networks: on the lab's link beside its own network, as a link may carry several prefixes."""

import ipaddress

from dualstack.families import Family
from dualstack.lab.changes import RouteOverLink
from dualstack.world.listening import ListenerWorld

MOST = 16
"""How many networks there can be."""

_WIDE = 32
"""The length of the prefix that has all of them."""

_TESTING = ipaddress.IPv4Network("198.18.0.0/15")
"""The IPv4 networks of labs (RFC 2544)."""

_FIRST_SUBNET = 0x40
"""The third byte of the first of several IPv4 networks."""

_NEXT_SUBNETS, _OTHER_SITES = 0x10, 0x100
"""What differs in the subnet and in the site number: networks of one /60, and sites of another /40."""


def of_one_site(own: ipaddress.IPv6Network, count: int, identifier: int) -> list[str]:
    """Return addresses in as many networks (/64) of the lab's /48, all in one /60; none is in the lab's own network.

    Args:
        own: The lab's network, a /64.
        count: How many; at most `MOST`.
        identifier: The interface identifier of the first address; those of the others follow.
    """
    first = (int(own.network_address) >> 64 ^ _NEXT_SUBNETS) // MOST * MOST
    return [str(ipaddress.IPv6Address((first + number << 64) + identifier + number)) for number in range(count)]


def of_several_sites(own: ipaddress.IPv6Network, count: int, identifier: int) -> list[str]:
    """Return addresses in networks of as many /48s of the lab's /32; see `of_one_site`."""
    first = (int(own.network_address) >> 80 ^ _OTHER_SITES) // MOST * MOST
    return [str(ipaddress.IPv6Address((first + number << 80) + identifier + number)) for number in range(count)]


def of_several_ipv4_networks(own: ipaddress.IPv4Network, count: int) -> list[str]:
    """Return an address in each of as many IPv4 networks (/24), none of them the lab's own.

    Args:
        own: The lab's network.
        count: How many; at most `MOST`.
    """
    half = next(item for item in reversed(list(_TESTING.subnets())) if not item.overlaps(own))
    return [str(half[(_FIRST_SUBNET + number << 8) + 1]) for number in range(count)]


def route_all(world: ListenerWorld, family: Family) -> None:
    """Have the service's host send what is for these networks of a family over the link."""
    wide = world.lab.plan.ipv6.supernet(new_prefix=_WIDE) if family is Family.IPV6 else _TESTING
    world.host.apply(RouteOverLink(str(wide)))
    world.note(f"the service's host has a route to {wide} over the link")
