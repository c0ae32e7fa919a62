"""The topologies that the project ships."""

import pytest

from dualstack.addressing import plan_addresses
from dualstack.families import BOTH, Family
from dualstack.lab.proofs import planned_proofs
from dualstack.lab.roles import ByRole
from dualstack.topology import LINK_MTU, hosts_across, load_topology, next_hops, reaches, topology_names

WORLDS = {
    "dual-stack": BOTH,
    "dual-stack-bindv6only": BOTH,
    "ipv4-only": (Family.IPV4,),
    "ipv4-only-disable-ipv6": (Family.IPV4,),
    "ipv4-only-no-af-inet6": (Family.IPV4,),
    "ipv6-only": (Family.IPV6,),
    "ipv6-only-strict": (Family.IPV6,),
    "multi-address": BOTH,
    "pmtu-1280": BOTH,
    "pmtu-blackhole": BOTH,
    "routed": BOTH,
    "two-links": BOTH,
}

TUNNELLED = {"tunnel-6in4": 1480, "tunnel-6in4-1280": 1280, "tunnel-6in4-single-stack": 1480}

TRANSLATED = ("nat64-dns64", "nat64-clat")


@pytest.mark.parametrize("name", WORLDS)
def test_the_worlds_are_there(name: str) -> None:
    """Each world has the families that its name says, on both hosts, and the peer two addresses of each."""
    topology = load_topology(name)
    assert name in topology_names()
    for host in ("service", "peer"):
        assert topology.families(host) == WORLDS[name]
    assert {topology.host["peer"].addresses(family) for family in WORLDS[name]} == {2}
    assert topology.title
    assert topology.summary.endswith(".")


@pytest.mark.parametrize("name", topology_names())
def test_every_topology_proves_what_it_says(name: str) -> None:
    """Every host of every topology has proofs."""
    planned = planned_proofs(load_topology(name))
    assert set(planned) == set(load_topology(name).host)
    assert all(planned.values())


def test_the_single_family_worlds_differ_in_strength() -> None:
    """The three IPv4-only and two IPv6-only worlds take more and more of the other family away from the service."""
    service = {name: load_topology(name).host["service"] for name in WORLDS}
    for name in ("ipv4-only", "ipv4-only-disable-ipv6", "ipv4-only-no-af-inet6"):
        assert not service[name].link_local
    assert (service["ipv4-only"].ipv6_loopback, service["ipv4-only"].disable_ipv6) == (True, False)
    assert (service["ipv4-only-disable-ipv6"].disable_ipv6, service["ipv4-only-disable-ipv6"].af_inet6) == (True, True)
    assert not service["ipv4-only-no-af-inet6"].af_inet6
    assert (service["ipv6-only"].ipv4_loopback, service["ipv6-only-strict"].ipv4_loopback) == (True, False)


@pytest.mark.parametrize("name", WORLDS)
def test_loopback_addresses(name: str) -> None:
    """Clients on the service's own host find both loopback addresses but where the world takes one of them away."""
    lost = {
        "ipv6-only-strict": Family.IPV4,
        "ipv4-only-disable-ipv6": Family.IPV6,
        "ipv4-only-no-af-inet6": Family.IPV6,
    }
    assert load_topology(name).loopbacks() == tuple(family for family in BOTH if family is not lost.get(name))
    assert set(load_topology(name).loopbacks("peer")) == set(BOTH)


def test_pmtu_1280_has_a_narrow_hop_that_no_interface_shows() -> None:
    """Between service and peer of the pmtu-1280 world is a router; only packets to the peer are narrowed, to 1280."""
    topology = load_topology("pmtu-1280")
    assert topology.routers == {"router"}
    assert (topology.path_mtu(), topology.path_mtu("service")) == (1280, 1500)
    assert {name for name in WORLDS if load_topology(name).routers} == {
        *("pmtu-1280", "pmtu-blackhole", "routed", "two-links")
    }
    assert {name for name in WORLDS if load_topology(name).path_mtu() < LINK_MTU} == {"pmtu-1280", "pmtu-blackhole"}


def test_the_black_hole_differs_by_a_silent_router() -> None:
    """The pmtu-blackhole world is pmtu-1280, except that its router does not report packets that are too large."""
    narrow, hole = load_topology("pmtu-1280"), load_topology("pmtu-blackhole")
    assert (narrow.black_hole(), hole.black_hole()) == (False, True)
    silent = narrow.host["router"].model_copy(update={"functions": ("silent",)})
    assert hole.host == {**narrow.host, "router": silent}


def test_routed_differs_from_dual_stack_by_its_router_alone() -> None:
    """Service and peer of the routed world are those of dual-stack, and every packet between them crosses a router."""
    routed, plain = load_topology("routed"), load_topology("dual-stack")
    assert routed.host["service"] == plain.host["service"]
    assert routed.host["peer"] == plain.host["peer"].model_copy(update={"via": "router"})
    assert (routed.path_mtu(), routed.path_mtu("service")) == (LINK_MTU, LINK_MTU)


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_translator_is_between_ipv6_and_ipv4(name: str) -> None:
    """The service's host has only IPv6 addresses, its peer only IPv4 addresses, and no host forwards."""
    topology = load_topology(name)
    assert (topology.families("service"), topology.families("peer")) == ((Family.IPV6,), (Family.IPV4,))
    assert not topology.routers
    assert topology.host["router"].functions == ("nat64", "dns64")
    assert topology.host["service"].functions == (("clat",) if name == "nat64-clat" else ())
    assert topology.roles.resolver == "router"


