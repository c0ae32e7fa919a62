"""The address plan: configured and planned addresses of each host, without overlaps."""

import ipaddress
import itertools

import pytest

from dualstack.addressing import IPV4_NETWORK, IPV6_NETWORK, HostPlan, InterfacePlan, plan_addresses
from dualstack.families import BOTH, Family
from dualstack.topology import HostSpec, Topology, load_topology, topology_names


def world(**hosts: HostSpec) -> Topology:
    """Return a topology of these hosts."""
    return Topology(name="made-up", title="x", represents="x", summary="x", host=hosts)


def everything(host: HostPlan | InterfacePlan) -> list[str]:
    """Return all planned addresses of a host's first interface, or of any interface."""
    return [address for family in BOTH for address in host.planned[family]]


def test_favourites_are_the_first_and_the_last() -> None:
    """The kernel's preferred source is the first of several IPv4 addresses and the last of several IPv6 ones."""
    host = plan_addresses(load_topology("multi-address")).hosts["service"]
    assert host.preferred_source(Family.IPV4) == host.configured[Family.IPV4][0]
    assert host.preferred_source(Family.IPV6) == host.configured[Family.IPV6][2]


@pytest.mark.parametrize("name", topology_names())
def test_addresses_are_in_their_network_and_unique(name: str) -> None:
    """No address is planned twice; each is a host address in the network of its link and family."""
    plan = plan_addresses(load_topology(name))
    interfaces = [one for host in plan.hosts.values() for one in host.interfaces]
    addresses = [address for one in interfaces for address in everything(one)]
    assert len(addresses) == len(set(addresses)) == len(interfaces) * 16
    for one in interfaces:
        for address in map(ipaddress.ip_address, everything(one)):
            network = plan.links[one.link].network(Family.of(address))
            assert address in network
            assert address not in (network.network_address, network.broadcast_address)


def test_networks_are_for_documentation_and_not_unique_local() -> None:
    """IPv6 is from 2001:db8::/32 (RFC 3849), because RFC 6724 prefers IPv4 to fc00::/7; IPv4 is from RFC 5737."""
    assert IPV6_NETWORK.subnet_of(ipaddress.IPv6Network("2001:db8::/32"))
    assert IPV4_NETWORK.subnet_of(ipaddress.IPv4Network("198.51.100.0/24"))


@pytest.mark.parametrize(("ipv4", "ipv6"), list(itertools.product((0, 1, 3, 8), (0, 1, 8))))
def test_configured_are_the_first_planned(ipv4: int, ipv6: int) -> None:
    """A host has the number of addresses in its topology: the first planned ones."""
    host = plan_addresses(world(service=HostSpec(ipv4=ipv4, ipv6=ipv6), peer=HostSpec())).hosts["service"]
    assert [len(host.configured[family]) for family in BOTH] == [ipv4, ipv6]
    for family in BOTH:
        assert host.planned[family][: len(host.configured[family])] == host.configured[family]


def test_an_address_is_planned_where_the_world_has_none() -> None:
    """A name can point to an IPv6 address in a topology without IPv6."""
    host = plan_addresses(world(service=HostSpec(ipv6=0), peer=HostSpec())).hosts["service"]
    assert host.configured[Family.IPV6] == ()
    assert Family.of(host.address(Family.IPV6)) is Family.IPV6


def test_every_second_ipv6_address_is_as_long_as_can_be() -> None:
    """Short and long address texts alternate, so that programs with short buffers are found."""
    host = plan_addresses(world(service=HostSpec(ipv6=8), peer=HostSpec())).hosts["service"]
    lengths = [len(address) for address in host.planned[Family.IPV6]]
    assert all(length < 25 for length in lengths[::2])
    assert all(length > 30 for length in lengths[1::2])


def test_hardware_addresses_are_local_and_unique() -> None:
    """Each host's MAC address is unicast, locally administered and unique."""
    plan = plan_addresses(world(service=HostSpec(), peer=HostSpec(), third=HostSpec()))
    macs = [host.mac for host in plan.hosts.values()]
    assert len(set(macs)) == 3
    assert all(int(mac[:2], 16) & 0b11 == 0b10 for mac in macs)


