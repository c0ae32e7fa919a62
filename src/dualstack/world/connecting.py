"""The world of a connector: servers on the peer answer what it dials and the names that it looks up."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.changes import LimitSynRetries
from dualstack.lab.files import resolver_of
from dualstack.lab.functions.nat64 import TRANSLATOR
from dualstack.lab.functions.translation import prefix_of
from dualstack.lab.impairments import Impairment
from dualstack.lab.protocol import Backend
from dualstack.manifest import Connect
from dualstack.plan import PlannedCase
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages.naming import WriteResolvers
from dualstack.prober.names import query_name
from dualstack.requirement import Level
from dualstack.wire.attempts import attempts
from dualstack.wire.dialling import syn_family
from dualstack.wire.dns import DNS_PORT
from dualstack.wire.presence import sends
from dualstack.world.base import World
from dualstack.world.connected import connected, datagrams_over, over_text
from dualstack.world.impaired import Impaired, impaired, require_effect
from dualstack.world.runs import ConnectorRuns, Run
from dualstack.world.servers import records_of, require_addresses, serve_connector, serve_names, targets_of

__all__ = ["ConnectorWorld", "Run"]


class ConnectorWorld(World):
    """A world in which the service dials out."""

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """Prepare a world; nothing is made before it is entered."""
        super().__init__(case, backend, folder)
        self._unspoken: list[tuple[Family | None, str, str, Run]] = []
        self._past: list[tuple[Impairment, float, float]] = []
        self._pref64 = ""

    @cached_property
    def connector_runs(self) -> ConnectorRuns:
        """The runs of the connector."""
        return ConnectorRuns(
            self.subject,
            self.connector,
            self.host,
            self.journal,
            contained=self.contained,
            name_server=resolver_of(self.lab.plan, self.host.name),
        )

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

    @property
    def failures(self) -> int:
        """How many findings are not as expected."""
        return sum(not finding.ok for finding in self.findings)

    @property
    def pref64(self) -> str:
        """The prefix that stands for the IPv4 network behind the translator; empty without one."""
        return self._pref64 or prefix_of(self.lab.topology)

    def use_prefix(self, prefix: str) -> None:
        """Make the translator, and name servers that are started from now on, use another prefix (PREF64)."""
        self.lab.daemons[TRANSLATOR].ask({"use": prefix})
        self._pref64 = prefix
        self.note(f"the translator uses the prefix {prefix}")

    def serve(self, *families: Family) -> ServerHandle:
        """Start the server that the connector expects, on the peer's first address of each of these families.

        Connections over another family are refused.
        """
        return self.serve_at(*(self.peer.plan.configured[family][0] for family in families))

    def serve_at(self, *addresses: str) -> ServerHandle:
        """Start the server that the connector expects, on these addresses of the peer; others refuse connections."""
        self.note("the peer listens on " + " and ".join(endpoint(item, self.connector.port) for item in addresses))
        return serve_connector(self.peer, self.connector, addresses)

    def serve_silently(self, address: str) -> ServerHandle:
        """Start a server on an address of the peer that accepts connections, with TLS if the connector uses it.

        It reads, and never sends an answer.
        """
        self.note(f"the peer listens on {endpoint(address, self.connector.port)} and sends no answer")
        return serve_connector(self.peer, self.connector, (address,), silent=True)

    @contextlib.contextmanager
    def names(
        self,
        a: str = "none",
        aaaa: str = "none",
        https: str = "none",
        *,
        addresses: Mapping[Family, Sequence[str]] | None = None,
    ) -> Iterator[str]:
        """Serve one fresh name and yield it.

        Args:
            a: How A queries are answered: ``ok``, ``none`` (no data), ``delay-300-servfail`` and so on
                (`dualstack.prober.names`).
            aaaa: How AAAA queries are answered.
            https: How HTTPS queries are answered.
            addresses: The addresses of a family, in order; by default the peer's first planned address.

        Raises:
            UsageError: There is no such behaviour, or it picks an address that is not there.
        """
        name = query_name(a=a, aaaa=aaaa, https=https)
        records = records_of(self.peer, addresses)
        require_addresses(name, records)
        began = self.journal.seconds
        with serve_names(self.resolver, records, pref64=self.pref64) as server:
            more = f", HTTPS: {https}" if https != "none" else ""
            self.note(f"the name {name} has A: {a}, AAAA: {aaaa}{more}")
            try:
                yield name
            finally:
                self.journal.note_queries(server.queries(), began)

    @contextlib.contextmanager
    def resolvers(self, *addresses: str, options: str = "") -> Iterator[None]:
        """Write other name servers into the service's resolv.conf and ``{nameserver}``, for the runs inside the block.

        Args:
            addresses: The name servers, in order; by default the lab's, as the file names it.
            options: What follows the word ``options``: ``timeout:1``; empty for none.
        """
        runs = self.connector_runs
        usual, wanted = runs.name_server, addresses or (runs.name_server,)
        lines = [*(f"nameserver {item}" for item in wanted), *([f"options {options}"] if options else [])]
        before = self.host.prober.call(WriteResolvers("\n".join([*lines, ""])))
        self.note("the service's /etc/resolv.conf says: " + "; ".join(lines))
        runs.name_server = wanted[0]
        try:
            yield
        finally:
            runs.name_server = usual
            self.host.prober.call(WriteResolvers(before))

    @contextlib.contextmanager
    def impaired(self, *impairments: Impairment) -> Iterator[Impaired]:
        """Impair connections to addresses of the peer; when the block begins, they are proved to be impaired.

        Raises:
            HostCannot: The kernel cannot.
            BrokenLab: An impairment has no effect.
        """
        with impaired(self.host, self.peer, impairments) as handle:
            for one, late in zip(impairments, handle.lateness, strict=True):
                self.note(f"impaired: {one}" + (f" (proved: {late * 1000:.1f} ms too late)" if late else ""))
            began = time.time()
            yield handle
            self._past += [(one, began, time.time()) for one in impairments]

    def limit_syn_retries(self, count: int) -> None:
        """Make the kernel of the service's host repeat a SYN ``count`` times before connect() fails."""
        self.host.apply(LimitSynRetries(count))
        often = "once" if count == 1 else f"{count} times"
        self.note(f"a SYN is repeated {often} (net.ipv4.tcp_syn_retries = {count})")

    def connect(
        self,
        host: str,
        serving: ServerHandle,
        over: Family | None = None,
        *,
        although: str = "",
        tries: int = 1,
        patience: float = 0.0,
        excuse: Callable[[Run], str] | None = None,
    ) -> bool:
        """Run the connector towards ``host`` and require that its exchange completes.

        If the lab's server cannot speak with it, only the connection is required, and the case is inconclusive.

        Args:
            host: A literal or a name.
            serving: The server that it should reach.
            over: The family that it should reach it over; None for either.
            although: What makes that difficult; the finding names it.
            tries: How often it is run at most, until it succeeds or takes long: only the last run is judged.
            patience: Seconds that it may take, if that is more than the manifest's timeouts.connect.
            excuse: Returns why a failed run breaks no MUST, as the end of a sentence, or nothing; it deviates then.

        Returns:
            Whether it completed.
        """
        run = self.connector_runs.run(host, serving, patience=patience)
        for _ in range(1, tries):
            if run.problem and run.seconds < self.connector_runs.allowed / 2:
                run = self.connector_runs.run(host, serving, patience=patience)
        where = endpoint(host, self.connector.port)
        if run.unspoken:
            self._unspoken.append((over, where, although, run))
        else:
            within = max(patience, self.connector_runs.allowed)
            self._require_success(over, where, although, run, within, excuse=excuse(run) if excuse is not None else "")
        return not run.problem

    def _require_success(
        self, over: Family | None, where: str, although: str, run: Run, within: float, *, excuse: str = ""
    ) -> None:
        """Require that a run towards an endpoint has completed its exchange within so many seconds."""
        if over is not None:
            self.count(over, served=not run.problem)
        self.require(
            Finding(
                not run.problem,
                f"it connects to {where}{over_text(over)} within {within:g} s"
                + (although and f", although {although}"),
                (run.problem and run.problem + excuse) or f"it succeeded: {run.reached}",
                level=Level.SHOULD.value if run.problem and excuse else "",
            )
        )

    def finish(self) -> None:
        """See `World`: find out whether the lab's server can speak with the connector at all, if that is in doubt.

        Raises:
            BrokenLab: The packets show that an impairment had no effect.
        """
        if self._unspoken and self.completes is None:
            self.completes = self._completes()
        super().finish()
        for one, began, ended in self._past:
            require_effect(one, attempts(self.wire(), one.port, address=one.address), began, ended)

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
        for family, where, although, run in unspoken:
            if self.completes:
                self._require_success(family, where, although, run, self.connector_runs.allowed)
            else:
                self.shows(partial(connected, port=self.connector.port, family=family, where=where, run=run))
        super().conclude()
        if unspoken:
            raise Inconclusive(f"it connects, but the lab's server cannot speak with it; {unspoken[0][-1].unspoken}")

    def _completes(self) -> bool:
        """Return whether the connector has completed an exchange, or completes one with another target of this lab."""
        return any(not run.problem for _, _, run in self.connector_runs.done) or self._completes_elsewhere()

    def _completes_elsewhere(self) -> bool:
        """Run the connector towards the targets that it was not run towards yet; return whether a run completes."""
        runs = self.connector_runs
        addresses = tuple(item for family in BOTH for item in self.peer.plan.configured[family][:1])
        records = self.peer.plan.configured if self.pref64 else records_of(self.peer)
        with (
            serve_names(self.resolver, records, pref64=self.pref64),
            serve_connector(self.peer, self.connector, addresses) as serving,
        ):
            self.note("does the lab's server speak with it at all? Other targets show it")
            targets = targets_of(self.connector, self.peer)
            return any(not runs.run(target, serving).problem for target in targets if target not in runs.targets)

    def shows_connected(self, family: Family) -> None:
        """Require that every attempt of the connector was over ``family``."""
        port = self.connector.port
        if self.is_tcp:
            self.shows(lambda wire: syn_family(wire, port, family))
        else:
            self.shows(lambda wire: datagrams_over(wire, port, family, self.connector))
