"""The world of a connector: servers on the peer answer what it dials and the names that it looks up."""

import contextlib
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.protocol import Backend
from dualstack.manifest import Connect
from dualstack.plan import PlannedCase
from dualstack.prober.client import ServerHandle
from dualstack.prober.names import query_name
from dualstack.wire.attempts import Fate, attempts
from dualstack.wire.dialling import syn_family, tried
from dualstack.wire.dns import DNS_PORT
from dualstack.wire.evidence import CaptureData
from dualstack.wire.presence import sends
from dualstack.world.base import World
from dualstack.world.runs import ConnectorRuns, Run
from dualstack.world.servers import serve_connector, serve_names, targets_of

__all__ = ["ConnectorWorld", "Run"]


class ConnectorWorld(World):
    """A world in which the service dials out."""

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """Prepare a world; nothing is made before it is entered."""
        super().__init__(case, backend, folder)
        self._unspoken: list[tuple[Family, str, Run]] = []

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

        If the lab's server cannot speak with it, only the connection is required, and the case is inconclusive.

        Args:
            host: A literal or a name.
            serving: The server that it should reach.
            over: The family that it should reach it over.

        Returns:
            Whether it completed.
        """
        run = self.connector_runs.run(host, serving)
        where = endpoint(host, self.connector.port)
        if run.unspoken:
            self._unspoken.append((over, where, run))
        else:
            self._require_success(over, where, run)
        return not run.problem

    def _require_success(self, over: Family, where: str, run: Run) -> None:
        """Require that a run towards an endpoint has completed its exchange."""
        self.count(over, served=not run.problem)
        within = self.subject.manifest.timeouts.connect
        self.require(
            Finding(
                not run.problem,
                f"it connects to {where} over {over.label} within {within:g} s",
                run.problem or f"it succeeded: {run.reached}",
            )
        )

    def finish(self) -> None:
        """See `World`: find out whether the lab's server can speak with the connector at all, if that is in doubt."""
        if self._unspoken and self.completes is None:
            self.completes = self._completes()
        super().finish()

    def conclude(self) -> None:
        """Judge the findings, and the runs that the lab's server could not speak with.

        If another run completes its exchange, the server can speak with the connector, and these runs have failed.
        Otherwise the packets must show their connections.

        Raises:
            RequirementBroken: At least one finding is not as expected.
            HarnessError: There is none, so nothing was checked.
            Inconclusive: The lab's server could not speak with the connector.
        """
        unspoken, self._unspoken = self._unspoken, []
        for family, where, run in unspoken:
            if self.completes:
                self._require_success(family, where, run)
            else:
                self.shows(partial(_connected, port=self.connector.port, family=family, where=where, run=run))
        super().conclude()
        if unspoken:
            raise Inconclusive(f"it connects, but the lab's server cannot speak with it; {unspoken[0][2].unspoken}")

    def _completes(self) -> bool:
        """Return whether the connector has completed an exchange, or completes one with another target of this lab."""
        return any(not run.problem for _, _, run in self.connector_runs.done) or self._completes_elsewhere()

    def _completes_elsewhere(self) -> bool:
        """Run the connector towards the targets that it was not run towards yet; return whether a run completes."""
        runs = self.connector_runs
        addresses = tuple(item for family in BOTH for item in self.peer.plan.configured[family][:1])
        with serve_names(self.peer), serve_connector(self.peer, self.connector, addresses) as serving:
            self.note("does the lab's server speak with it at all? Other targets show it")
            targets = targets_of(self.connector, self.peer)
            return any(not runs.run(target, serving).problem for target in targets if target not in runs.targets)

    def shows_connected(self, family: Family) -> None:
        """Require that every attempt of the connector was over ``family``."""
        port = self.connector.port
        if self.is_tcp:
            self.shows(lambda wire: syn_family(wire, port, family))
        else:
            self.shows(lambda wire: _datagrams_over(wire, port, family, self.connector))


def _connected(wire: CaptureData, *, port: int, family: Family, where: str, run: Run) -> Finding:
    """Return whether the packets show a connection of a run over a family."""
    made = [item for item in attempts(wire, port) if item.family is family and item.fate is Fate.ANSWERED]
    return Finding(
        bool(made),
        f"it connects to {where} over {family.label}",
        f"it connected: {run.reached}" if made else run.problem,
    )


def _datagrams_over(wire: CaptureData, port: int, family: Family, connector: Connect) -> Finding:
    """Return whether every datagram to ``port`` is a packet of ``family``."""
    seen = {attempt.family for attempt in tried(wire, port, connector.transport)}
    labels = ", ".join(sorted(item.label for item in seen))
    return Finding(seen == {family}, f"every datagram to port {port} is {family.label}", f"they are {labels}")
