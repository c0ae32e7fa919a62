"""Which prefixes labs get: some that overlap nothing of the machine, wherever there are any left."""

import itertools
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import pytest

from dualstack.lab.docker.networks import POOLS, _candidates, _machine_networks, _overlaps_any

TEN, DOCUMENTATION = IPv4Network("10.0.0.0/8"), IPv6Network("2001:db8::/32")
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t{default}\t010010AC\t0003\t0\t0\t0\t{mask}\t0\t0\t0
eth0\t001010AC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
IPV6_ROUTE = "{address} {length} {nothing} 00 {nothing} 00000400 00000001 00000000 00000001     eth0\n"


def test_the_first_pool_is_preferred() -> None:
    """Where nothing is taken every prefix is of the first pool and of the documentation's, and none comes twice."""
    found = list(itertools.islice(_candidates([]), 20))
    assert all(ipv4.subnet_of(POOLS[0]) and ipv6.subnet_of(DOCUMENTATION) for ipv4, ipv6 in found)
    assert len({ipv4 for ipv4, _ in found}) == len({ipv6 for _, ipv6 in found}) == 20


@pytest.mark.parametrize("count", range(1, len(POOLS)))
def test_another_pool_is_used_when_one_is_taken(count: int) -> None:
    """With the first pools taken, as by a route to 10.0.0.0/8, prefixes come from the next one that has any left."""
    taken = [TEN, *POOLS[1:count]]
    ipv4, _ = next(_candidates(taken))
    assert ipv4.subnet_of(POOLS[count])


def test_what_is_left_of_a_pool_is_found() -> None:
    """The only prefix of all pools that nothing overlaps is found; with it gone there is none."""
    last = IPv4Network("192.168.77.0/24")
    taken = [TEN, POOLS[1], *POOLS[2].address_exclude(last), POOLS[3]]
    assert [ipv4 for ipv4, _ in _candidates(taken)] == [last]
    assert list(_candidates([*taken, ip_network("192.168.77.128/32")])) == []


def test_pools_share_no_ipv6_prefix() -> None:
    """Labs with prefixes of different pools, which the engine keeps apart by IPv4, never have one of IPv6 in common."""
    seen: set[IPv6Network] = set()
    for pool in POOLS:
        others = [item for item in POOLS if item != pool]
        for place in (0, -256):
            ipv4 = IPv4Network((pool[place], 24))
            ((_, ipv6),) = _candidates([*others, *pool.address_exclude(ipv4)])
            assert ipv6 not in seen
            seen.add(ipv6)
    assert len(seen) == 2 * len(POOLS)


def test_documentation_prefixes_that_are_routed() -> None:
    """A machine that routes 2001:db8::/32 leaves the newer documentation prefix; with both there is none."""
    _, ipv6 = next(_candidates([DOCUMENTATION]))
    assert ipv6.subnet_of(IPv6Network("3fff::/20"))
    assert list(_candidates([DOCUMENTATION, IPv6Network("3fff::/20")])) == []


def test_nothing_that_is_taken_is_offered() -> None:
    """What is offered overlaps neither a larger nor a smaller network that is taken."""
    taken = [ip_network("10.192.0.0/11"), ip_network("10.224.0.0/12"), ip_network("10.240.7.9/32")]
    found = [ipv4 for ipv4, _ in itertools.islice(_candidates(taken), 32)]
    assert len(found) == 32
    assert not [item for item in found if _overlaps_any(item, taken)]
    assert all(item.subnet_of(IPv4Network("10.240.0.0/12")) for item in found)


@pytest.mark.parametrize("mask", ["00000000", "00000080", "000000FC"], ids=["default", "half", "short"])
def test_default_routes_take_nothing(tmp_path: Path, mask: str) -> None:
    """A default route, or pieces of one as tunnels set them up, is no reason to leave every prefix alone."""
    (tmp_path / "route").write_text(ROUTES.format(default="00000000", mask=mask), encoding="ascii")
    lines = [("0" * 32, "00"), ("2" + "0" * 31, "03"), ("20010db8000000070000000000000000", "40")]
    text = "".join(IPV6_ROUTE.format(address=address, length=length, nothing="0" * 32) for address, length in lines)
    (tmp_path / "ipv6_route").write_text(text, encoding="ascii")
    assert list(_machine_networks(tmp_path)) == [ip_network("172.16.16.0/24"), ip_network("2001:db8:0:7::/64")]


def test_a_routed_private_range_is_taken(tmp_path: Path) -> None:
    """A route to 10.0.0.0/8 is what a team's network has: nothing of it is ours."""
    (tmp_path / "route").write_text(ROUTES.format(default="0000000A", mask="000000FF"), encoding="ascii")
    assert TEN in list(_machine_networks(tmp_path))
