"""Peers behind a translator or a NAT: what is expected of the path to them, and who is on this side of it."""

from collections.abc import Sequence
from functools import partial

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.lab.functions.crossing import seen_at
from dualstack.lab.functions.translation import mappings
from dualstack.lab.protocol import Lab
from dualstack.prober.messages import Accepted
from dualstack.transport import Transport
from dualstack.wire.transition import nat64_destination
from dualstack.world.clients import Clients, local_clients
from dualstack.world.connecting import ConnectorWorld


def server_address(world: ConnectorWorld) -> str:
    """Return the IPv4 address of the server behind the translator."""
    return world.peer.plan.address(Family.IPV4)


def pool_addresses(world: ConnectorWorld) -> frozenset[str]:
    """Return the IPv4 addresses that stand for the service's host behind the translator, and for its CLAT."""
    return frozenset(mappings(world.lab.topology, world.lab.plan).values())


def from_pool(world: ConnectorWorld, clients: Sequence[Accepted]) -> Finding:
    """Return whether a server on the IPv4 link saw the service at an address of the translator's pool alone."""
    seen, pool = sorted({client.peer for client in clients}), pool_addresses(world)
    return Finding(
        bool(seen) and set(seen) <= pool,
        f"the server sees the client at {' or '.join(sorted(pool))}, an address of the translator",
        f"it saw {', '.join(seen) or 'no client'}",
    )


def seen_as(expected: Sequence[str], clients: Sequence[Accepted]) -> Finding:
    """Return whether a server saw the service at addresses of the NAT or the translator alone."""
    seen = sorted({client.peer for client in clients})
    return Finding(
        bool(seen) and set(seen) <= set(expected),
        f"the server sees the client at {' or '.join(sorted(expected))}, an address of what is between them",
        f"it saw {', '.join(seen) or 'no client'}",
    )


def is_translated(lab: Lab, family: Family) -> bool:
    """Return whether the service sees its clients of a family at other addresses than their own."""
    return _seen(lab, family) != lab.hosts["peer"].plan.configured[family]


def near_clients(lab: Lab, family: Family) -> Clients:
    """Return clients that reach the service without translation, from an address that no translated client has.

    They are on another host of the service's own link; if all of these share their address with translated clients, as
    a NAT does, they are on the service's own host.
    """
    own, shared = lab.hosts["service"].plan, _seen(lab, family)
    for name, plan in lab.plan.hosts.items():
        for one in plan.interfaces:
            free = tuple(address for address in one.configured[family] if address not in shared)
            if name != own.name and one.link == own.interfaces[0].link and free:
                sources = {**one.configured, family: free}
                return Clients(lab.hosts[name], inside=False, addresses=own.configured, sources=sources)
    return local_clients(lab)


def _seen(lab: Lab, family: Family) -> tuple[str, ...]:
    """Return the addresses at which the service sees its clients of a family."""
    return seen_at(lab.topology, lab.plan, lab.topology.roles.client, lab.topology.roles.service)[family]


def require_translated(world: ConnectorWorld, *prefixes: str) -> None:
    """Require that the service's host sent only IPv6, and tried only the server's address behind these prefixes."""
    transport = Transport.TCP if world.is_tcp else Transport.UDP
    port, address = world.connector.port, server_address(world)
    world.shows(partial(nat64_destination, port=port, prefix=prefixes, ipv4=address, transport=transport))
    world.shows_no_family(Family.IPV4)
