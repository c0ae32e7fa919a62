"""Each proof alone, on made-up facts: it holds for a correct host, and for no other."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from dualstack.addressing import InterfacePlan, plan_addresses
from dualstack.families import BOTH, Family
from dualstack.lab.facts import Facts
from dualstack.lab.observation import HostObservation
from dualstack.lab.path_probe import Crossing, ProbedPath
from dualstack.lab.proofs import PROOFS, planned_proofs
from dualstack.topology import LINK_MTU, Topology, hosts_across, load_topology, topology_names

LINK = "eth0"
LINK_LOCAL = "fe80::5eff:fe10:1"
PATHS = ("all", "default", "lo", LINK)


def as_it_should_be(topology: str, host: str = "service") -> HostObservation:
    """Return the observation of a host that is exactly what its topology says."""
    world = load_topology(topology)
    spec, plan = world.host[host], plan_addresses(world).hosts[host]
    has_ipv6 = spec.link_local or bool(plan.configured[Family.IPV6])
    links = [f"eth{place}" for place in range(len(plan.interfaces))]
    own = [(name, a) for name, one in zip(links, plan.interfaces, strict=True) for a in _configured(one)]
    if spec.link_local and not spec.disable_ipv6 and has_ipv6:
        own += [(name, LINK_LOCAL) for name in links]
    loopbacks = {Family.IPV4: spec.ipv4_loopback, Family.IPV6: spec.ipv6_loopback and not spec.disable_ipv6}
    own += [("lo", family.loopback) for family in BOTH if loopbacks[family]]
    others = {
        address: "" for name, other in plan_addresses(world).hosts.items() if name != host for address in _all(other)
    }
    return HostObservation(
        spec=spec,
        plan=plan,
        facts=Facts(
            addresses=tuple(own),
            unusable=(),
            interfaces=("lo", *links),
            default_routes=(),
            v6only=spec.bindv6only,
            disable_ipv6=dict.fromkeys(PATHS, spec.disable_ipv6),
            bind={family.value: "" if loopbacks[family] else "EADDRNOTAVAIL" for family in BOTH},
            inet6="",
            confined_inet6="" if spec.af_inet6 else "EAFNOSUPPORT",
            mtus=dict.fromkeys(("lo", *links), LINK_MTU),
            forwards=dict.fromkeys(("ipv4", "ipv6"), "forward" in spec.functions),
        ),
        reached=dict.fromkeys((a for one in plan.interfaces for a in _configured(one)), ""),
        routes={address: "" if plan.configured[Family.of(address)] else "ENETUNREACH" for address in others},
        paths=tuple(paths(world, host)),
        routers=frozenset(_all(plan_addresses(world).hosts[spec.via])) if spec.via else frozenset(),
        crossings=tuple(crossings(world, host)),
    )


def crossings(world: Topology, host: str) -> Iterator[Crossing]:
    """Yield the paths from a host to those on other links, for each family."""
    plan = plan_addresses(world)
    for family in BOTH:
        for other, _, hop in hosts_across(world, host, family):
            target, router = plan.hosts[other].address(family), plan.hosts[hop.router].interfaces
            first = next(one.configured[family][0] for one in router if one.link == hop.link)
            yield Crossing(host, target, frozenset({first}), hop.routers + 1, first, target)


def paths(world: Topology, host: str) -> Iterator[ProbedPath]:
    """Yield the paths between the service and a host behind a router, for each family and direction."""
    spec, hosts = world.host[host], plan_addresses(world).hosts
    for family in BOTH if spec.via else ():
        own, service, router = (hosts[name].address(family) for name in (host, "service", spec.via))
        yield ProbedPath("service", own, router, spec.mtu, router)
        yield ProbedPath(host, service, router, LINK_MTU, service)


def _configured(interface: InterfacePlan) -> list[str]:
    """Return the addresses of an interface."""
    return [address for family in BOTH for address in interface.configured[family]]


def _all(plan: Any) -> list[str]:
    """Return the first planned address of each family."""
    return [plan.planned[family][0] for family in BOTH]


def with_facts(seen: HostObservation, **changes: Any) -> HostObservation:
    """Return the observation with some facts changed."""
    return replace(seen, facts=replace(seen.facts, **changes))


def with_address(seen: HostObservation, interface: str, address: str) -> HostObservation:
    """Return the observation with one more address on an interface."""
    return with_facts(seen, addresses=(*seen.facts.addresses, (interface, address)))


def without_address(seen: HostObservation, address: str) -> HostObservation:
    """Return the observation without one address."""
    return with_facts(seen, addresses=tuple(pair for pair in seen.facts.addresses if pair[1] != address))


def without_plan(seen: HostObservation) -> HostObservation:
    """Return the observation of a host for which no address is planned."""
    own = replace(seen.plan.interfaces[0], configured=dict.fromkeys(BOTH, ()))
    return replace(seen, plan=replace(seen.plan, interfaces=(own,)))


def on_link(seen: HostObservation, **changes: Any) -> HostObservation:
    """Return the observation of a host whose link is another one."""
    own = replace(seen.plan.interfaces[0], **changes)
    return replace(seen, plan=replace(seen.plan, interfaces=(own,)))


DUAL, FOUR, SIX = as_it_should_be("dual-stack"), as_it_should_be("ipv4-only"), as_it_should_be("ipv6-only")
STRICT, OFF = as_it_should_be("ipv6-only-strict"), as_it_should_be("ipv4-only-disable-ipv6")
BARRED = as_it_should_be("ipv4-only-no-af-inet6")
NARROW = as_it_should_be("pmtu-1280", "peer")
INWARD, OUTWARD = NARROW.paths[:2]
FAR = as_it_should_be("two-links", "peer")
FAR4, FAR6 = FAR.crossings
ROUTER = as_it_should_be("two-links", "router")
SIX_ONLY = replace(on_link(SIX, carries=(Family.IPV6,)), frames={LINK: {"ipv4": 0, "ipv6": 9}})
FOUR_ONLY = replace(on_link(FOUR, carries=(Family.IPV4,)), frames={LINK: {"ipv4": 9, "ipv6": 0}})
A4, A6 = DUAL.plan.address(Family.IPV4), DUAL.plan.address(Family.IPV6)
OTHER4, OTHER6 = DUAL.routes

BROKEN: Mapping[str, tuple[str, HostObservation]] = {
    "one IPv4 address too many": ("addresses", with_address(DUAL, LINK, "198.51.100.9")),
    "one IPv6 address too few": ("addresses", without_address(DUAL, A6)),
    "an address that cannot be used yet": ("addresses", with_facts(DUAL, unusable=(A6,))),
    "IPv4 does not answer": ("ipv4-path", replace(DUAL, reached={**DUAL.reached, A4: "ETIMEDOUT"})),
    "IPv6 does not answer": ("ipv6-path", replace(DUAL, reached={**DUAL.reached, A6: "EHOSTUNREACH"})),
    "IPv6 was not tried": ("ipv6-path", replace(DUAL, reached={A4: ""})),
    "there is nothing to try": ("ipv6-path", without_plan(DUAL)),
    "an IPv4 address": ("no-ipv4-address", with_address(SIX, LINK, "169.254.7.7")),
    "a link-local IPv6 address": ("no-ipv6-address", with_address(FOUR, LINK, LINK_LOCAL)),
    "a route over IPv4": ("ipv4-unreachable", replace(SIX, routes={OTHER4: "", OTHER6: ""})),
    "a route over IPv6": ("ipv6-unreachable", replace(FOUR, routes={OTHER4: "", OTHER6: ""})),
    "no route was asked for": ("ipv6-unreachable", replace(FOUR, routes={OTHER4: ""})),
    "no 127.0.0.1": ("ipv4-loopback", without_address(DUAL, "127.0.0.1")),
    "127.0.0.1 that cannot be bound": ("ipv4-loopback", with_facts(DUAL, bind={"ipv4": "EACCES", "ipv6": ""})),
    "::1 that cannot be bound": ("ipv6-loopback", with_facts(DUAL, bind={"ipv4": "", "ipv6": "EADDRNOTAVAIL"})),
    "any of 127.0.0.0/8": ("no-ipv4-loopback", with_address(STRICT, "lo", "127.9.9.9")),
    "127.0.0.1 that can be bound": ("no-ipv4-loopback", with_facts(STRICT, bind={"ipv4": "", "ipv6": ""})),
    "::1": ("no-ipv6-loopback", DUAL),
    "no link-local address": ("link-local", without_address(DUAL, LINK_LOCAL)),
    "two link-local addresses": ("link-local", with_address(DUAL, LINK, "fe80::7")),
    "a link-local address": ("no-link-local", DUAL),
    "sockets are not IPv6 alone": ("bindv6only", DUAL),
    "sockets are IPv6 alone": ("no-bindv6only", as_it_should_be("dual-stack-bindv6only")),
    "there is no socket": ("bindv6only", with_facts(DUAL, v6only=None)),
    **{
        f"disable_ipv6 forgets {name}": (
            "disable-ipv6",
            with_facts(OFF, disable_ipv6={path: path != name for path in PATHS}),
        )
        for name in PATHS
    },
    "disable_ipv6 of a link that is not there": (
        "disable-ipv6",
        with_facts(OFF, disable_ipv6={"all": True, "lo": True}),
    ),
    "::1 although IPv6 is off": ("disable-ipv6", with_facts(OFF, bind={"ipv4": "", "ipv6": ""})),
    "no AF_INET6": ("af-inet6", with_facts(DUAL, inet6="EAFNOSUPPORT")),
    "AF_INET6 in the sandbox": ("no-af-inet6", with_facts(BARRED, confined_inet6="")),
    "another errno than that of a kernel without IPv6": ("no-af-inet6", with_facts(BARRED, confined_inet6="EPERM")),
    "the sandbox was not tried": ("no-af-inet6", with_facts(BARRED, confined_inet6=None)),
    "a default route": ("no-route-out", with_facts(DUAL, default_routes=("default via 198.51.100.33",))),
    "an interface too many": ("no-route-out", with_facts(DUAL, interfaces=("lo", LINK, "eth1"))),
    "an interface too few": ("no-route-out", with_facts(DUAL, interfaces=("lo",))),
    "a way around the router": ("behind-router", replace(NARROW, paths=(INWARD, replace(OUTWARD, first=A4)))),
    "there is no first hop": ("behind-router", replace(NARROW, paths=(replace(INWARD, first=""), OUTWARD))),
    "no packet crossed": ("behind-router", replace(NARROW, paths=())),
    "a wide hop": ("path-mtu", replace(NARROW, paths=(replace(INWARD, mtu=LINK_MTU), OUTWARD))),
    "another address reports the MTU": ("path-mtu", replace(NARROW, paths=(replace(INWARD, mtu_source=A4), OUTWARD))),
    "a narrow hop on the way out": ("path-mtu", replace(NARROW, paths=(INWARD, replace(OUTWARD, mtu=1280)))),
    "one address on another interface": (
        "addresses",
        with_facts(ROUTER, addresses=tuple(("eth0", address) for _, address in ROUTER.facts.addresses)),
    ),
    "the second interface is not there": ("no-route-out", with_facts(ROUTER, interfaces=("lo", LINK))),
    "no link-local address on the second interface": (
        "link-local",
        with_facts(ROUTER, addresses=tuple(pair for pair in ROUTER.facts.addresses if pair != ("eth1", LINK_LOCAL))),
    ),
    "a link-local address on a link without IPv6": ("link-local", on_link(DUAL, carries=(Family.IPV4,))),
    "the second link's address does not answer": (
        "ipv6-path",
        replace(ROUTER, reached={a: "" for a in ROUTER.reached if a != ROUTER.plan.every(Family.IPV6)[1]}),
    ),
    "no router reports an IPv4 hop limit of 1": (
        "ipv4-hops",
        replace(FAR, crossings=(replace(FAR4, first=FAR4.target), FAR6)),
    ),
    "no router reports an IPv6 hop limit of 1": (
        "ipv6-hops",
        replace(FAR, crossings=(FAR4, replace(FAR6, first=FAR6.target))),
    ),
    "another router is on the path": ("ipv6-hops", replace(FAR, crossings=(FAR4, replace(FAR6, arrived="")))),
    "no path to another link was probed": ("ipv6-hops", replace(FAR, crossings=(FAR4,))),
    "an IPv4 packet on a link without IPv4": (
        "no-ipv4-packets",
        replace(SIX_ONLY, frames={LINK: {"ipv4": 1, "ipv6": 9}}),
    ),
    "a link without IPv4 that carries nothing": (
        "no-ipv4-packets",
        replace(SIX_ONLY, frames={LINK: {"ipv4": 0, "ipv6": 0}}),
    ),
    "an IPv6 packet on a link without IPv6": (
        "no-ipv6-packets",
        replace(FOUR_ONLY, frames={LINK: {"ipv4": 9, "ipv6": 1}}),
    ),
    "frames were not counted": ("no-ipv6-packets", replace(FOUR_ONLY, frames={})),
    "an interface with another MTU than its link": ("link-mtu", on_link(DUAL, mtu=1280)),
    "a router that does not forward IPv6": (
        "forwards",
        with_facts(ROUTER, forwards={"ipv4": True, "ipv6": False}),
    ),
    "no large packet crossed": ("path-mtu", replace(NARROW, paths=())),
}


@pytest.mark.parametrize("topology", topology_names())
def test_what_is_as_it_should_be_is_proved(topology: str) -> None:
    """All proofs of every host of every topology hold if its kernel reports what the topology says."""
    for host, proofs in planned_proofs(load_topology(topology)).items():
        assert {name: PROOFS[name](as_it_should_be(topology, host)) for name in proofs} == dict.fromkeys(proofs)


@pytest.mark.parametrize(("proof", "seen"), [("no-ipv4-packets", SIX_ONLY), ("no-ipv6-packets", FOUR_ONLY)])
def test_links_of_one_family_are_proved(proof: str, seen: HostObservation) -> None:
    """A link of one family on which only packets of this family were seen is as it should be."""
    assert PROOFS[proof](seen) is None


@pytest.mark.parametrize(("proof", "seen"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_is_found(proof: str, seen: HostObservation) -> None:
    """One wrong fact is enough, and the failure names what was expected and what was found."""
    fault = PROOFS[proof](seen)
    assert fault is not None
    assert fault.expected != fault.found


def test_every_proof_can_fail() -> None:
    """Every proof is tried above."""
    assert {proof for proof, _ in BROKEN.values()} == set(PROOFS)
