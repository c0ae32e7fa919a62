"""The runs of a connector: its command is executed on the service's host, towards one target."""

import contextlib
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dualstack.authority import issue
from dualstack.complaint import said
from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired
from dualstack.families import bracketed, endpoint
from dualstack.lab.protocol import Host, Program
from dualstack.manifest import Connect, Subject
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages import Accepted, Exit
from dualstack.service import launch_connector
from dualstack.world.daemons import Daemon, loopback
from dualstack.world.journal import Journal
from dualstack.world.patience import Patience
from dualstack.world.unspoken import why_unspoken


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one run of a connector.

    Attributes:
        fault: What it reports as wrong, or that it did not end; empty if it reports a success. A daemon has a success
            when it has completed an exchange.
        how: How it ended; None if it had to be killed, or is a daemon that ran until it was stopped.
        seconds: How long it ran.
        said: Whether it wrote anything.
        output: What it wrote.
        reached: Its connections, as the server saw them; empty if there was none.
        dialled: The server's address of each of these connections, in their order.
        heads: What it sent on each connection, as far as `Accepted.head` has it.
        tls: What is wrong with its TLS, as the server saw it; empty if nothing is.
        server_names: The server names that it sent in TLS handshakes (SNI), each once.
        unspoken: Why the lab's server could not speak with it, although it connected; empty for a success, and if the
            server could.
    """

    fault: str
    how: Exit | None
    seconds: float
    said: bool
    output: str = ""
    reached: str = ""
    dialled: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    tls: str = ""
    server_names: tuple[str, ...] = ()
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
        name_server: The address of the name server that the next run is given.
    """

    def __init__(
        self,
        subject: Subject,
        connector: Connect,
        host: Host,
        journal: Journal,
        *,
        contained: bool,
        name_server: str = "",
    ) -> None:
        """Prepare; nothing is started.

        Args:
            subject: The service's manifest, with one of its configurations.
            connector: The connector.
            host: The host that it runs on.
            journal: Where steps are noted.
            contained: Whether it runs in the service's container image.
            name_server: See the attribute.
        """
        self.done: list[tuple[str, float, Run]] = []
        self._subject = subject
        self.connector = connector
        self._host = host
        self._journal = journal
        self._contained = contained
        self.name_server = name_server
        self._started = False

    @property
    def failed(self) -> bool:
        """Whether there was a run, and none did anything."""
        return self._started and not any(run.alive for _, _, run in self.done)

    @property
    def targets(self) -> frozenset[str]:
        """The names and addresses that it was run towards."""
        return frozenset(host for host, _, _ in self.done)

    def run(
        self,
        host: str,
        serving: ServerHandle,
        *,
        certificate_for: str = "",
        source: str = "",
        patience: float = 0.0,
        enough: Callable[[], bool] | None = None,
    ) -> Run:
        """Run the connector towards ``host``, a literal or a name, and return the result; nothing is required.

        Args:
            host: The target.
            serving: The server that it should reach.
            certificate_for: The name or address that a certificate of the server is for; empty for ``host``.
            source: The local address that is configured; empty for none.
            patience: Seconds that it may take, if that is more than the manifest's timeouts.connect.
            enough: Whether the run may be stopped before it ends: its packets show everything by then.

        Raises:
            ServiceError: It cannot be executed.
        """
        before = len(serving.accepted())
        if self.connector.runs_on:
            with self.running(host, serving, certificate_for=certificate_for, source=source) as daemon:
                if daemon.wait_ready():
                    daemon.exchange(serving, max(patience, self.allowed), before)
            return self.done[-1][2]
        began = time.time()
        run = self._wait(self._start(host, serving, certificate_for, source), max(patience, self.allowed), enough)
        return self._finish(host, began, run, serving.accepted()[before:])

    @contextlib.contextmanager
    def running(
        self, host: str, serving: ServerHandle, *, certificate_for: str = "", source: str = ""
    ) -> Iterator[Daemon]:
        """Start a daemon towards ``host``, yield it, and stop it at the end of the block; nothing is required.

        Its last `fault` is that of the run.

        Args:
            host: The target.
            serving: The server that it should reach first.
            certificate_for: The name or address that a certificate of the server is for; empty for ``host``.
            source: The local address that is configured; empty for none.

        Raises:
            ServiceError: It cannot be executed.
        """
        began, manifest = time.time(), self._subject.manifest
        daemon = Daemon(
            self.connector,
            self._start(host, serving, certificate_for, source),
            self._host,
            self._journal,
            manifest.timeouts,
            stop=manifest.service.stop_signal,
        )
        try:
            yield daemon
        finally:
            seconds, how = daemon.seconds, daemon.stop()
            log = daemon.program.log()
            self._journal.outputs.append(log.text)
            run = Run(fault=daemon.fault, how=how, seconds=seconds, said=bool(log.last_line), output=log.text)
            self._finish(host, began, run, daemon.clients)

    @contextlib.contextmanager
    def held(self, host: str, serving: ServerHandle) -> Iterator[Program]:
        """Start the connector towards ``host``, yield its program, and stop it at the end of the block.

        It is for a server that never answers: nothing is noted as a run.

        Raises:
            ServiceError: It cannot be executed.
        """
        program = self._start(host, serving)
        try:
            yield program
        finally:
            program.stop("SIGTERM", Deadline(self._subject.manifest.timeouts.stop, "the connector to stop"))
            self._journal.outputs.append(program.log().text)

    def _start(self, host: str, serving: ServerHandle, certificate_for: str = "", source: str = "") -> Program:
        """Start the command towards a target; see `run`."""
        self._started = True
        launch = launch_connector(
            self._subject,
            self.connector,
            self._journal.next_scratch(),
            host=host,
            target=endpoint(host, self.connector.port),
            af_inet6=self._host.spec.af_inet6,
            places=self._places(),
            source=source,
            contained=self._contained,
        )
        self._journal.command = shlex.join(launch.command)
        self._journal.note(f"run the connector: {self._journal.command}")
        if self.connector.tls is not None:
            serving.present(issue([certificate_for or host]))
        serving.forget_peers()
        return self._host.start(launch)

    def _places(self) -> dict[str, str]:
        """Return the values of the placeholders that depend on the host."""
        server, trigger = self.name_server, self.connector.trigger
        places = {"nameserver": bracketed(server)}
        if trigger is not None and trigger.port is not None:
            places["listen"] = endpoint(loopback(self._host), trigger.port)
        return places

    def _finish(self, host: str, began: float, run: Run, clients: Sequence[Accepted]) -> Run:
        """Note the result of a run, with what the server saw; return it."""
        reached = ", ".join(sorted({f"{item.peer} → {item.address}" for item in clients}))
        if self.connector.exit_code == "any" and not clients and not run.fault and run.how and run.how.code != 0:
            run = replace(run, fault=f"it {run.how}{said(run.output)}")  # any code is a success of a connection only
        faults = [f"the client {item.tls.value}" for item in clients if item.tls is not None]
        heads = tuple(item.head for item in clients if item.head)
        unspoken = why_unspoken(self.connector, clients) if run.fault else ""
        run = replace(run, reached=reached, heads=heads, tls=", ".join(dict.fromkeys(faults)), unspoken=unspoken)
        names = tuple(dict.fromkeys(item.server_name for item in clients if item.server_name))
        run = replace(run, dialled=tuple(item.address for item in clients), server_names=names)
        self.done.append((host, began, run))
        seen = f"connections that the peer saw: {len(clients)}" + (f"; {run.tls}" if run.tls else "")
        self._journal.note(f"{run.problem or 'it succeeded'}; {seen}")
        return run

    @property
    def allowed(self) -> float:
        """The seconds that the manifest gives a run: timeouts.connect."""
        return self._subject.manifest.timeouts.connect

    def _wait(self, program: Program, allowed: float, enough: Callable[[], bool] | None) -> Run:
        """Wait for the end of a run, for ``allowed`` seconds (see `Patience`); return what the program shows."""
        connector, timeouts = self.connector, self._subject.manifest.timeouts
        began, patience = time.monotonic(), Patience(program, allowed, "the connector to end")
        problem, how = "", None
        try:
            how = patience.await_end(enough)
            if connector.exit_code not in ("any", how.code):
                problem = f"it {how}"
        except DeadlineExpired:
            seconds = patience.seconds - (patience.deadline.remaining if enough is not None else 0.0)
            problem = f"it had not ended after {seconds:.3g} s"
        seconds = time.monotonic() - began
        self._journal.waited += seconds
        program.stop("SIGTERM", Deadline(timeouts.stop, "the connector to stop"))
        log = program.log()
        self._journal.outputs.append(log.text)
        if not problem and connector.output is not None and not re.search(connector.output, log.text, re.MULTILINE):
            problem = f"its output does not match {connector.output!r}"
        if problem:
            problem += said(log.text)
        return Run(fault=problem, how=how, seconds=seconds, said=bool(log.last_line), output=log.text)