@pytest.mark.parametrize("name", ["nat44", "nat444", "nat44-clients", "nat444-clients"])
def test_a_nat_hides_ipv4_alone(name: str) -> None:
    """IPv4 of the network behind the NAT is out of reach for the other host, and nothing else is."""
    topology = load_topology(name)
    inside, outside = ("service", "peer") if name in {"nat44", "nat444"} else ("peer", "service")
    hidden = next(iter(topology.host[inside].on))
    for family in BOTH:
        assert next_hops(topology, inside, family)["internet"].routers == (2 if "444" in name else 1)
        assert (hidden in next_hops(topology, outside, family)) is (family is Family.IPV6)


def test_multi_address_has_three_of_each() -> None:
    """The service's host of the multi-address world has three addresses of each family."""
    service = load_topology("multi-address").host["service"]
    assert (service.ipv4, service.ipv6) == (3, 3)


def test_link_local_has_no_other_addresses() -> None:
    """No host of the link-local world has an address that the lab gives it; one on each link looks like the other."""
    topology = load_topology("link-local")
    assert not any(topology.families(host) for host in topology.host)
    assert [link.families for link in topology.link.values()] == [(Family.IPV6,), (Family.IPV6,)]
    hosts = plan_addresses(topology).hosts
    assert len({one.link_local for one in hosts["service"].interfaces}) == 2
    assert hosts["peer"].interfaces[0].link_local == hosts["other"].interfaces[0].link_local
    assert hosts["peer"].planned != hosts["other"].planned


def test_two_links_have_nothing_in_common_but_the_router() -> None:
    """The service and its clients of the two-links world are on links of their own, which the router connects."""
    topology = load_topology("two-links")
    links = {name: set(spec.on) for name, spec in topology.host.items()}
    assert links == {"service": {"servers"}, "peer": {"clients"}, "router": {"servers", "clients"}}
    assert all(link.families == BOTH and link.mtu == LINK_MTU for link in topology.link.values())


@pytest.mark.parametrize(
    ("name", "client", "server"),
    [("relay", BOTH, BOTH), ("relay-4-to-6", BOTH[:1], BOTH[1:]), ("relay-6-to-4", BOTH[1:], BOTH[:1])],
)
def test_relays_stand_between_three_hosts(name: str, client: tuple[Family, ...], server: tuple[Family, ...]) -> None:
    """The relay has both families, client and server those of the name; the server is a host by itself."""
    topology = load_topology(name)
    assert (topology.families(), topology.families("peer"), topology.families("server")) == (BOTH, client, server)
    assert topology.roles.server == "server"
    assert len(topology.host) == 3


@pytest.mark.parametrize(
    ("name", "own", "loopbacks"), [("relay-ipv4-only", BOTH[:1], BOTH), ("relay-ipv6-only-strict", BOTH[1:], BOTH[1:])]
)
def test_relays_of_one_family(name: str, own: tuple[Family, ...], loopbacks: tuple[Family, ...]) -> None:
    """The relay has one family alone, and client and server have both."""
    topology = load_topology(name)
    assert (topology.families(), topology.families("peer"), topology.families("server")) == (own, BOTH, BOTH)
    assert topology.loopbacks() == loopbacks


def test_the_server_is_on_the_clients_host_by_default() -> None:
    """A lab finds the server's host by its role; without a role of the server it is the clients' host."""
    for name, found in (("relay", "server"), ("dual-stack", "peer"), ("routed", "peer")):
        topology = load_topology(name)
        assert ByRole({host: host for host in topology.host}, topology)["server"] == found


@pytest.mark.parametrize("name", TUNNELLED)
def test_a_tunnel_joins_two_ipv6_networks_over_an_ipv4_one(name: str) -> None:
    """Service and peer have IPv6 alone, the link under the tunnel IPv4 alone, and the tunnel is the narrowest link."""
    topology = load_topology(name)
    assert {topology.families(host) for host in ("service", "peer")} == {(Family.IPV6,)}
    tunnel = topology.link["tunnel"]
    assert topology.link[tunnel.over].families == (Family.IPV4,)
    assert (topology.path_mtu(), tunnel.mtu) == (TUNNELLED[name], TUNNELLED[name])
    assert topology.ends("tunnel") == ("near", "far")
    assert topology.lacking("tunnel") == (("far",) if name.endswith("single-stack") else ())


@pytest.mark.parametrize("name", TUNNELLED)
def test_hosts_are_reached_over_a_tunnel_with_two_ends(name: str) -> None:
    """Routes lead over a tunnel also if it carries nothing, but then no host beyond it is reached."""
    topology = load_topology(name)
    works = not topology.lacking("tunnel")
    assert ("clients" in next_hops(topology, "service", Family.IPV6)) is works
    assert next_hops(topology, "service", Family.IPV6, broken=True)["clients"].routers == 2
    assert reaches(topology, "service", "peer", "clients", Family.IPV6) is works
    assert reaches(topology, "service", "near", "tunnel", Family.IPV6)
    assert reaches(topology, "service", "far", "tunnel", Family.IPV6) is works
    assert bool(hosts_across(topology, "service", Family.IPV6)) is works
