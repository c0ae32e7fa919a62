"""Lab proofs: what must be shown of a lab before anything may be said of a service.

They follow from what the topology says of each host. Each compares that with what the host's kernel reports (`facts`),
and does no I/O, so each can be tried without a lab. `proving.prove` gathers the facts in every host and checks them.
"""

from collections.abc import Callable, Mapping

from dualstack.errors import BrokenLab, UsageError
from dualstack.families import Family
from dualstack.lab.functions import FUNCTIONS
from dualstack.lab.functions.function import far_end
from dualstack.lab.link_local import LINK_LOCAL_PROOFS, is_link_local, is_link_local_only
from dualstack.lab.observation import Check, HostObservation, ProofFailure, same, shown
from dualstack.lab.public_routes import PUBLIC_ROUTE_PROOFS
from dualstack.topology import LINK_MTU, HostSpec, Topology, hosts_across


def _addresses(host: HostObservation) -> ProofFailure | None:
    """The interface on each link has exactly the planned addresses, all usable."""
    for name, own in host.interfaces:
        expected = {address for addresses in own.configured.values() for address in addresses}
        found = {a for family in Family for a in host.on(name, family) if not is_link_local(a)}
        if expected != found:
            return same(expected, found)
    return same(set(), set(host.facts.unusable))


def _path(family: Family, host: HostObservation) -> ProofFailure | None:
    """Every address of the family answers the other hosts."""
    return host.answers(host.plan.every(family))


def _no_address(family: Family, host: HostObservation) -> ProofFailure | None:
    """No interface on a link has an address of the family, link-local ones included."""
    return same(set(), {address for name, _ in host.interfaces for address in host.on(name, family)})


def _unreachable(family: Family, host: HostObservation) -> ProofFailure | None:
    """The kernel has no route to any other host over the family."""
    routes = {a: outcome for a, outcome in host.routes.items() if Family.of(a) is family}
    reachable = {address for address, outcome in routes.items() if not outcome}
    if not routes:
        return ProofFailure("an address to ask for", "nothing was asked")
    return ProofFailure("no route", f"a route to {shown(reachable)}") if reachable else None


def _loopback(family: Family, host: HostObservation) -> ProofFailure | None:
    """The loopback address of the family is on lo and can be bound."""
    return same({family.loopback}, host.on("lo", family)) or same("", host.facts.bind[family.value])


def _no_loopback(family: Family, host: HostObservation) -> ProofFailure | None:
    """The interface lo has no address of the family, and its loopback address cannot be bound."""
    return same(set(), host.on("lo", family)) or same("EADDRNOTAVAIL", host.facts.bind[family.value])


def _v6only(expected: bool, host: HostObservation) -> ProofFailure | None:  # noqa: FBT001 - bound by name below
    """A new AF_INET6 socket reports the default of IPV6_V6ONLY."""
    found = "no such socket" if host.facts.v6only is None else f"V6ONLY={host.facts.v6only:d}"
    return same(f"V6ONLY={expected:d}", found)


def _disable_ipv6(host: HostObservation) -> ProofFailure | None:
    """disable_ipv6 is set everywhere, and ::1 cannot be bound."""
    settings = host.facts.disable_ipv6
    forgotten = {name for name in ("all", "default", "lo", *dict(host.interfaces)) if not settings.get(name)}
    if forgotten:
        return ProofFailure("disable_ipv6=1 for all, default, lo and the link", f"not for {shown(forgotten)}")
    return same("EADDRNOTAVAIL", host.facts.bind[Family.IPV6.value])


def _af_inet6(host: HostObservation) -> ProofFailure | None:
    """socket(AF_INET6) exists."""
    return same("", host.facts.inet6)


def _no_af_inet6(host: HostObservation) -> ProofFailure | None:
    """socket(AF_INET6) fails in a process that is confined as the service will be."""
    return same("EAFNOSUPPORT", host.facts.confined_inet6)


def _no_route_out(host: HostObservation) -> ProofFailure | None:
    """There is neither a default route nor another interface."""
    interfaces = {"lo", *dict(host.interfaces), *(far_end(name) for name, own in host.interfaces if own.over)}
    return same(set(), set(host.facts.default_routes)) or same(interfaces, set(host.facts.interfaces))


