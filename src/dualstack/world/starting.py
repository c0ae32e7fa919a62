"""A world in which a service is started as it is configured, and each of its connectors is run once."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dualstack.complaint import said
from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, ServiceError
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.lab.protocol import Backend
from dualstack.manifest import Connect, Listen
from dualstack.plan import PlannedCase
from dualstack.prober.messages import Exit, Names
from dualstack.prober.names import query_name
from dualstack.prober.readiness import duration
from dualstack.startup import WHOLE
from dualstack.wire.presence import sends
from dualstack.world.connecting import DNS, ConnectorWorld
from dualstack.world.serving import ServingWorld

_MOMENT = 0.2
"""Seconds for which a service that is ready must stay up."""

_COMMAND = 200
"""How many characters of a command are shown."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came of the runs of a connector.

    Attributes:
        name: The connector's name.
        fault: Why it failed, if it ended unsuccessfully each time and nothing of it has reached the peer.
        command: Its last command, as a shell line.
        began: When it was first run, in seconds since the epoch.
        ended: When the last run was over.
    """

    name: str
    fault: str
    command: str
    began: float
    ended: float


class StartWorld(ServingWorld, ConnectorWorld):
    """A world for the service as a whole.

    Attributes:
        faults: Why parts of it do not start, by the name of the listener or connector; `WHOLE` for all of it.
    """

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """See `World`."""
        super().__init__(case, backend, folder)
        self.faults: dict[str, str] = {}
        self._connector: Connect | None = None

    @property
    def element(self) -> Listen | Connect:
        """Its first listener, or connector where there is none."""
        return self.subject.elements[0]

    @property
    def listener(self) -> Listen:
        """Its first listener."""
        return self.subject.listen[0]

    @property
    def connector(self) -> Connect:
        """The connector that runs."""
        assert self._connector is not None  # noqa: S101 - `_try` sets it
        return self._connector

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports of everything that it has, and DNS."""
        return (*(item.port for item in self.subject.elements), DNS)

    def require_start(self) -> None:
        """Require that the service becomes ready with the ports of its listeners open, and that its connectors run."""
        if self.subject.listen:
            self._shows(WHOLE, "the service becomes ready on an ordinary dual-stack host", self._why_not_ready())
        if self.subject.listen and not self.faults and self.subject.manifest.ready.listening:
            self._shows_ports()
        runs = [self._try(connector) for connector in self.subject.manifest.connect]
        for tried in runs:
            sent = not tried.fault or sends(self.wire(), tried.began, tried.ended)
            expected = f"{tried.name} succeeds, or sends at least one packet"
            self._shows(tried.name, expected, "" if sent else tried.fault, tried.command)

    def _shows_ports(self) -> None:
        """Require that the service, which is ready, opens all of its ports and stays up."""
        for listener in self.subject.listen:
            if WHOLE in self.faults:
                return
            fault = self._why_closed(listener)
            part = listener.name if self._gone() is None else WHOLE
            self._shows(part, f"{listener.name} opens {_place(listener)}", fault)
        if not self.faults:
            self._shows(WHOLE, f"it still runs {_MOMENT:g} s later", self._why_ended())

    def _shows(self, part: str, expected: str, fault: str, command: str = "") -> None:
        """Require that a part starts: that there is no ``fault``, which the finding repeats with advice."""
        if fault:
            self.faults[part] = fault
        advice = f"; check the manifest or the command first: {(command or self.command)[:_COMMAND]}"
        self.require(Finding(not fault, expected, f"{fault}{advice}" if fault else "it does"))

    def _why_not_ready(self) -> str:
        """Start the service; return why it is not ready, or nothing."""
        try:
            readiness = self.ready(self.launch(), families=())
        except ServiceError as error:
            return str(error)
        return "" if readiness.ready else f"{readiness.detail}{said(self.log.text)}"

    def _why_closed(self, listener: Listen) -> str:
        """Wait for a listener's port; return why it is not open, or nothing."""
        wanted, seconds = (listener.port, listener.transport.value), self.subject.manifest.timeouts.ready

        def opened() -> bool:
            """Return whether it is open."""
            return wanted in {(row.port, row.transport) for row in self.own_sockets()}

        if Deadline(seconds, "the port").until(lambda: opened() or self._gone() is not None) and opened():
            return ""
        if ended := self._gone():
            return self._soon(ended)
        return f"{_place(listener)} is still closed after {duration(seconds)}{said(self.log.text)}"

    def _why_ended(self) -> str:
        """Give the service a moment; return why it has ended since it was ready, or nothing."""
        if self.program.poll() is None:
            with contextlib.suppress(DeadlineExpired):
                self.program.wait(Deadline(_MOMENT, "the service to end"))
        ended = self._gone()
        return self._soon(ended) if ended else ""

    def _soon(self, how: Exit) -> str:
        """Say that the service has ended."""
        return f"it {how} as soon as it was ready{said(self.log.text)}"

    def _gone(self) -> Exit | None:
        """Return how the service ended; None if it runs, or has left a process behind that has its sockets."""
        return None if self.own_sockets() else self.program.poll()

    def _try(self, connector: Connect) -> "_Tried":
        """Run a connector towards each kind of target that it takes, until it does something."""
        self.stop()
        self._connector = connector
        began, fault = time.time(), ""
        plan = self.peer.plan
        listen = tuple(address for family in Family for address in plan.configured[family][:1])
        records = Names(listen, a=(plan.address(Family.IPV4),), aaaa=(plan.address(Family.IPV6),))
        with self.peer.prober.names(records) as names, self.serve(*BOTH) as serving:
            for host in self._targets(connector):
                try:
                    run = self.run(host, serving)
                except ServiceError as error:
                    fault = str(error)
                    break
                if run.alive or names.queries():
                    fault = ""
                    break
                fault = fault or run.fault
        return _Tried(connector.name, fault, self.command, began, time.time())

    def _targets(self, connector: Connect) -> Iterator[str]:
        """Yield a target of each kind that a connector takes: it may take literals of one family alone."""
        if connector.names:
            yield query_name(a="ok", aaaa="ok")
        if connector.literals:
            yield from (self.peer.plan.address(family) for family in BOTH)


def _place(listener: Listen) -> str:
    """Return transport and port of a listener."""
    return f"{listener.transport.value.upper()} port {listener.port}"
