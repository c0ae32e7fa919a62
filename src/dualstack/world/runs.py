"""The runs of a connector: its command is executed on the service's host, towards one target."""

import re
import shlex
import time
from dataclasses import dataclass, replace

from dualstack.authority import issue
from dualstack.complaint import said
from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired
from dualstack.families import endpoint
from dualstack.lab.protocol import Host, Program
from dualstack.manifest import Connect, Subject
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages import Exit
from dualstack.service import launch_connector
from dualstack.world.journal import Journal
from dualstack.world.unspoken import why_unspoken


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one run of a connector.

    Attributes:
        fault: What it reports as wrong, or that it did not end; empty if it reports a success.
        how: How it ended; None if it had to be killed.
        seconds: How long it ran.
        said: Whether it wrote anything.
        reached: Its connections, as the server saw them; empty if there was none.
        heads: The heads of its HTTP requests, as the server saw them.
        tls: What is wrong with its TLS, as the server saw it; empty if nothing is.
        unspoken: Why the lab's server could not speak with it, although it connected; empty for a success, and if the
            server could.
    """

    fault: str
    how: Exit | None
    seconds: float
    said: bool
    reached: str = ""
    heads: tuple[str, ...] = ()
    tls: str = ""
    unspoken: str = ""

    @property
    def alive(self) -> bool:
        """Whether it did anything: it reports a success, had to be killed, or reached the server."""
        return not self.fault or self.how is None or bool(self.reached)

    @property
    def problem(self) -> str:
        """What is wrong with it, also if it does not report that itself; empty for a success."""
        if self.fault:
            return self.fault
        unseen = self.tls if self.reached else "no client reached the peer"
        return unseen and f"it reported success, but {unseen}"


class ConnectorRuns:
    """The runs of one connector so far.

    Attributes:
        connector: The connector.
        done: The target of each run, when it began (seconds since the epoch), and its result.
    """

    def __init__(self, subject: Subject, connector: Connect, host: Host, journal: Journal, *, contained: bool) -> None:
        """Prepare; nothing is started.

        Args:
            subject: The service's manifest, with one of its configurations.
            connector: The connector.
            host: The host that it runs on.
            journal: Where steps are noted.
            contained: Whether it runs in the service's container image.
        """
        self.done: list[tuple[str, float, Run]] = []
        self._subject = subject
        self.connector = connector
        self._host = host
        self._journal = journal
        self._contained = contained
        self._started = False

    @property
    def failed(self) -> bool:
        """Whether there was a run, and none did anything."""
        return self._started and not any(run.alive for _, _, run in self.done)

    @property
    def targets(self) -> frozenset[str]:
        """The names and addresses that it was run towards."""
        return frozenset(host for host, _, _ in self.done)

    def run(self, host: str, serving: ServerHandle) -> Run:
        """Run the connector towards ``host``, a literal or a name, and return the result; nothing is required.

        Args:
            host: The target.
            serving: The server that it should reach.

        Raises:
            ServiceError: It cannot be executed.
        """
        self._started = True
        launch = launch_connector(
            self._subject,
            self.connector,
            self._journal.next_scratch(),
            host=host,
            target=endpoint(host, self.connector.port),
            af_inet6=self._host.spec.af_inet6,
            contained=self._contained,
        )
        self._journal.command = shlex.join(launch.command)
        self._journal.note(f"run the connector: {self._journal.command}")
        if self.connector.tls is not None:
            serving.present(issue([host]))
        before, began = len(serving.accepted()), time.time()
        run = self._wait(self._host.start(launch))
        clients = serving.accepted()[before:]
        reached = ", ".join(sorted({f"{item.peer} → {item.address}" for item in clients}))
        faults = [f"the client {item.tls.value}" for item in clients if item.tls is not None]
        heads = tuple(item.head for item in clients if item.head)
        unspoken = why_unspoken(self.connector, clients) if run.fault else ""
        run = replace(run, reached=reached, heads=heads, tls=", ".join(dict.fromkeys(faults)), unspoken=unspoken)
        self.done.append((host, began, run))
        seen = f"connections that the peer saw: {len(clients)}" + (f"; {run.tls}" if run.tls else "")
        self._journal.note(f"{run.problem or 'it succeeded'}; {seen}")
        return run

    def _wait(self, program: Program) -> Run:
        """Wait for the end of a run; return its result without what the server saw."""
        connector, timeouts = self.connector, self._subject.manifest.timeouts
        began = time.monotonic()
        problem, how = "", None
        try:
            how = program.wait(Deadline(timeouts.connect, "the connector to end"))
            if connector.exit_code not in ("any", how.code):
                problem = f"it {how}"
        except DeadlineExpired:
            problem = f"it had not ended after {timeouts.connect:g} s"
        seconds = time.monotonic() - began
        self._journal.waited += seconds
        program.stop("SIGTERM", Deadline(timeouts.stop, "the connector to stop"))
        log = program.log()
        self._journal.outputs.append(log.text)
        if not problem and connector.output is not None and not re.search(connector.output, log.text, re.MULTILINE):
            problem = f"its output does not match {connector.output!r}"
        if problem:
            problem += said(log.text)
        return Run(fault=problem, how=how, seconds=seconds, said=bool(log.last_line))
