"""Lab proofs: what must be shown of a lab before anything may be said of a service.

A topology lists them by name. Each is a pure check of what the host's kernel said (`facts`) against what the topology
promises, so each can be tried without a lab. `prove` gathers the facts in every host and runs the list.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address

from dualstack.addressing import HostPlan
from dualstack.errors import BrokenLab, UsageError
from dualstack.families import Family
from dualstack.lab.crossing import Crossing
from dualstack.lab.facts import Facts
from dualstack.topology import LINK_MTU, HostSpec, Topology

LINK = "eth0"


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of one host when its proofs are run.

    Attributes:
        spec: What the topology says that it has.
        plan: Its addresses.
        facts: What its kernel says.
        reached: How dialling each of its addresses from the other hosts ended: empty, or the errno's name.
        routes: Whether its kernel knows a way to each address asked for: empty, or the errno's name.
        crossings: What packets from and to it met, of a host behind a router.
        routers: The addresses of that router.
    """

    spec: HostSpec
    plan: HostPlan
    facts: Facts
    reached: Mapping[str, str]
    routes: Mapping[str, str]
    crossings: tuple[Crossing, ...] = ()
    routers: frozenset[str] = frozenset()

    def on(self, interface: str, family: Family) -> set[str]:
        """Return the addresses of the family on an interface."""
        own = {address for name, address in self.facts.addresses if name == interface}
        return {address for address in own if Family.of(address) is family}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a proof failed: what was expected, and what was found."""

    expected: str
    found: str


Check = Callable[[Seen], Fault | None]


def _same(expected: object, found: object) -> Fault | None:
    """Return a fault if two things differ."""
    return None if expected == found else Fault(_shown(expected), _shown(found))


def _shown(value: object) -> str:
    """Write a value for a message."""
    if isinstance(value, set):
        return ", ".join(sorted(map(str, value))) or "nothing"
    return str(value) or "success"


def _addresses(seen: Seen) -> Fault | None:
    """The link's interface has exactly the planned addresses, all usable."""
    expected = {address for addresses in seen.plan.configured.values() for address in addresses}
    found = {a for family in Family for a in seen.on(LINK, family) if not _is_link_local(a)}
    return _same(expected, found) or _same(set(), set(seen.facts.unusable))


def _path(family: Family, seen: Seen) -> Fault | None:
    """Every address of the family answers the other hosts."""
    wanted = seen.plan.configured[family]
    failed = {f"{a}: {seen.reached.get(a, 'not tried')}" for a in wanted if seen.reached.get(a, "not tried")}
    return (
        Fault(f"an answer from {', '.join(wanted) or 'an address'}", _shown(failed)) if failed or not wanted else None
    )


def _no_address(family: Family, seen: Seen) -> Fault | None:
    """The link's interface has no address of the family, link-local ones included."""
    return _same(set(), seen.on(LINK, family))


def _unreachable(family: Family, seen: Seen) -> Fault | None:
    """The kernel knows no way to any other host over the family."""
    routes = {a: outcome for a, outcome in seen.routes.items() if Family.of(a) is family}
    open_ways = {address for address, outcome in routes.items() if not outcome}
    if not routes:
        return Fault("an address to ask for", "nothing was asked")
    return Fault("no route", f"a route to {_shown(open_ways)}") if open_ways else None


def _loopback(family: Family, seen: Seen) -> Fault | None:
    """The loopback address of the family is on lo and can be bound."""
    return _same({family.loopback}, seen.on("lo", family)) or _same("", seen.facts.bind[family.value])


def _no_loopback(family: Family, seen: Seen) -> Fault | None:
    """The interface lo has no address of the family, and its loopback address cannot be bound."""
    return _same(set(), seen.on("lo", family)) or _same("EADDRNOTAVAIL", seen.facts.bind[family.value])


def _link_local(seen: Seen) -> Fault | None:
    """The link's interface has one link-local address."""
    own = {address for address in seen.on(LINK, Family.IPV6) if _is_link_local(address)}
    return None if len(own) == 1 else Fault(f"one link-local address on {LINK}", _shown(own))


def _no_link_local(seen: Seen) -> Fault | None:
    """The link's interface has no link-local address."""
    return _same(set(), {address for address in seen.on(LINK, Family.IPV6) if _is_link_local(address)})


def _v6only(expected: bool, seen: Seen) -> Fault | None:  # noqa: FBT001 - bound by name below
    """A fresh AF_INET6 socket says so itself."""
    found = "no such socket" if seen.facts.v6only is None else f"V6ONLY={seen.facts.v6only:d}"
    return _same(f"V6ONLY={expected:d}", found)