def _behind_router(host: HostObservation) -> ProofFailure | None:
    """The router is the first hop of every packet from it and to it."""
    around = [item for item in host.paths if item.first not in host.routers]
    found = {f"{item.first or 'no answer'} from {item.source} to {item.target}" for item in around}
    if around or not host.paths:
        return ProofFailure(f"{shown(set(host.routers))} to be the first hop", shown(found))
    return None


def _path_mtu(host: HostObservation) -> ProofFailure | None:
    """The router reports the path MTU towards it; packets from it arrive at the link's MTU."""
    wanted, wrong = f"{host.spec.mtu} bytes, reported by the router, and {LINK_MTU} in the other direction", set()
    for item in host.paths:
        inward = item.source != host.plan.name
        right = item.mtu == host.spec.mtu and item.mtu_source in host.routers if inward else item.mtu == LINK_MTU
        if not right:
            wrong.add(
                f"{item.mtu} bytes, reported by {item.mtu_source or 'no one'}, from {item.source} to {item.target}"
            )
    return ProofFailure(wanted, shown(wrong)) if wrong or not host.paths else None


def _path_black_hole(host: HostObservation) -> ProofFailure | None:
    """Packets towards it arrive up to its path MTU; larger ones are lost, and this is not reported."""
    wanted, wrong = f"{host.spec.mtu} bytes to arrive, {LINK_MTU} to be lost, and the reverse from it to arrive", set()
    for item in host.paths:
        size = host.spec.mtu if item.source != host.plan.name else LINK_MTU
        if (item.mtu, item.mtu_source) != (size, item.target):
            wrong.add(f"{item.mtu} bytes, by {item.mtu_source or 'no one'}, from {item.source} to {item.target}")
    return ProofFailure(wanted, shown(wrong)) if wrong or not host.paths else None


def _hops(family: Family, host: HostObservation) -> ProofFailure | None:
    """Packets from and to hosts on other links pass the routers between, and each decrements the hop limit by one."""
    crossings = [item for item in host.crossings if Family.of(item.target) is family]
    wrong = set()
    for item in crossings:
        path = f"from {item.source} to {item.target}"
        if item.first not in item.expected:
            wrong.add(f"{path}: {item.first or 'no answer'} reports a hop limit of 1, not {shown(set(item.expected))}")
        if item.arrived != item.target:
            wrong.add(f"{path}: {item.arrived or 'no answer'} answers a packet with hop limit {item.hops}")
    if wrong or not crossings:
        return ProofFailure("the routers on each path to decrement the hop limit once", shown(wrong))
    return None


def _no_packets(family: Family, host: HostObservation) -> ProofFailure | None:
    """A link that does not carry the family carries none of its packets, and carries others."""
    for name, own in host.interfaces:
        if family not in own.carries:
            counts = host.frames.get(name, {})
            others = sum(count for other, count in counts.items() if other != family.value)
            if counts.get(family.value) or not others:
                found = f"{counts.get(family.value, 0)} of it and {others} of the other family"
                return ProofFailure(f"no {family.label} packet on {name}, and others", found)
    return None


def _link_mtu(host: HostObservation) -> ProofFailure | None:
    """Each interface on a link has the MTU of the link."""
    return same(
        {f"{own.mtu} bytes on {name}" for name, own in host.interfaces},
        {f"{host.facts.mtus.get(name)} bytes on {name}" for name, _ in host.interfaces},
    )


def _of(check: Callable[[Family, HostObservation], ProofFailure | None], family: Family) -> Check:
    """Return a check for one family."""
    return lambda host: check(family, host)


PROOFS: Mapping[str, Check] = {
    "addresses": _addresses,
    "no-route-out": _no_route_out,
    **{f"{family.value}-path": _of(_path, family) for family in Family},
    **{f"no-{family.value}-address": _of(_no_address, family) for family in Family},
    **{f"{family.value}-unreachable": _of(_unreachable, family) for family in Family},
    **PUBLIC_ROUTE_PROOFS,
    **{f"{family.value}-loopback": _of(_loopback, family) for family in Family},
    **{f"no-{family.value}-loopback": _of(_no_loopback, family) for family in Family},
    **LINK_LOCAL_PROOFS,
    "bindv6only": lambda host: _v6only(True, host),
    "no-bindv6only": lambda host: _v6only(False, host),
    "disable-ipv6": _disable_ipv6,
    "af-inet6": _af_inet6,
    "no-af-inet6": _no_af_inet6,
    "behind-router": _behind_router,
    "path-mtu": _path_mtu,
    "path-black-hole": _path_black_hole,
    "link-mtu": _link_mtu,
    **{f"{family.value}-hops": _of(_hops, family) for family in Family},
    **{f"no-{family.value}-packets": _of(_no_packets, family) for family in Family},
    **{name: check for function in FUNCTIONS.values() for name, check in function.proofs.items()},
}
"""Every proof there is, by name."""


