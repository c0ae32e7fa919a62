"""Where the clients of a listener are, on the link or on the service's own host, and which addresses they use."""

from collections.abc import Mapping
from dataclasses import dataclass

from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Host, Lab
from dualstack.manifest import Scope

_LINK_LOCAL = "fe80:"


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients of the service on one host.

    Attributes:
        host: The host.
        inside: Whether it is the service's own host, so that none of their packets reaches the link.
        addresses: The service's addresses that they dial, by family; empty for a family that the topology lacks.
        sources: Their own addresses, by family.
    """

    host: Host
    inside: bool
    addresses: Mapping[Family, tuple[str, ...]]
    sources: Mapping[Family, tuple[str, ...]]


def clients_of(scope: Scope, lab: Lab) -> Clients:
    """Return a listener's clients: the peer, or the service's own host over loopback, depending on its scope."""
    return remote_clients(lab) if scope is Scope.NETWORK else loopback_clients(lab)


def remote_clients(lab: Lab) -> Clients:
    """Return clients on the peer, which dial the service's addresses on the link."""
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    return Clients(peer, inside=False, addresses=service.plan.configured, sources=peer.plan.configured)


def loopback_clients(lab: Lab) -> Clients:
    """Return clients on the service's own host, which dial the loopback addresses that the topology has."""
    own = {family: (family.loopback,) if family in lab.topology.loopbacks() else () for family in BOTH}
    return Clients(lab.hosts["service"], inside=True, addresses=own, sources=own)


def router_clients(lab: Lab) -> Clients:
    """Return clients on the router: they are on the service's link where the peer is not.

    Raises:
        ValueError: The topology does not have exactly one router.
    """
    (name,) = lab.topology.routers
    router = lab.hosts[name]
    own = lab.hosts["service"].plan.configured
    return Clients(router, inside=False, addresses=own, sources=router.plan.configured)


def local_clients(lab: Lab) -> Clients:
    """Return clients on the service's own host, which dial its addresses on the link."""
    own = lab.hosts["service"]
    return Clients(own, inside=True, addresses=own.plan.configured, sources=own.plan.configured)


def link_local(lab: Lab, clients: Clients) -> tuple[str, ...]:
    """Return the service's link-local addresses with the zone of the clients' interface (RFC 4007 §11.2)."""
    rows = lab.hosts["service"].prober.addresses()
    own = [row.address for row in rows if row.address.startswith(_LINK_LOCAL)]
    return tuple(f"{address}%{clients.host.interface}" for address in own)