def _disable_ipv6(seen: Seen) -> Fault | None:
    """disable_ipv6 is set everywhere, and ::1 can really not be bound."""
    settings = seen.facts.disable_ipv6
    forgotten = {name for name in ("all", "default", "lo", LINK) if not settings.get(name)}
    if forgotten:
        return Fault("disable_ipv6=1 for all, default, lo and the link", f"not for {_shown(forgotten)}")
    return _same("EADDRNOTAVAIL", seen.facts.bind[Family.IPV6.value])


def _af_inet6(seen: Seen) -> Fault | None:
    """socket(AF_INET6) exists."""
    return _same("", seen.facts.inet6)


def _no_af_inet6(seen: Seen) -> Fault | None:
    """socket(AF_INET6) fails in a process that is confined as the service will be."""
    return _same("EAFNOSUPPORT", seen.facts.confined_inet6)


def _no_route_out(seen: Seen) -> Fault | None:
    """There is neither a default route nor another interface."""
    return _same(set(), set(seen.facts.default_routes)) or _same({"lo", LINK}, set(seen.facts.interfaces))


def _behind_router(seen: Seen) -> Fault | None:
    """The router is the first hop of every packet from it and to it."""
    around = [item for item in seen.crossings if item.first not in seen.routers]
    found = {f"{item.first or 'nobody'} from {item.source} to {item.target}" for item in around}
    if around or not seen.crossings:
        return Fault(f"{_shown(set(seen.routers))} to be the first hop", _shown(found))
    return None


def _path_mtu(seen: Seen) -> Fault | None:
    """The router says how large packets to it may be; packets from it arrive as large as the link carries them."""
    wanted, wrong = f"{seen.spec.mtu} bytes, said by the router, and {LINK_MTU} the other way", set()
    for item in seen.crossings:
        inward = item.source != seen.plan.name
        right = item.mtu == seen.spec.mtu and item.teller in seen.routers if inward else item.mtu == LINK_MTU
        if not right:
            wrong.add(f"{item.mtu} bytes, said by {item.teller or 'nobody'}, from {item.source} to {item.target}")
    return Fault(wanted, _shown(wrong)) if wrong or not seen.crossings else None


def _is_link_local(address: str) -> bool:
    return ":" in address and IPv6Address(address).is_link_local


def _of(check: Callable[[Family, Seen], Fault | None], family: Family) -> Check:
    """Return a check for one family."""
    return lambda seen: check(family, seen)


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
    "bindv6only": lambda seen: _v6only(True, seen),
    "no-bindv6only": lambda seen: _v6only(False, seen),
    "disable-ipv6": _disable_ipv6,
    "af-inet6": _af_inet6,
    "no-af-inet6": _no_af_inet6,
    "behind-router": _behind_router,
    "path-mtu": _path_mtu,
}
"""Every proof that a topology can list."""


def claims(spec: HostSpec) -> set[str]:
    """Return the proofs that what a topology says of a host calls for."""
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
    """Return the proofs of each host, in the order of the topology's list.

    Raises:
        UsageError: A proof or host is unknown, a claim of the topology has no proof, or a proof contradicts it.
    """
    planned: dict[str, list[str]] = {host: [] for host in topology.host}
    for entry in topology.proofs:
        prefix, colon, proof = entry.rpartition(":")
        name = proof.strip()
        _must_be_known(topology, entry, "proof", name, PROOFS)
        if colon:
            _must_be_known(topology, entry, "host", prefix.strip(), planned)
        for host in [prefix.strip()] if colon else planned:
            planned[host].append(name)
    for host, spec in topology.host.items():
        if spec.disable_ipv6 and spec.ipv6:
            raise UsageError(
                f"topology {topology.name}: host.{host}: disable_ipv6 leaves no IPv6 address; ipv6 must be 0"
            )
        wanted = claims(spec)
        if lacking := wanted.difference(planned[host]):
            raise UsageError(f"topology {topology.name}: proofs: nothing proves {_shown(lacking)} of host {host!r}")
        if wrong := set(planned[host]) - wanted:
            raise UsageError(f"topology {topology.name}: proofs: host {host!r} does not claim {_shown(wrong)}")
    return planned


def _must_be_known(topology: Topology, entry: str, what: str, name: str, known: Mapping[str, object]) -> None:
    """Raise unless ``name`` is known."""
    if name in known:
        return
    nearest = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise UsageError(
        f"topology {topology.name}: proofs: {entry!r}: unknown {what} {name!r}{hint} (there are: {', '.join(known)})"
    )


def judge(topology: Topology, seen: Mapping[str, Seen]) -> list[str]:
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