def claims(spec: HostSpec) -> set[str]:
    """Return the names of the proofs of everything that a topology says of a host."""
    wanted = {"addresses", "no-route-out"}
    for family in Family:
        if spec.addresses(family):
            wanted.add(f"{family.value}-path")
        else:
            wanted.add(f"{family.value}-unreachable")
    if not spec.addresses(Family.IPV4):
        wanted.add("no-ipv4-address")
    wanted.add("ipv4-loopback" if spec.ipv4_loopback else "no-ipv4-loopback")
    wanted.add("bindv6only" if spec.bindv6only else "no-bindv6only")
    wanted.add("af-inet6" if spec.af_inet6 else "no-af-inet6")
    wanted |= {name for function in spec.functions for name in FUNCTIONS[function].proofs}
    wanted -= {name for function in spec.functions for name in FUNCTIONS[function].replaces}
    if spec.via:
        wanted.add("behind-router")
    if spec.twin:
        wanted.add("twin")
    if spec.mtu < LINK_MTU:
        wanted.add("path-mtu")
    if spec.disable_ipv6:
        return wanted | {"disable-ipv6", "no-ipv6-address"}
    wanted.add("ipv6-loopback" if spec.ipv6_loopback else "no-ipv6-loopback")
    if spec.link_local:
        return wanted | {"link-local"}
    return wanted | ({"no-link-local"} if spec.addresses(Family.IPV6) else {"no-ipv6-address"})


def link_claims(topology: Topology, host: str) -> set[str]:
    """Return the names of the proofs of everything that a topology says of the links of a host."""
    own = [topology.links[link] for link in topology.host[host].attachments]
    wanted = {f"{family.value}-hops" for family in Family if hosts_across(topology, host, family)}
    wanted |= {f"no-{family.value}-packets" for family in Family for link in own if family not in link.families}
    wanted |= {"link-local-path"} if is_link_local_only(topology, host) else set()
    wanted |= {"tunnel-6in4"} if any(link.over for link in own) else set()
    return wanted | ({"link-mtu"} if any(link.mtu < LINK_MTU for link in own) else set())


def planned_proofs(topology: Topology) -> dict[str, list[str]]:
    """Return the proofs of each host, in the order of `PROOFS`.

    Raises:
        UsageError: A host has IPv6 addresses and disable_ipv6.
    """
    for host, spec in topology.host.items():
        if spec.disable_ipv6 and spec.addresses(Family.IPV6):
            raise UsageError(
                f"topology {topology.name}: host.{host}: disable_ipv6 leaves no IPv6 address; ipv6 must be 0"
            )
    wanted = {host: claims(spec) | link_claims(topology, host) for host, spec in topology.host.items()}
    wanted[topology.roles.service] |= {f"{family.value}-public-route" for family in topology.families()}
    for host in (host for host, names in wanted.items() if "path-mtu" in names and topology.black_hole(host)):
        wanted[host] = wanted[host] - {"path-mtu"} | {"path-black-hole"}
    return {host: [name for name in PROOFS if name in names] for host, names in wanted.items()}


def judge(topology: Topology, seen: Mapping[str, HostObservation]) -> list[str]:
    """Run every proof of a topology; return what was proved: ``host: proof``.

    Raises:
        BrokenLab: A proof failed; the message names proof, host, what was expected and what was found.
        UsageError: As `planned_proofs`.
    """
    proved = []
    for host, names in planned_proofs(topology).items():
        for name in names:
            fault = PROOFS[name](seen[host])
            if fault is not None:
                raise BrokenLab(
                    f"lab proof {name!r} failed on host {host!r} of {topology.name}: "
                    f"expected {fault.expected}, found {fault.found}"
                )
            proved.append(f"{host}: {name}")
    return proved