def test_other_networks() -> None:
    """The lab of another worker has other networks, with their prefix lengths."""
    ipv4, ipv6 = ipaddress.IPv4Network("203.0.113.0/24"), ipaddress.IPv6Network("2001:db8:7::/64")
    plan = plan_addresses(load_topology("dual-stack"), ipv4, ipv6)
    assert [plan.prefix_length(family) for family in BOTH] == [24, 64]
    assert ipaddress.IPv4Address(plan.hosts["peer"].address(Family.IPV4)) in ipv4
    assert ipaddress.IPv6Address(plan.hosts["peer"].address(Family.IPV6)) in ipv6


def test_ways_lead_over_the_router() -> None:
    """Both ends have routes via the router to all planned addresses of the other; only the router's own have an MTU."""
    topology = load_topology("pmtu-1280")
    plan = plan_addresses(topology)
    router = plan.hosts["router"]
    for name, other in (("service", "peer"), ("peer", "service")):
        vias = {route.address: route.via for route in plan.routes[name]}
        assert vias == {a: router.address(family) for family in BOTH for a in plan.hosts[other].planned[family]}
        assert {route.mtu for route in plan.routes[name]} == {0}
    narrow = {route.address: (route.via, route.mtu) for route in plan.routes["router"]}
    assert narrow == {a: ("", 1280) for family in BOTH for a in plan.hosts["peer"].planned[family]}


@pytest.mark.parametrize("name", [name for name in topology_names() if not load_topology(name).routers])
def test_on_one_link_no_way_is_needed(name: str) -> None:
    """Without a router there are no routes besides those of the addresses."""
    assert set(plan_addresses(load_topology(name)).routes.values()) == {()}


def test_each_link_has_its_own_prefixes() -> None:
    """Service and client of two links have other prefixes, which routes over the router's address on their own link."""
    plan = plan_addresses(load_topology("two-links"))
    service, peer, router = (plan.hosts[name] for name in ("service", "peer", "router"))
    assert [one.link for one in router.interfaces] == ["servers", "clients"]
    assert len({str(one.network(family)) for one in plan.links.values() for family in BOTH}) == 4
    for name, link, place in (("service", "clients", 0), ("peer", "servers", 1)):
        own = router.interfaces[place]
        assert {route.address: route.via for route in plan.routes[name]} == {
            str(plan.links[link].network(family)): own.configured[family][0] for family in BOTH
        }
    assert plan.routes["router"] == ()
    assert (plan.ipv4, plan.ipv6) == (plan.links["servers"].ipv4, plan.links["servers"].ipv6)
    assert ipaddress.ip_address(peer.address(Family.IPV6)) not in plan.ipv6
    assert ipaddress.ip_address(service.address(Family.IPV6)) in plan.ipv6


def test_prefixes_of_links_are_in_one() -> None:
    """The prefixes of all links follow the first one."""
    ipv4, ipv6 = ipaddress.IPv4Network("10.200.2.0/24"), ipaddress.IPv6Network("2001:db8:d0c:2::/64")
    plan = plan_addresses(load_topology("two-links"), ipv4, ipv6)
    for one in plan.links.values():
        assert one.ipv4.subnet_of(ipaddress.IPv4Network("10.200.2.0/23"))
        assert one.ipv6.subnet_of(ipaddress.IPv6Network("2001:db8:d0c:2::/63"))


def test_interfaces_of_a_host_have_their_own_hardware_addresses() -> None:
    """No two interfaces of a lab have the same MAC address; the first ones are those of labs with one link."""
    plan = plan_addresses(load_topology("two-links"))
    macs = [one.mac for host in plan.hosts.values() for one in host.interfaces]
    assert len(set(macs)) == len(macs) == 4
    assert [host.mac for host in plan.hosts.values()] == [f"02:00:5e:10:00:0{number}" for number in (1, 2, 3)]
