"""Each proof alone, on made-up facts: it holds for a correct host, and for no other."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from dualstack.addressing import HostPlan, InterfacePlan, plan_addresses
from dualstack.families import BOTH, Family
from dualstack.lab.facts import Facts
from dualstack.lab.functions import functions_of
from dualstack.lab.functions.function import Site
from dualstack.lab.functions.translation import CLAT_IPV4
from dualstack.lab.link_local import is_link_local_only, link_local_addresses
from dualstack.lab.observation import Advertised, HostObservation, Passed
from dualstack.lab.path_probe import Crossing, ProbedPath
from dualstack.lab.proofs import PROOFS, planned_proofs
from dualstack.lab.public_routes import PUBLIC
from dualstack.lab.tap import TUNNELLED
from dualstack.topology import LINK_MTU, HostSpec, Topology, hosts_across, load_topology, topology_names

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
        carrying = zip(links, plan.interfaces, strict=True)
        own += [(name, one.link_local) for name, one in carrying if Family.IPV6 in one.carries]
    loopbacks = {Family.IPV4: spec.ipv4_loopback, Family.IPV6: spec.ipv6_loopback and not spec.disable_ipv6}
    own += [("lo", family.loopback) for family in BOTH if loopbacks[family]]
    reached = [a for one in plan.interfaces for a in _configured(one)]
    reached += link_local_addresses(plan) if is_link_local_only(world, host) else ()
    clat, tunnels = of_clat(spec), [name for name, one in zip(links, plan.interfaces, strict=True) if one.over]
    return HostObservation(
        spec=spec,
        plan=plan,
        facts=Facts(
            addresses=(*own, *clat[0]),
            unusable=(),
            interfaces=(*("lo", *links), *(f"{name}-far" for name in tunnels), *clat[1]),
            default_routes=clat[2],
            v6only=spec.bindv6only,
            disable_ipv6=dict.fromkeys(PATHS, spec.disable_ipv6),
            bind={family.value: "" if loopbacks[family] else "EADDRNOTAVAIL" for family in BOTH},
            inet6="",
            confined_inet6="" if spec.af_inet6 else "EAFNOSUPPORT",
            mtus={"lo": LINK_MTU, **{name: one.mtu for name, one in zip(links, plan.interfaces, strict=True)}},
            forwards=dict.fromkeys(("ipv4", "ipv6"), "forward" in spec.functions),
        ),
        reached=dict.fromkeys(reached, ""),
        routes=routes(world, host),
        paths=tuple(paths(world, host)),
        routers=frozenset(_all(plan_addresses(world).hosts[spec.via])) if spec.via else frozenset(),
        crossings=tuple(crossings(world, host)),
        frames=frames(plan),
        passages=tuple(passed(world, host)),
        advertised=tuple(advertised(world, host)),
    )


def routes(world: Topology, host: str) -> dict[str, str]:
    """Return whether a host has a route to an address of each other host, and to the public ones."""
    hosts = plan_addresses(world).hosts
    asked = [a for name, other in hosts.items() if name != host for a in _all(other)]
    own = hosts[host].configured
    return {address: "" if own[Family.of(address)] else "ENETUNREACH" for address in (*asked, *PUBLIC.values())}


def frames(plan: HostPlan) -> dict[str, dict[str, int]]:
    """Return the frames on each interface whose link does not carry both families."""
    return {
        f"eth{place}": {**{family.value: 9 * (family in one.carries) for family in BOTH}, TUNNELLED: 9}
        for place, one in enumerate(plan.interfaces)
        if len(one.carries) < len(BOTH)
    }


def passed(world: Topology, host: str) -> Iterator[Passed]:
    """Yield what comes of the paths that the functions of a host make; a tunnel with one end carries nothing."""
    for function in functions_of(world, host):
        for one in function.passages(Site(world, plan_addresses(world), host)):
            hops = Crossing(one.source, one.address, one.first, one.hops, next(iter(one.first), ""), one.address)
            lost = "EHOSTUNREACH" if one.proof == "tunnel-6in4" else ""
            seen = (one.seen, one.seen) if one.seen else None
            came = lost or one.outcome
            yield Passed(one.proof, one.source, one.address, came, hops if one.hops else None, one.outcome, seen)


def advertised(world: Topology, host: str) -> Iterator[tuple[Advertised, tuple[str, ...]]]:
    """Yield what the functions of a host advertise, each with the prefix that the neighbour receives."""
    for function in functions_of(world, host):
        for one in function.advertises(Site(world, plan_addresses(world), host)):
            yield one, (one.prefix,)


def of_clat(spec: HostSpec) -> tuple[list[tuple[str, str]], list[str], tuple[str, ...]]:
    """Return the addresses, interfaces and default routes that a CLAT gives a host; none without one."""
    if "clat" not in spec.functions:
        return [], [], ()
    return [("clat", CLAT_IPV4)], ["clat", "clat-far"], ("0.0.0.0/0 dev clat",)


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
    if "silent" in spec.functions:
        yield from paths(world, next(name for name, other in world.host.items() if other.via == host))
    for family in BOTH if spec.via else ():
        own, service, router = (hosts[name].address(family) for name in (host, "service", spec.via))
        yield ProbedPath("service", own, router, spec.mtu, own if world.black_hole(host) else router)
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
HOLE, SILENT = (as_it_should_be("pmtu-blackhole", name) for name in ("peer", "router"))
LOST, ARRIVED = HOLE.paths[:2]
REPORTED = replace(LOST, mtu_source=LOST.first)
TUNNEL, LOSES = as_it_should_be("tunnel-6in4", "near"), as_it_should_be("tunnel-6in4-single-stack", "near")
FAR = as_it_should_be("two-links", "peer")
FAR4, FAR6 = FAR.crossings
ROUTER = as_it_should_be("two-links", "router")
SIX_ONLY = replace(on_link(SIX, carries=(Family.IPV6,)), frames={LINK: {"ipv4": 0, "ipv6": 9}})
FOUR_ONLY = replace(on_link(FOUR, carries=(Family.IPV4,)), frames={LINK: {"ipv4": 9, "ipv6": 0}})
A4, A6 = DUAL.plan.address(Family.IPV4), DUAL.plan.address(Family.IPV6)
OTHER4, OTHER6, *_ = DUAL.routes
PUBLIC4, PUBLIC6 = PUBLIC.values()


def all_lost(host: HostObservation) -> HostObservation:
    """Return the observation of a host whose functions carry nothing."""
    return replace(host, passages=tuple(replace(one, outcome="ETIMEDOUT") for one in host.passages))


ALONE, TWIN = as_it_should_be("link-local"), as_it_should_be("link-local", "other")
ALONE_AT = tuple(ALONE.reached)
CLAT = as_it_should_be("nat64-clat")
NAT64 = as_it_should_be("nat64-dns64", "router")
NAT44 = as_it_should_be("nat44", "router")
SHOWN = tuple(replace(one, seen=one.seen and (one.seen[0], "192.168.51.1")) for one in NAT44.passages)
OPEN = tuple(replace(one, outcome="") for one in NAT44.passages)

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
    "a public address is routed on a host without IPv4": ("ipv4-unreachable", replace(SIX, routes={PUBLIC4: ""})),
    "no route to a public IPv4 address": ("ipv4-public-route", replace(DUAL, routes={PUBLIC4: "ENETUNREACH"})),
    "no route to a public IPv6 address": ("ipv6-public-route", replace(DUAL, routes={PUBLIC4: "", PUBLIC6: "EACCES"})),
    "no public address was asked for": ("ipv6-public-route", replace(DUAL, routes={PUBLIC4: ""})),
    "no 127.0.0.1": ("ipv4-loopback", without_address(DUAL, "127.0.0.1")),
    "127.0.0.1 that cannot be bound": ("ipv4-loopback", with_facts(DUAL, bind={"ipv4": "EACCES", "ipv6": ""})),
    "::1 that cannot be bound": ("ipv6-loopback", with_facts(DUAL, bind={"ipv4": "", "ipv6": "EADDRNOTAVAIL"})),
    "any of 127.0.0.0/8": ("no-ipv4-loopback", with_address(STRICT, "lo", "127.9.9.9")),
    "127.0.0.1 that can be bound": ("no-ipv4-loopback", with_facts(STRICT, bind={"ipv4": "", "ipv6": ""})),
    "::1": ("no-ipv6-loopback", DUAL),
    "no link-local address": ("link-local", without_address(DUAL, LINK_LOCAL)),
    "two link-local addresses": ("link-local", with_address(DUAL, LINK, "fe80::7")),
    "a link-local address": ("no-link-local", DUAL),
    "a link-local address that does not answer": (
        "link-local-path",
        replace(ALONE, reached={**ALONE.reached, ALONE_AT[1]: "ETIMEDOUT"}),
    ),
    "a link-local address that no neighbour has dialled": (
        "link-local-path",
        replace(ALONE, reached={ALONE_AT[0]: ""}),
    ),
    "a twin with an address that its twin does not have": (
        "twin",
        with_facts(TWIN, addresses=(*TWIN.facts.addresses[1:], (LINK, "fe80::7"))),
    ),
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
        with_facts(
            ROUTER,
            addresses=tuple(
                pair for pair in ROUTER.facts.addresses if not (pair[0] == "eth1" and pair[1][:4] == "fe80")
            ),
        ),
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
    "a hole that carries large packets": ("path-black-hole", replace(HOLE, paths=(replace(LOST, mtu=1500), ARRIVED))),
    "a hole that is reported": ("path-black-hole", replace(HOLE, paths=(REPORTED, ARRIVED))),
    "a hole through which nothing passes": ("path-black-hole", replace(HOLE, paths=(replace(LOST, mtu=0), ARRIVED))),
    "a hole on the way out": ("path-black-hole", replace(HOLE, paths=(LOST, replace(ARRIVED, mtu=1280)))),
    "no packet met the hole": ("path-black-hole", replace(HOLE, paths=())),
    "a silent router that reports": ("silent", replace(SILENT, paths=(REPORTED, ARRIVED))),
    "a silent router with nothing to report": ("silent", replace(SILENT, paths=(ARRIVED,))),
    "a silent router that routes nothing": ("silent", replace(SILENT, paths=())),
    "a tunnel beside which packets pass": (
        "tunnel-6in4",
        replace(TUNNEL, frames={**TUNNEL.frames, "eth1": {"ipv4": 9, "ipv6": 0, TUNNELLED: 0}}),
    ),
    "a tunnel without its other end that carries packets": (
        "tunnel-6in4",
        replace(LOSES, passages=(*LOSES.passages[:-1], replace(LOSES.passages[-1], outcome=""))),
    ),
    "a tunnel without its other end that reports nothing": (
        "tunnel-6in4",
        replace(LOSES, passages=(replace(LOSES.passages[0], outcome="ETIMEDOUT"),)),
    ),
    "the CLAT has no default route": ("clat", with_facts(CLAT, default_routes=())),
    "IPv4 is lost in the CLAT": ("clat", all_lost(CLAT)),
    "the translator answers nothing": ("translates", all_lost(NAT64)),
    "the NAT carries nothing": ("nat44", all_lost(NAT44)),
    "the NAT shows the hidden address": ("nat44", replace(NAT44, passages=SHOWN)),
    "the hidden host is reached from outside": ("nat44", replace(NAT44, passages=OPEN)),
    "the translator has no path": ("translates", replace(NAT64, passages=())),
    "the translator advertises nothing": (
        "pref64",
        replace(NAT64, advertised=tuple((one, ()) for one, _ in NAT64.advertised)),
    ),
    "the translator advertises another prefix": (
        "pref64",
        replace(NAT64, advertised=tuple((one, ("64:ff9b::/96",)) for one, _ in NAT64.advertised)),
    ),
    "no neighbour was told a prefix": ("pref64", replace(NAT64, advertised=())),
    "the name server is not reached": ("resolver", all_lost(NAT64)),
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
