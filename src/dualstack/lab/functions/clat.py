"""The function ``clat``: the host has an IPv4 address, but no IPv4 network: 464XLAT (RFC 6877).

The customer-side translator sends IPv4 packets of the host's programs as IPv6 packets to the translator of the network
(``nat64``), which translates them back. Programs see an interface ``clat`` with the address 192.0.0.1, a default route,
and an MTU that is 20 bytes smaller.
"""

from dualstack.families import Family
from dualstack.lab.functions.function import Daemon, Device, Function, FunctionRoute, Passage, Site
from dualstack.lab.functions.translation import CLAT_IPV4, CLAT_ROUTER, clat_ipv6, prefix_of, translator_host
from dualstack.lab.observation import HostObservation, ProofFailure, same
from dualstack.lab.translating.process import ENTRY, Order

_MTU = 1500
_DEVICE = Device("clat", "clat-far", _MTU - 20, ((CLAT_IPV4, 32),))


def _network(site: Site) -> tuple[str, str, str]:
    """Return the interface to the translator of the network, and the addresses of host and translator there."""
    there = Site(site.topology, site.plan, translator_host(site.topology)).interfaces(Family.IPV6)
    own = site.interfaces(Family.IPV6)
    link = next(link for link in own if link in there)
    return own[link][0], own[link][1], there[link][0]


def _routes(site: Site) -> tuple[FunctionRoute, ...]:
    """Return the default route of IPv4, and those to the IPv6 address of the CLAT.

    The host's own route to that address keeps its kernel from reporting that there is none.
    """
    interface, address, interface_there = _network(site)
    clat = clat_ipv6(site.plan, site.host)
    return (
        FunctionRoute(site.host, _DEVICE.name, "0.0.0.0/0"),
        FunctionRoute(site.host, interface, clat),
        FunctionRoute(translator_host(site.topology), interface_there, clat, address),
    )


def _passages(site: Site) -> tuple[Passage, ...]:
    """Return the paths to the IPv4 hosts, over two translators."""
    there = Site(site.topology, site.plan, translator_host(site.topology))
    found = []
    for name, interface, _ in there.neighbours(Family.IPV4):
        address = next(first for own, first in there.interfaces(Family.IPV4, name).values() if own == interface)
        found.append(Passage("clat", site.host, address, address, frozenset({CLAT_ROUTER}), hops=3))
    return tuple(found)


def _daemon(site: Site) -> Daemon:
    """Return the translator."""
    interface, address, _ = _network(site)
    order = Order(
        prefix=prefix_of(site.topology),
        mappings=((CLAT_IPV4, clat_ipv6(site.plan, site.host)),),
        pool="",
        ipv6=(interface,),
        ipv4=(),
        device=(_DEVICE.name, _DEVICE.far),
        own=(CLAT_ROUTER, address),
        mtus=(_DEVICE.mtu, _MTU),
    )
    return Daemon("the CLAT", ENTRY, order.packed())


def _translates(host: HostObservation) -> ProofFailure | None:
    """Programs have the address and the default route of the CLAT alone, and reach IPv4 hosts over it."""
    interfaces = {"lo", _DEVICE.name, _DEVICE.far, *dict(host.interfaces)}
    return (
        same({CLAT_IPV4}, host.on(_DEVICE.name, Family.IPV4))
        or same({f"0.0.0.0/0 dev {_DEVICE.name}"}, set(host.facts.default_routes))
        or same(interfaces, set(host.facts.interfaces))
        or host.passages_failed("clat")
    )


CLAT = Function(
    proofs={"clat": _translates},
    replaces=frozenset({"ipv4-unreachable", "no-route-out"}),
    devices=lambda _: (_DEVICE,),
    routes=_routes,
    passages=_passages,
    daemon=_daemon,
)
