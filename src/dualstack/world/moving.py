"""A server that a daemon finds by name: its address and the answer for its name change together."""

from collections.abc import Collection
from types import TracebackType
from typing import Self

from dualstack.authority import issue
from dualstack.families import BOTH, Family
from dualstack.prober.client import NameServerHandle, ServerHandle
from dualstack.prober.names import query_name
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.servers import serve_connector, serve_names

_TTL = "ttl-1"
"""The behaviour of the name: all addresses that it has, or NODATA, for one second."""


class MovingServer:
    """The connector's server on the peer, and a name server for it. It is at one address at a time.

    Attributes:
        name: Its name, which has no other address; answers for it may be kept for one second.
        serving: The server.
        names: The name server.
    """

    def __init__(self, world: ConnectorWorld, family: Family, *, known: bool) -> None:
        """Start at the peer's first address of a family; its name has this address if it is ``known``."""
        self.name = query_name(a=_TTL, aaaa=_TTL)
        self._world = world
        self._port = world.connector.port
        self.serving: ServerHandle = self._serve(family)
        self.names: NameServerHandle = self._name([family] if known else [])

    def publish(self, *families: Family) -> None:
        """Give the name the peer's first address of each of these families, and no other one."""
        self.names.close()
        self.names = self._name(families)

    def move(self, family: Family, *named: Family) -> None:
        """Move to the peer's first address of a family: connections to the other one are lost, and refused then.

        Before that the name gets the addresses of the families ``named``, or of this family alone.
        """
        self.publish(*(named or (family,)))
        self.serving.close()
        self.serving = self._serve(family)

    def _serve(self, family: Family) -> ServerHandle:
        """Start the server."""
        peer, connector = self._world.peer, self._world.connector
        address = peer.plan.configured[family][0]
        self._world.note(f"the peer listens on {address} alone, port {self._port}")
        serving = serve_connector(peer, connector, (address,))
        if connector.tls is not None:
            serving.present(issue([self.name]))
        return serving

    def _name(self, families: Collection[Family]) -> NameServerHandle:
        """Start the name server."""
        peer = self._world.peer
        records = {item: peer.plan.configured[item][:1] if item in families else () for item in BOTH}
        found = ", ".join(address for addresses in records.values() for address in addresses)
        self._world.note(f"the name {self.name} has {found or 'no address'}")
        return serve_names(peer, records)

    def close(self) -> None:
        """Stop both servers."""
        self.serving.close()
        self.names.close()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Stop both servers."""
        self.close()
