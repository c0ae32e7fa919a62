"""The world of a connector: servers on the peer answer what it dials and the names that it looks up."""

import contextlib
from collections.abc import Iterator
from functools import cached_property

from dualstack.errors import Inconclusive
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.manifest import Connect
from dualstack.prober.client import ServerHandle
from dualstack.prober.names import query_name
from dualstack.wire.dialling import syn_family, tried
from dualstack.wire.dns import DNS_PORT
from dualstack.wire.evidence import CaptureData
from dualstack.wire.presence import sends
from dualstack.world.base import World
from dualstack.world.runs import ConnectorRuns, Run
from dualstack.world.servers import serve_connector, serve_names

__all__ = ["ConnectorWorld", "Run"]


class ConnectorWorld(World):
    """A world in which the service dials out."""

    @cached_property
    def connector_runs(self) -> ConnectorRuns:
        """The runs of the connector."""
        return ConnectorRuns(self.subject, self.connector, self.host, self.journal, contained=self.contained)

    @property
    def unstarted(self) -> bool:
        """Whether each run ended unsuccessfully, and nothing was sent."""
        try:
            return self.captured is not None and self.connector_runs.failed and not sends(self.captured)
        except Inconclusive:
            return False

    @property
    def connector(self) -> Connect:
        """The connector that the case is about."""
        return self.subject.connector(self.case.element)

    @property
    def ports(self) -> tuple[int, ...]:
        """The connector's port, and DNS."""
        return (self.element.port, DNS_PORT)

    def serve(self, *families: Family) -> ServerHandle:
        """Start the server that the connector expects, on the peer's first address of each of these families.

        Connections over another family are refused.
        """
        addresses = tuple(self.peer.plan.configured[family][0] for family in families)
        self.note("the peer listens on " + " and ".join(endpoint(item, self.connector.port) for item in addresses))
        return serve_connector(self.peer, self.connector, addresses)

    @contextlib.contextmanager
    def names(self, a: str = "none", aaaa: str = "none") -> Iterator[str]:
        """Serve one fresh name whose A and AAAA records are the peer's planned addresses, and yield it.

        Args:
            a: How A queries are answered: ``ok``, ``none`` (no data) …
            aaaa: How AAAA queries are answered.
        """
        name = query_name(a=a, aaaa=aaaa)
        with serve_names(self.peer):
            self.note(f"the name {name} has A: {a}, AAAA: {aaaa}")
            yield name

    def connect(self, host: str, serving: ServerHandle, over: Family) -> bool:
        """Run the connector towards ``host`` and require that its exchange completes.

        Args:
            host: A literal or a name.
            serving: The server that it should reach.
            over: The family that it should reach it over.

        Returns:
            Whether it completed.
        """
        run = self.connector_runs.run(host, serving)
        self.count(over, served=not run.problem)
        within = self.subject.manifest.timeouts.connect
        self.require(
            Finding(
                not run.problem,
                f"it connects to {endpoint(host, self.connector.port)} over {over.label} within {within:g} s",
                run.problem or f"it succeeded: {run.reached}",
            )
        )
        return not run.problem

    def shows_connected(self, family: Family) -> None:
        """Require that every attempt of the connector was over ``family``."""
        port = self.connector.port
        if self.is_tcp:
            self.shows(lambda wire: syn_family(wire, port, family))
        else:
            self.shows(lambda wire: _datagrams_over(wire, port, family, self.connector))


def _datagrams_over(wire: CaptureData, port: int, family: Family, connector: Connect) -> Finding:
    """Return whether every datagram to ``port`` is a packet of ``family``."""
    seen = {attempt.family for attempt in tried(wire, port, connector.transport)}
    labels = ", ".join(sorted(item.label for item in seen))
    return Finding(seen == {family}, f"every datagram to port {port} is {family.label}", f"they are {labels}")
