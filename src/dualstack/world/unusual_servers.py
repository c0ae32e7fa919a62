"""Servers for a connector that are not on the peer's ordinary addresses."""

import contextlib
from collections.abc import Iterator

from dualstack.families import Family, endpoint
from dualstack.lab.files import host_files
from dualstack.lab.protocol import Host
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages.naming import WriteHosts
from dualstack.world.clients import with_zones
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.servers import serve_connector


def link_local_target(world: ConnectorWorld, server: Host) -> str:
    """Return a server's link-local address with the zone of the service's interface (RFC 4007 §11.2)."""
    return with_zones(server, world.host)[0]


def serve_link_local(world: ConnectorWorld, server: Host) -> ServerHandle:
    """Start the server that the connector expects on a neighbour's link-local address."""
    address, port = with_zones(server, server)[0], world.connector.port
    world.note(f"host {server.name!r} listens on {endpoint(address, port)}, a link-local address")
    return serve_connector(server, world.connector, (address,))


def serve_inside(world: ConnectorWorld, family: Family) -> ServerHandle:
    """Start the server that the connector expects on the service's own host, on the loopback address of a family.

    Connections over the other family are refused.
    """
    world.note(f"a server on the service's own host listens on {endpoint(family.loopback, world.connector.port)}")
    return serve_connector(world.host, world.connector, (family.loopback,))


@contextlib.contextmanager
def localhost_is(world: ConnectorWorld, *families: Family) -> Iterator[None]:
    """Write the loopback addresses of these families as localhost into /etc/hosts of the service's host, in this order.

    The file has its former text at the end of the block.
    """
    lines = [f"{family.loopback} localhost" for family in families]
    usual = host_files(world.lab.plan, world.host.name)["hosts"].splitlines()
    others = [line for line in usual if "localhost" not in line]
    before = world.host.prober.call(WriteHosts("\n".join([*lines, *others, ""])))
    world.note(f"the service's /etc/hosts says: {'; '.join(lines)}")
    try:
        yield
    finally:
        world.host.prober.call(WriteHosts(before))
