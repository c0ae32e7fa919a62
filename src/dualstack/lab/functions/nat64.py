"""The function ``nat64``: the host translates between its IPv6 and its IPv4 links (RFC 7915, RFC 6052, RFC 7757).

IPv6 hosts reach an IPv4 host at its address behind the host's prefix, ``pref64``, which router advertisements tell them
(RFC 8781). IPv4 hosts see each of them as one address of a pool, and reach it there. The translator is ours
(`dualstack.lab.translating`): it needs no TUN device, so it runs wherever labs run, without root.
"""

from collections.abc import Iterator

from dualstack.families import Family
from dualstack.lab.functions.function import Daemon, Function, FunctionRoute, Passage, Site
from dualstack.lab.functions.translation import OTHER_PREFIXES, mappings, pool, prefix_of
from dualstack.lab.observation import Advertised, HostObservation, ProofFailure, same, shown
from dualstack.lab.translating.process import ENTRY, Order
from dualstack.rfc6052 import embed

TRANSLATOR = "the NAT64 translator"
"""What its daemon is called."""

_MTU = 1500


def _routes(site: Site) -> list[FunctionRoute]:
    """Return the routes to the prefixes and to the pool, over the translator.

    Its own route to a prefix keeps its kernel from reporting that there is none.
    """
    prefixes = (prefix_of(site.topology), *OTHER_PREFIXES)
    found = [
        FunctionRoute(name, interface, prefix, via)
        for name, interface, via in site.neighbours(Family.IPV6)
        for prefix in prefixes
    ]
    found += [
        FunctionRoute(name, interface, str(pool(site.plan)), via)
        for name, interface, via in site.neighbours(Family.IPV4)
    ]
    own = next(iter(site.interfaces(Family.IPV6).values()))[0]
    return found + [FunctionRoute(site.host, own, prefix) for prefix in prefixes]


def _passages(site: Site) -> Iterator[Passage]:
    """Yield the paths between the IPv6 hosts without IPv4 and the IPv4 hosts without IPv6, in both directions."""
    known, prefix = mappings(site.topology, site.plan), prefix_of(site.topology)
    for six, interface6, via6 in site.neighbours(Family.IPV6):
        for four, interface4, via4 in site.neighbours(Family.IPV4):
            there = _address(site, four, interface4, Family.IPV4)
            here = _address(site, six, interface6, Family.IPV6)
            if here in known and not site.plan.hosts[four].every(Family.IPV6):
                yield Passage("translates", six, embed(prefix, there), there, frozenset({via6}), hops=2)
                yield Passage("translates", four, known[here], here, frozenset({via4}), hops=2)


def _address(site: Site, host: str, interface: str, family: Family) -> str:
    """Return the first address of a family on an interface of a host."""
    return next(first for name, first in site.interfaces(family, host).values() if name == interface)


def _daemon(site: Site) -> Daemon:
    """Return the translator."""
    ipv6, ipv4 = site.interfaces(Family.IPV6), site.interfaces(Family.IPV4)
    order = Order(
        prefix=prefix_of(site.topology),
        mappings=tuple((ipv4, ipv6) for ipv6, ipv4 in mappings(site.topology, site.plan).items()),
        pool=str(pool(site.plan)),
        ipv6=tuple(name for name, _ in ipv6.values()),
        ipv4=tuple(name for name, _ in ipv4.values()),
        device=(),
        own=(next(iter(ipv4.values()))[1], next(iter(ipv6.values()))[1]),
        mtus=(_MTU, _MTU),
    )
    return Daemon(TRANSLATOR, ENTRY, order.packed())


def _translates(host: HostObservation) -> ProofFailure | None:
    """Connections and ICMP errors pass the translator in both directions; the kernel forwards nothing."""
    forwarding = {family.label for family in Family if host.facts.forwards[family.value]}
    return same(set(), forwarding) or host.passages_failed("translates")


def _advertises(site: Site) -> tuple[Advertised, ...]:
    """Return the prefix, for each IPv6 neighbour."""
    prefix = prefix_of(site.topology)
    return tuple(Advertised(name, interface, prefix) for name, interface, _ in site.neighbours(Family.IPV6))


def _advertised(host: HostObservation) -> ProofFailure | None:
    """Each IPv6 neighbour that asks for a router advertisement gets one with the prefix, and no other (RFC 8781)."""
    wrong = {
        f"{', '.join(told) or 'none'} to {wanted.host}" for wanted, told in host.advertised if told != (wanted.prefix,)
    }
    if wrong or not host.advertised:
        return ProofFailure("an advertisement of the prefix on each IPv6 link", shown(wrong))
    return None


NAT64 = Function(
    settings={"ipv4/ip_forward": "0", "ipv6/conf/all/forwarding": "0"},
    proofs={"translates": _translates, "pref64": _advertised},
    routes=_routes,
    passages=lambda site: tuple(_passages(site)),
    advertises=_advertises,
    daemon=_daemon,
)
