"""Lab proofs: what must be shown of a lab before anything may be said of a service.

They follow from what the topology says of each host. Each compares that with what the host's kernel reports (`facts`),
and does no I/O, so each can be tried without a lab. `proving.prove` gathers the facts in every host and checks them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address

from dualstack.addressing import HostPlan
from dualstack.errors import BrokenLab, UsageError
from dualstack.families import Family
from dualstack.lab.facts import Facts
from dualstack.lab.path_probe import ProbedPath
from dualstack.topology import LINK_MTU, HostSpec, Topology

LINK = "eth0"


@dataclass(frozen=True, slots=True)
class HostObservation:
    """What is known of one host when its proofs are run.

    Attributes:
        spec: The host in the topology.
        plan: Its addresses.
        facts: What its kernel reports.
        reached: The outcome of dialling each of its addresses from the other hosts: empty, or the errno's name.
        routes: Whether its kernel has a route to each address asked for: empty, or the errno's name.
        paths: The paths from and to it, if it is behind a router.
        routers: The addresses of that router.
    """

    spec: HostSpec
    plan: HostPlan
    facts: Facts
    reached: Mapping[str, str]
    routes: Mapping[str, str]
    paths: tuple[ProbedPath, ...] = ()
    routers: frozenset[str] = frozenset()

    def on(self, interface: str, family: Family) -> set[str]:
        """Return the addresses of the family on an interface."""
        own = {address for name, address in self.facts.addresses if name == interface}
        return {address for address in own if Family.of(address) is family}


@dataclass(frozen=True, slots=True)
class ProofFailure:
    """Why a proof failed: what was expected, and what was found."""

    expected: str
    found: str


Check = Callable[[HostObservation], ProofFailure | None]


def _same(expected: object, found: object) -> ProofFailure | None:
    """Return a fault if two things differ."""
    return None if expected == found else ProofFailure(_shown(expected), _shown(found))


def _shown(value: object) -> str:
    """Write a value for a message."""
    if isinstance(value, set):
        return ", ".join(sorted(map(str, value))) or "nothing"
    return str(value) or "success"


def _addresses(host: HostObservation) -> ProofFailure | None:
    """The link's interface has exactly the planned addresses, all usable."""
    expected = {address for addresses in host.plan.configured.values() for address in addresses}
    found = {a for family in Family for a in host.on(LINK, family) if not _is_link_local(a)}
    return _same(expected, found) or _same(set(), set(host.facts.unusable))


def _path(family: Family, host: HostObservation) -> ProofFailure | None:
    """Every address of the family answers the other hosts."""
    wanted = host.plan.configured[family]
    failed = {f"{a}: {host.reached.get(a, 'not tried')}" for a in wanted if host.reached.get(a, "not tried")}
    if wanted and not failed:
        return None
    return ProofFailure(f"an answer from {', '.join(wanted) or 'an address'}", _shown(failed))


def _no_address(family: Family, host: HostObservation) -> ProofFailure | None:
    """The link's interface has no address of the family, link-local ones included."""
    return _same(set(), host.on(LINK, family))


def _unreachable(family: Family, host: HostObservation) -> ProofFailure | None:
    """The kernel has no route to any other host over the family."""
    routes = {a: outcome for a, outcome in host.routes.items() if Family.of(a) is family}
    reachable = {address for address, outcome in routes.items() if not outcome}
    if not routes:
        return ProofFailure("an address to ask for", "nothing was asked")
    return ProofFailure("no route", f"a route to {_shown(reachable)}") if reachable else None


def _loopback(family: Family, host: HostObservation) -> ProofFailure | None:
    """The loopback address of the family is on lo and can be bound."""
    return _same({family.loopback}, host.on("lo", family)) or _same("", host.facts.bind[family.value])


def _no_loopback(family: Family, host: HostObservation) -> ProofFailure | None:
    """The interface lo has no address of the family, and its loopback address cannot be bound."""
    return _same(set(), host.on("lo", family)) or _same("EADDRNOTAVAIL", host.facts.bind[family.value])


def _link_local(host: HostObservation) -> ProofFailure | None:
    """The link's interface has one link-local address."""
    own = {address for address in host.on(LINK, Family.IPV6) if _is_link_local(address)}
    return None if len(own) == 1 else ProofFailure(f"one link-local address on {LINK}", _shown(own))


def _no_link_local(host: HostObservation) -> ProofFailure | None:
    """The link's interface has no link-local address."""
    return _same(set(), {address for address in host.on(LINK, Family.IPV6) if _is_link_local(address)})


