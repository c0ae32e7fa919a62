"""A world around a connector: its peer serves what it dials, names and all."""

import contextlib
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dualstack.complaint import said
from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, Inconclusive
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.protocol import Backend, Program
from dualstack.manifest import Connect
from dualstack.plan import PlannedCase
from dualstack.prober.client import Serving
from dualstack.prober.messages import Exit, Names, Serve
from dualstack.prober.names import query_name
from dualstack.service import launch_connector
from dualstack.wire.dialling import syn_family, tried
from dualstack.wire.evidence import Wire
from dualstack.wire.presence import sends
from dualstack.world.base import World

DNS = 53


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run of a connector.

    Attributes:
        fault: What is wrong with it, by its own account or because it did not end; empty where it reports a success.
        how: How it ended; None if it had to be killed.
        seconds: How long it ran.
        said: Whether it wrote anything.
        reached: Its connections, as the peer saw them; empty if there was none.
        heads: The heads of its HTTP requests, as the peer saw them.
    """

    fault: str
    how: Exit | None
    seconds: float
    said: bool
    reached: str = ""
    heads: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether it did anything: it reports a success, had to be killed, or reached the peer."""
        return not self.fault or self.how is None or bool(self.reached)

    @property
    def problem(self) -> str:
        """What is wrong with it, also where it does not know; empty for a success."""
        return self.fault or ("" if self.reached else "it reported success, but no client reached the peer")


class ConnectorWorld(World):
    """A world in which the service dials out."""

    _starts = 0
    _alive = False

    @property
    def unstarted(self) -> bool:
        """Whether each run ended unsuccessfully, and nothing was sent."""
        try:
            return bool(self._starts) and not self._alive and self.captured is not None and not sends(self.captured)
        except Inconclusive:
            return False

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """See `World`."""
        super().__init__(case, backend, folder)
        self.runs: list[tuple[str, float, Run]] = []
        """The runs so far: the target, when it began (seconds since the epoch), and what came of it."""

    @property
    def connector(self) -> Connect:
        """The connector that the case is about."""
        return self.subject.connector(self.case.element)

    @property
    def ports(self) -> tuple[int, ...]:
        """The connector's port, and DNS."""
        return (self.element.port, DNS)

    def serve(self, *families: Family) -> Serving:
        """Let the peer serve what the connector expects, on its first address of each family; the other is refused."""
        addresses = tuple(self.peer.plan.configured[family][0] for family in families)
        self.note("the peer listens on " + " and ".join(endpoint(item, self.connector.port) for item in addresses))
        return self.peer.prober.serve(
            Serve(
                addresses=addresses,
                port=self.connector.port,
                transport=self.connector.transport,
                protocol=self.connector.protocol,
            )
        )

    @contextlib.contextmanager
    def names(self, a: str = "none", aaaa: str = "none") -> Iterator[str]:
        """Serve one fresh name whose A and AAAA records are the peer's planned addresses, and yield it.

        Args:
            a: How A queries are answered: ``ok``, ``none`` (no data) …
            aaaa: How AAAA queries are answered.
        """
        name = query_name(a=a, aaaa=aaaa)
        plan = self.peer.plan
        listen = tuple(address for family in Family for address in plan.configured[family][:1])
        records = Names(listen, a=(plan.address(Family.IPV4),), aaaa=(plan.address(Family.IPV6),))
        with self.peer.prober.names(records):
            self.note(f"the name {name} has A: {a}, AAAA: {aaaa}")
            yield name

    def connect(self, host: str, serving: Serving, over: Family) -> bool:
        """Run the connector towards ``host`` and require that its exchange completes.

        Args:
            host: A literal or a name.
            serving: The peer's server that it should reach.
            over: The family that it should reach it over.

        Returns:
            Whether it completed.
        """
        run = self.run(host, serving)
        self.works[over.value] = self.works.get(over.value, True) and not run.problem
        within = self.subject.manifest.timeouts.connect
        self.require(
            Finding(
                not run.problem,
                f"it connects to {endpoint(host, self.connector.port)} over {over.label} within {within:g} s",
                run.problem or f"it succeeded: {run.reached}",
            )
        )
        return not run.problem

    def run(self, host: str, serving: Serving) -> Run:
        """Run the connector towards ``host``, a literal or a name, and return what came of it; nothing is required."""
        connector = self.connector
        self._starts += 1
        launch = launch_connector(
            self.subject,
            connector,
            self.scratch(self._starts),
            host=host,
            target=endpoint(host, connector.port),
            af_inet6=self.host.spec.af_inet6,
            contained=self.contained,
        )
        self.command = shlex.join(launch.command)
        self.note(f"run the connector: {self.command}")
        before, began = len(serving.accepted()), time.time()
        run = self._wait(self.host.start(launch))
        clients = serving.accepted()[before:]
        reached = ", ".join(sorted({f"{item.peer} → {item.address}" for item in clients}))
        run = replace(run, reached=reached, heads=tuple(item.head for item in clients if item.head))
        self.runs.append((host, began, run))
        self._alive |= run.alive
        self.note(f"{run.problem or 'it succeeded'}; the peer saw {len(clients)} client(s)")
        return run

    def _wait(self, program: Program) -> Run:
        """Wait for a connector's end; return what it shows of itself."""
        connector, timeouts = self.connector, self.subject.manifest.timeouts
        began = time.monotonic()
        problem, how = "", None
        try:
            how = program.wait(Deadline(timeouts.connect, "the connector to end"))
            if connector.exit_code not in ("any", how.code):
                problem = f"it {how}"
        except DeadlineExpired:
            problem = f"it had not ended after {timeouts.connect:g} s"
        seconds = time.monotonic() - began
        self.waited += seconds
        program.stop("SIGTERM", Deadline(timeouts.stop, "the connector to stop"))
        log = program.log()
        self._logs.append(log.text)
        if not problem and connector.output is not None and not re.search(connector.output, log.text, re.MULTILINE):
            problem = f"its output does not match {connector.output!r}"
        if problem:
            problem += said(log.text)
        return Run(fault=problem, how=how, seconds=seconds, said=bool(log.last_line))

    def shows_connected(self, family: Family) -> None:
        """Require that every attempt of the connector was over ``family``."""
        port = self.connector.port
        if self.is_tcp:
            self.shows(lambda wire: syn_family(wire, port, family))
        else:
            self.shows(lambda wire: _datagrams_over(wire, port, family, self.connector))


def _datagrams_over(wire: Wire, port: int, family: Family, connector: Connect) -> Finding:
    """Every datagram to ``port`` is a packet of ``family``."""
    seen = {attempt.family for attempt in tried(wire, port, connector.transport)}
    labels = ", ".join(sorted(item.label for item in seen))
    return Finding(seen == {family}, f"every datagram to port {port} is {family.label}", f"they are {labels}")
