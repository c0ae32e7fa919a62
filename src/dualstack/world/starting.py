"""The world of the service as a whole: it is started as its manifest says, and each of its connectors runs once."""

import contextlib
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, Inconclusive, ServiceError
from dualstack.facts.log import own_collision
from dualstack.families import BOTH, endpoint
from dualstack.finding import Finding
from dualstack.lab.files import resolver_of
from dualstack.lab.protocol import Backend
from dualstack.manifest import Connect, Listen
from dualstack.plan import PlannedCase
from dualstack.prober.messages import Exit
from dualstack.prober.readiness import duration
from dualstack.startup import WHOLE
from dualstack.wire.dns import DNS_PORT
from dualstack.wire.presence import sends
from dualstack.world.base import World
from dualstack.world.runs import ConnectorRuns
from dualstack.world.servers import serve_connector, serve_names, targets_of
from dualstack.world.service import Service

_STAYS_UP = 0.2
"""Seconds for which a service that is ready must keep running."""

_COMMAND_SHOWN = 200
"""How many characters of a command are shown."""


@dataclass(frozen=True, slots=True)
class _ConnectorStart:
    """The result of the runs of a connector.

    Attributes:
        name: The connector's name.
        fault: Why it failed; empty if a run succeeded, had to be killed, or reached the peer.
        command: Its last command, as a shell line.
        began: When it was first run, in seconds since the epoch.
        ended: When the last run was over.
        completed: Whether a run completed its exchange.
    """

    name: str
    fault: str
    command: str
    began: float
    ended: float
    completed: bool


class StartWorld(World):
    """A world for the service as a whole.

    Attributes:
        faults: Why parts of it do not start, by the name of the listener or connector; `WHOLE` for all of it.
        completed: The names of its connectors that have completed an exchange.
    """

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """Prepare a world; nothing is made before it is entered."""
        super().__init__(case, backend, folder)
        self.faults: dict[str, str] = {}
        self.completed: frozenset[str] = frozenset()

    @property
    def element(self) -> Listen | Connect:
        """Its first listener, or connector where there is none."""
        return self.subject.elements[0]

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports of all its listeners and connectors, and DNS."""
        return (*(item.port for item in self.subject.elements), DNS_PORT)

    @cached_property
    def service(self) -> Service:
        """The service; it must have a listener."""
        return Service(self.subject, self.subject.listen[0], self.lab, self.journal, contained=self.contained)

    def require_start(self) -> None:
        """Require that the service becomes ready with the ports of its listeners open, and that its connectors run."""
        if self.subject.listen:
            self._shows(WHOLE, "the service becomes ready on an ordinary dual-stack host", self._why_not_ready())
        if self.subject.listen and not self.faults and self.subject.manifest.ready.listening:
            self._shows_ports()
        starts = [self._start_connector(connector) for connector in self.subject.manifest.connect]
        self.completed = frozenset(start.name for start in starts if start.completed)
        for start in starts:
            sent = not start.fault or sends(self.wire(), start.began, start.ended)
            expected = f"{start.name} succeeds, or sends at least one packet"
            self._shows(start.name, expected, "" if sent else start.fault, start.command)

    def _shows_ports(self) -> None:
        """Require that the service, which is ready, opens all of its ports and stays up."""
        for listener in self.subject.listen:
            if WHOLE in self.faults:
                return
            fault = self._why_closed(listener)
            part = listener.name if self._exit_status() is None else WHOLE
            self._shows(part, f"{listener.name} opens {_place(listener)}", fault)
        if not self.faults:
            self._shows(WHOLE, f"it still runs {_STAYS_UP:g} s later", self._why_ended())

    def _shows(self, part: str, expected: str, fault: str, command: str = "") -> None:
        """Require that a part starts: that there is no ``fault``, which the finding repeats with advice."""
        if fault:
            self.faults[part] = fault
        command = (command or self.journal.command)[:_COMMAND_SHOWN]
        collision = own_collision(fault)
        advice = f"{collision}; the command" if collision else "; check the manifest or the command first"
        self.require(Finding(not fault, expected, f"{fault}{advice}: {command}" if fault else "it does"))

    def _why_not_ready(self) -> str:
        """Start the service; return why it is not ready, or nothing.

        Raises:
            Inconclusive: The machine starved it of processor time.
        """
        try:
            readiness = self.service.wait_ready(self.service.launch(), families=())
        except ServiceError as error:
            return str(error)
        if readiness.hardly_ran:
            raise Inconclusive(f"{readiness.detail}; {readiness.hardly_ran}")
        return "" if readiness.ready else f"{readiness.detail}{self.service.last_log_line()}"

    def _why_closed(self, listener: Listen) -> str:
        """Wait for a listener's port; return why it is not open, or nothing."""
        wanted, seconds = (listener.port, listener.transport.value), self.subject.manifest.timeouts.ready

        def is_open() -> bool:
            return wanted in {(row.port, row.transport) for row in self.service.sockets.read()}

        deadline = Deadline(seconds, "the port")
        if deadline.until(lambda: is_open() or self._exit_status() is not None) and is_open():
            return ""
        if ended := self._exit_status():
            return self._early_exit(ended)
        return f"{_place(listener)} is still closed after {duration(seconds)}{self.service.last_log_line()}"

    def _why_ended(self) -> str:
        """Wait a moment; return why the service has ended since it was ready, or nothing."""
        program = self.service.program
        if program.poll() is None:
            with contextlib.suppress(DeadlineExpired):
                program.wait(Deadline(_STAYS_UP, "the service to end"))
        ended = self._exit_status()
        return self._early_exit(ended) if ended else self.service.components.look()

    def _early_exit(self, how: Exit) -> str:
        """Return that the service has ended, with its last log line."""
        return f"it {how} as soon as it was ready{self.service.last_log_line()}"

    def _exit_status(self) -> Exit | None:
        """Return how the service ended; None if it runs, or has left a process behind that has its sockets."""
        return None if self.service.sockets.read() else self.service.program.poll()

    def _start_connector(self, connector: Connect) -> _ConnectorStart:
        """Run a connector towards each kind of target that it takes, until it does something that the server knows."""
        self._stop_all()
        resolver = resolver_of(self.lab.plan, self.host.name)
        runs = ConnectorRuns(
            self.subject, connector, self.host, self.journal, contained=self.contained, name_server=resolver
        )
        began, fault, alive = time.time(), "", False
        addresses = tuple(self.peer.plan.configured[family][0] for family in BOTH)
        with serve_names(self.peer) as names:
            self.note("the peer listens on " + " and ".join(endpoint(item, connector.port) for item in addresses))
            with serve_connector(self.peer, connector, addresses) as serving:
                for host in targets_of(connector, self.peer):
                    try:
                        run = runs.run(host, serving)
                    except ServiceError as error:
                        fault = str(error)
                        break
                    alive = alive or run.alive or bool(names.queries())
                    fault = "" if alive else fault or run.fault
                    if alive and not run.unspoken:
                        break
        completed = any(not run.problem for _, _, run in runs.done)
        return _ConnectorStart(connector.name, fault, self.journal.command, began, time.time(), completed)

    def _stop_all(self) -> None:
        """Stop the service and its components."""
        if not self.subject.listen:
            return
        if self.service.current is not None:
            self.service.sockets.read()  # those that were opened late belong into the record
        self.service.close()


def _place(listener: Listen) -> str:
    """Return transport and port of a listener."""
    return f"{listener.transport.value.upper()} port {listener.port}"
