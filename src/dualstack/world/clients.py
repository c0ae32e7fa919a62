"""Where the clients of a listener are, and by which addresses they reach it: on the link, or on its own host."""

from collections.abc import Mapping
from dataclasses import dataclass

from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Host, Lab
from dualstack.manifest.models import Reach

_LINK_LOCAL = "fe80:"


@dataclass(frozen=True, slots=True)
class Clients:
    """Some clients of the service.

    Attributes:
        host: The host that they are on.
        inside: Whether that is the service's own, so that nothing of theirs crosses the link.
        addresses: The service's addresses, as they dial them, by family; none of a family that is not there.
        sources: Their own addresses, by family.
    """

    host: Host
    inside: bool
    addresses: Mapping[Family, tuple[str, ...]]
    sources: Mapping[Family, tuple[str, ...]]


def clients_of(reach: Reach, lab: Lab) -> Clients:
    """Return whom a listener is for: the peer over the link, or the service's own host over its loopback addresses."""
    return on_the_link(lab) if reach is Reach.NETWORK else on_the_host(lab)


def on_the_link(lab: Lab) -> Clients:
    """Return the peer as a client, by the addresses on the link."""
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    return Clients(peer, inside=False, addresses=service.plan.configured, sources=peer.plan.configured)


def on_the_host(lab: Lab) -> Clients:
    """Return the service's own host as a client, by the loopback addresses that this world has."""
    own = {family: (family.loopback,) if family in lab.topology.loopbacks() else () for family in BOTH}
    return Clients(lab.hosts["service"], inside=True, addresses=own, sources=own)


def at_the_router(lab: Lab) -> Clients:
    """Return a client on the service's link where the others are behind a router: the router itself.

    Raises:
        KeyError: The world has no router.
    """
    (name,) = lab.topology.routers
    router = lab.hosts[name]
    own = lab.hosts["service"].plan.configured
    return Clients(router, inside=False, addresses=own, sources=router.plan.configured)


def in_the_house(lab: Lab) -> Clients:
    """Return the service's own host as a client, by the addresses that it has on the link."""
    own = lab.hosts["service"]
    return Clients(own, inside=True, addresses=own.plan.configured, sources=own.plan.configured)


def link_local(lab: Lab, clients: Clients) -> tuple[str, ...]:
    """Return the service's link-local addresses, with the zone that they have for these clients (RFC 4007 §11.2)."""
    rows = lab.hosts["service"].prober.addresses()
    own = [row.address for row in rows if row.address.startswith(_LINK_LOCAL)]
    return tuple(f"{address}%{clients.host.interface}" for address in own)
