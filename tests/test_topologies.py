"""The topologies that the project ships."""

import pytest

from dualstack.families import BOTH, Family
from dualstack.lab.proofs import planned_proofs
from dualstack.topology import LINK_MTU, load_topology, topology_names

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
    "routed": BOTH,
    "two-links": BOTH,
}


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
    assert {name for name in WORLDS if load_topology(name).routers} == {"pmtu-1280", "routed", "two-links"}
    assert {name for name in WORLDS if load_topology(name).path_mtu() < LINK_MTU} == {"pmtu-1280"}


def test_routed_differs_from_dual_stack_by_its_router_alone() -> None:
    """Service and peer of the routed world are those of dual-stack, and every packet between them crosses a router."""
    routed, plain = load_topology("routed"), load_topology("dual-stack")
    assert routed.host["service"] == plain.host["service"]
    assert routed.host["peer"] == plain.host["peer"].model_copy(update={"via": "router"})
    assert (routed.path_mtu(), routed.path_mtu("service")) == (LINK_MTU, LINK_MTU)


def test_multi_address_has_three_of_each() -> None:
    """The service's host of the multi-address world has three addresses of each family."""
    service = load_topology("multi-address").host["service"]
    assert (service.ipv4, service.ipv6) == (3, 3)


def test_two_links_have_nothing_in_common_but_the_router() -> None:
    """The service and its clients of the two-links world are on links of their own, which the router connects."""
    topology = load_topology("two-links")
    links = {name: set(spec.on) for name, spec in topology.host.items()}
    assert links == {"service": {"servers"}, "peer": {"clients"}, "router": {"servers", "clients"}}
    assert all(link.families == BOTH and link.mtu == LINK_MTU for link in topology.link.values())