def _v6only(expected: bool, host: HostObservation) -> ProofFailure | None:  # noqa: FBT001 - bound by name below
    """A new AF_INET6 socket reports the default of IPV6_V6ONLY."""
    found = "no such socket" if host.facts.v6only is None else f"V6ONLY={host.facts.v6only:d}"
    return _same(f"V6ONLY={expected:d}", found)


def _disable_ipv6(host: HostObservation) -> ProofFailure | None:
    """disable_ipv6 is set everywhere, and ::1 cannot be bound."""
    settings = host.facts.disable_ipv6
    forgotten = {name for name in ("all", "default", "lo", LINK) if not settings.get(name)}
    if forgotten:
        return ProofFailure("disable_ipv6=1 for all, default, lo and the link", f"not for {_shown(forgotten)}")
    return _same("EADDRNOTAVAIL", host.facts.bind[Family.IPV6.value])


def _af_inet6(host: HostObservation) -> ProofFailure | None:
    """socket(AF_INET6) exists."""
    return _same("", host.facts.inet6)


def _no_af_inet6(host: HostObservation) -> ProofFailure | None:
    """socket(AF_INET6) fails in a process that is confined as the service will be."""
    return _same("EAFNOSUPPORT", host.facts.confined_inet6)


def _no_route_out(host: HostObservation) -> ProofFailure | None:
    """There is neither a default route nor another interface."""
    return _same(set(), set(host.facts.default_routes)) or _same({"lo", LINK}, set(host.facts.interfaces))


def _behind_router(host: HostObservation) -> ProofFailure | None:
    """The router is the first hop of every packet from it and to it."""
    around = [item for item in host.paths if item.first not in host.routers]
    found = {f"{item.first or 'no answer'} from {item.source} to {item.target}" for item in around}
    if around or not host.paths:
        return ProofFailure(f"{_shown(set(host.routers))} to be the first hop", _shown(found))
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
    return ProofFailure(wanted, _shown(wrong)) if wrong or not host.paths else None


def _is_link_local(address: str) -> bool:
    return ":" in address and IPv6Address(address).is_link_local


def _of(check: Callable[[Family, HostObservation], ProofFailure | None], family: Family) -> Check:
    """Return a check for one family."""
    return lambda host: check(family, host)


PROOFS: Mapping[str, Check] = {
    "addresses": _addresses,
    "no-route-out": _no_route_out,
    **{f"{family.value}-path": _of(_path, family) for family in Family},
    **{f"no-{family.value}-address": _of(_no_address, family) for family in Family},
    **{f"{family.value}-unreachable": _of(_unreachable, family) for family in Family},
    **{f"{family.value}-loopback": _of(_loopback, family) for family in Family},
    **{f"no-{family.value}-loopback": _of(_no_loopback, family) for family in Family},
    "link-local": _link_local,
    "no-link-local": _no_link_local,
    "bindv6only": lambda host: _v6only(True, host),
    "no-bindv6only": lambda host: _v6only(False, host),
    "disable-ipv6": _disable_ipv6,
    "af-inet6": _af_inet6,
    "no-af-inet6": _no_af_inet6,
    "behind-router": _behind_router,
    "path-mtu": _path_mtu,
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
    if not spec.ipv4:
        wanted.add("no-ipv4-address")
    wanted.add("ipv4-loopback" if spec.ipv4_loopback else "no-ipv4-loopback")
    wanted.add("bindv6only" if spec.bindv6only else "no-bindv6only")
    wanted.add("af-inet6" if spec.af_inet6 else "no-af-inet6")
    if spec.behind:
        wanted.add("behind-router")
    if spec.mtu < LINK_MTU:
        wanted.add("path-mtu")
    if spec.disable_ipv6:
        return wanted | {"disable-ipv6", "no-ipv6-address"}
    wanted.add("ipv6-loopback" if spec.ipv6_loopback else "no-ipv6-loopback")
    if spec.link_local:
        return wanted | {"link-local"}
    return wanted | ({"no-link-local"} if spec.ipv6 else {"no-ipv6-address"})


def planned_proofs(topology: Topology) -> dict[str, list[str]]:
    """Return the proofs of each host, in the order of `PROOFS`.

    Raises:
        UsageError: A host has IPv6 addresses and disable_ipv6.
    """
    for host, spec in topology.host.items():
        if spec.disable_ipv6 and spec.ipv6:
            raise UsageError(
                f"topology {topology.name}: host.{host}: disable_ipv6 leaves no IPv6 address; ipv6 must be 0"
            )
    return {host: [name for name in PROOFS if name in claims(spec)] for host, spec in topology.host.items()}


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
