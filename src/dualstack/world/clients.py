"""Where the clients of a listener are, on the link or on the service's own host, and which addresses they use."""

from collections.abc import Mapping
from dataclasses import dataclass

from dualstack.families import BOTH, Family
from dualstack.lab.functions.crossing import dialled_at
from dualstack.lab.link_local import is_link_local
from dualstack.lab.protocol import Host, Lab
from dualstack.manifest import Scope


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients of the service on one host.

    Attributes:
        host: The host.
        inside: Whether it is the service's own host, so that none of their packets reaches the link.
        addresses: The addresses at which they dial the service, by the family of its own; empty for a family that the
            topology lacks.
        sources: Their own addresses, by the same family.
    """

    host: Host
    inside: bool
    addresses: Mapping[Family, tuple[str, ...]]
    sources: Mapping[Family, tuple[str, ...]]


def clients_of(scope: Scope, lab: Lab) -> Clients:
    """Return a listener's clients: the peer, or the service's own host over loopback, depending on its scope."""
    return remote_clients(lab) if scope is Scope.NETWORK else loopback_clients(lab)


def remote_clients(lab: Lab) -> Clients:
    """Return clients on the peer, which dial the addresses at which they reach the service.

    Where a translator between IPv4 and IPv6 is on the only path, these and their own are of the other family.
    """
    names = lab.topology.roles.client, lab.topology.roles.service
    own = lab.hosts["peer"].plan.configured
    addresses = dialled_at(lab.topology, lab.plan, *names)
    sources = {
        family: own[next(map(Family.of, addresses[family]), family)] if addresses[family] else own[family]
        for family in BOTH
    }
    return Clients(lab.hosts["peer"], inside=False, addresses=addresses, sources=sources)


def loopback_clients(lab: Lab) -> Clients:
    """Return clients on the service's own host, which dial the loopback addresses that the topology has."""
    own = {family: (family.loopback,) if family in lab.topology.loopbacks() else () for family in BOTH}
    return Clients(lab.hosts["service"], inside=True, addresses=own, sources=own)


def router_clients(lab: Lab) -> Clients:
    """Return clients on the router of the service's link: they are on that link where the peer is not.

    Raises:
        ValueError: The link does not have exactly one router.
    """
    link = lab.hosts["service"].plan.interfaces[0].link
    (name,) = (name for name in lab.topology.routers if link in lab.topology.host[name].attachments)
    router = lab.hosts[name]
    own = lab.hosts["service"].plan.configured
    return Clients(router, inside=False, addresses=own, sources=router.plan.configured)


def local_clients(lab: Lab) -> Clients:
    """Return clients on the service's own host, which dial its addresses on the link."""
    own = lab.hosts["service"]
    return Clients(own, inside=True, addresses=own.plan.configured, sources=own.plan.configured)


def link_local(lab: Lab, clients: Clients) -> tuple[str, ...]:
    """Return the service's link-local addresses, as clients on its links dial them: see `with_zones`."""
    return with_zones(lab.hosts["service"], clients.host)


def with_zones(host: Host, dialler: Host) -> tuple[str, ...]:
    """Return the link-local addresses of a host on the links of another, with their zones there (RFC 4007 §11.2)."""
    zones = zones_of(dialler)
    on = {f"eth{place}": zones.get(one.link, "") for place, one in enumerate(host.plan.interfaces)}
    rows = [row for row in host.prober.addresses() if is_link_local(row.address) and on.get(row.interface)]
    return tuple(f"{row.address}%{on[row.interface]}" for row in rows)


def zones_of(host: Host) -> dict[str, str]:
    """Return the interface of a host on each of its links."""
    return {one.link: f"eth{place}" for place, one in enumerate(host.plan.interfaces)}
