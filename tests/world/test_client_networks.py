"""The addresses of clients in several networks."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest

from dualstack.addressing import IPV6_NETWORK
from dualstack.world.client_networks import MOST, of_one_site, of_several_ipv4_networks, of_several_sites

OWN = [IPV6_NETWORK, IPv6Network("fd00:d0c:ffff:ffff::/64"), IPv6Network("2001:db8::/64")]


@pytest.mark.parametrize("own", ["198.51.100.0/24", "198.18.1.0/24", "198.19.64.0/23"])
def test_ipv4_networks_are_different_and_not_the_labs(own: str) -> None:
    """Each address is in a /24 of its own, which the lab does not use."""
    found = of_several_ipv4_networks(IPv4Network(own), MOST)
    assert len(prefixes(found, 24)) == MOST
    assert not any(ip_address(item) in ip_network(own) for item in found)


def prefixes(addresses: list[str], length: int) -> set[str]:
    """Return the prefixes of this length that have the addresses."""
    return {str(ip_network((address, length), strict=False)) for address in addresses}


@pytest.mark.parametrize("own", OWN, ids=str)
def test_networks_of_one_site(own: IPv6Network) -> None:
    """Each client is in another /64, all are in one /60 of the lab's /48, and none is in the lab's network."""
    found = of_one_site(own, MOST, 0x9001)
    assert len(prefixes(found, 64)) == MOST
    assert len(prefixes(found, 60)) == 1
    assert prefixes(found, 48) == {str(own.supernet(new_prefix=48))}
    assert not any(IPv6Address(address) in own for address in found)
    assert {IPv6Address(address).packed[8:].hex() for address in found} == {f"{0x9001 + n:016x}" for n in range(MOST)}


@pytest.mark.parametrize("own", OWN, ids=str)
def test_networks_of_several_sites(own: IPv6Network) -> None:
    """Each client is in another /48 of the lab's /32, and none is in the lab's /48."""
    found = of_several_sites(own, MOST, 0x9001)
    assert len(prefixes(found, 48)) == MOST
    assert prefixes(found, 32) == {str(own.supernet(new_prefix=32))}
    assert str(own.supernet(new_prefix=48)) not in prefixes(found, 48)
