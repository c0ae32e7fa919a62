"""A world in which the service listens: it is started, watched and stopped there."""

import contextlib
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from dualstack.complaint import said
from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, HarnessError, Inconclusive, ServiceError
from dualstack.facts import Start
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.lab.protocol import Backend, Program
from dualstack.manifest import Listen
from dualstack.plan import PlannedCase
from dualstack.prober.messages import Await, Exit, Launch, Log, Readiness, SocketRow
from dualstack.results import NOT_READY
from dualstack.service import launch_reload, launch_service, readiness_of
from dualstack.world.base import World
from dualstack.world.clients import Clients, clients_of
from dualstack.world.readiness import await_exchange

_KILLING = 10.0
"""Seconds within which what was killed must be gone."""

_DYING = 0.2
"""Seconds that a service which is about to end is given, after an exchange failed."""

_LATE = 5.0
"""Seconds that a socket is waited for which was missing when the service said that it was ready."""

_never_late: set[tuple[str, str]] = set()
"""The listeners, by service and name, of which no socket came late when it was waited for: that is done once."""

_NO_ADDRESS = re.compile(r"(?i)cannot assign requested address|address not available|EADDRNOTAVAIL")
"""How it reads that an address to bind does not exist: strerror's text with two C libraries, or its name."""


class ServingWorld(World):
    """A world in which the service listens, without anybody who dials it.

    Attributes:
        whole_output: What the service wrote between its last start and its end.
    """

    _program: Program | None = None
    _launched: Launch | None = None
    _bind: str | None = None
    _acl: str | None = None
    _expected: Sequence[Family] | None = None
    _starts = 0
    _was_ready = False
    _ever: tuple[SocketRow, ...] = ()

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """See `World`."""
        super().__init__(case, backend, folder)
        self._left: list[Program] = []
        self.whole_output = ""
        self.launched: list[Start] = []
        """The starts of the service so far, each with how it went."""
        self.late: frozenset[Family] = frozenset()
        """The families whose socket came only a while after the service was ready."""

    @property
    def unstarted(self) -> bool:
        """Whether the service was started, and never became ready."""
        return bool(self._starts) and not self._was_ready

    @property
    def listener(self) -> Listen:
        """The listener that the case is about."""
        return self.subject.listener(self.case.element)

    @cached_property
    def clients(self) -> Clients:
        """Whom the listener is for: clients on the link, or on the service's own host."""
        return clients_of(self.listener.reach, self.lab)

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that the listener claims and over which its clients can reach it in this world."""
        return tuple(family for family in BOTH if family in self.listener.families and self.addresses(family))

    def addresses(self, family: Family) -> tuple[str, ...]:
        """Return the service's addresses of the family, as its clients dial them in this world."""
        return self.clients.addresses[family]

    def launch(self, bind: str | None = None, acl: str | None = None) -> Program:
        """Start the service without waiting for it; one that runs is stopped first.

        Args:
            bind: What ``{bind}`` stands for; None for the manifest's default.
            acl: What ``{acl}`` stands for; None for what serves everybody.

        Raises:
            ServiceError: It cannot be executed.
        """
        self.stop()
        self._bind, self._acl = bind, acl
        self._starts += 1
        self.launched.append(Start(bind=self.subject.default_bind(self.listener) if bind is None else bind))
        self.sockets = ()
        binds = None if bind is None else {self.listener.name: bind}
        launch = launch_service(
            self.subject,
            self.scratch(self._starts),
            af_inet6=self.host.spec.af_inet6,
            binds=binds,
            acls=None if acl is None else {self.listener.name: acl},
            contained=self.contained,
        )
        self.command = shlex.join(launch.command) or f"what the image {launch.image} executes by itself"
        self.note(f"start the service: {self.command}")
        self._launched = launch
        self._program = self.host.start(launch)
        return self._program

    def reload(self, how: str | list[str]) -> None:
        """Make the running service read its configuration again, by a signal to its first process or by a command.

        Raises:
            HarnessError: It was not started.
            Inconclusive: The command fails.
        """
        if self._launched is None:
            raise HarnessError("the service was not started")
        if isinstance(how, str):
            self.note(f"send {how} to the service: it reads its configuration again")
            self.program.signal(how)
            return
        launch = launch_reload(self.subject, self._launched, how, contained=self.contained)
        words = shlex.join(launch.command)
        self.note(f"make the service read its configuration again: {words}")
        command = self.host.start(launch)
        self._left.append(command)
        end = command.wait(Deadline(self.subject.manifest.timeouts.ready, f"{words} to end"))
        if end.code != 0:
            raise Inconclusive(f"the reload command {end}: {words}: {command.log().last_line or 'it printed nothing'}")

    def ready(
        self, program: Program, families: Sequence[Family] | None = None, within: float | None = None
    ) -> Readiness:
        """Wait until ``program`` is ready, has ended, or its time is up.

        Args:
            program: What was launched.
            families: The families that it is expected to serve; None for those that it claims and this world has.
            within: Seconds that it may take; None for what the manifest allows.
        """
        condition = readiness_of(self.subject, self.families if families is None else families)
        if within is not None:
            condition = replace(condition, timeout=within)
        readiness = program.wait_ready(condition)
        if readiness.ready and self.subject.manifest.ready.exchange:
            readiness = self._ready_to_serve(program, condition, readiness.seconds)
        self.waited += readiness.seconds
        self._went(readiness.exit, ready=readiness.ready, seconds=readiness.seconds)
        self._was_ready |= readiness.ready
        state = "ready" if readiness.ready else f"not ready: {readiness.detail}"
        self.note(f"after {readiness.seconds * 1000:.0f} ms the service is {state}")
        self.own_sockets()
        return readiness

    def _ready_to_serve(self, program: Program, condition: Await, passed: float) -> Readiness:
        """Wait, after ``passed`` seconds, until an exchange with the first listener succeeds."""
        readiness = await_exchange(
            self.subject.listen[0],
            self.lab,
            program,
            condition.families,
            max(condition.timeout - passed, 0.0),
            restricted=self._acl is not None,
        )
        return replace(readiness, seconds=passed + readiness.seconds)

    def start(self, bind: str | None = None, families: Sequence[Family] | None = None, acl: str | None = None) -> None:
        """Start the service and wait until it is ready; see `launch` and `ready`.

        Raises:
            ServiceError: It cannot be executed, ended, or did not become ready in time.
        """
        self._expected = families
        readiness = self.ready(self.launch(bind, acl), families)
        if not readiness.ready:
            why = f"{readiness.detail}{self._missing_loopback()}{self.last_words()}"
            raise ServiceError(f"{NOT_READY}: {why}")

    def ensure(self, families: Sequence[Family]) -> None:
        """Start the service, as `start` does, unless it runs already and serves as many clients as there are."""
        if self.listener.one_connection or self._program is None or self._program.poll() is not None:
            self.start(families=families)

    @property
    def program(self) -> Program:
        """The service as it runs.

        Raises:
            HarnessError: It was not started.
        """
        if self._program is None:
            raise HarnessError("the service was not started")
        return self._program

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Keep every process of the service stopped."""
        self.program.pause()
        self.note("the service is stopped where it is")
        try:
            yield
        finally:
            self.program.resume()
            self.note("the service goes on")

    def survives(self, what: str) -> None:
        """Require that the service has not ended after what was done to it, as the end of a sentence."""
        how = self.program.poll()
        happened = f"it {how}{self.last_words()}" if how else "it runs on"
        self.require(Finding(how is None, f"the service runs on after {what}", happened))

    def ended(self, program: Program, deadline: Deadline) -> Exit | None:
        """Wait for the program's end; return None if it still runs when the time is up."""
        began = time.monotonic()
        try:
            how = program.wait(deadline)
        except DeadlineExpired:
            how = None
        self.waited += time.monotonic() - began
        if program is self._program:
            self._went(how, seconds=self.waited)
        self.note(f"the service {how}" if how else f"after {deadline.seconds:g} s the service still runs")
        return how

    def stop(self) -> Exit | None:
        """Stop the service, if one runs; its output is kept."""
        program, self._program = self._program, None
        if program is None:
            return None
        began = time.monotonic()
        deadline = Deadline(self.subject.manifest.timeouts.stop, "the service to stop")
        already = program.poll()
        self._went(already)
        how = program.stop(self.subject.manifest.service.stop_signal, deadline)
        self.waited += time.monotonic() - began
        words = f"it had ended by itself: it {already}" if already else f"it {how}"
        if how is None:
            words = "what it left behind had to be killed" if already else "it had to be killed"
        self.note(f"stop the service: {words}")
        self.whole_output = program.log().text
        self._logs.append(self.whole_output)
        return how

    def written(self) -> str:
        """Return the text files in the private folder of the last start, log files mostly, as one text."""
        return "\n".join(self.host.prober.texts(self.scratch(self._starts)))

    def leave(self, signal: str) -> Exit | None:
        """Send a signal to the service's first process alone, and wait for its end; return None if it still runs.

        Whatever it leaves behind lives on, beside a service that is started later, until the case ends.
        """
        program, self._program = self._program, None
        if program is None:
            return None
        self._left.append(program)
        self.note(f"send {signal} to the service's first process")
        program.signal(signal)
        return self.ended(program, Deadline(self.subject.manifest.timeouts.stop, "the service to stop"))

    def _went(self, how: Exit | None, *, ready: bool | None = None, seconds: float | None = None) -> None:
        """Keep how the last start went, as far as it is known now; ``how`` is how it ended by itself."""
        last = self.launched[-1]
        last = replace(last, ready=last.ready if ready is None else ready, seconds=seconds or last.seconds)
        if how is not None and not last.ended:
            last = replace(last, ended=str(how), signal=how.signal, code=how.code)
        self.launched[-1] = last

    def _look_again(self) -> None:
        """Where the running service has no socket for a family that was not served, wait a little for that socket.

        It tells a listener that was reported ready too early from one that never serves the family.
        """
        if self._program is None or self._program.poll() is not None:
            return
        key = (self.subject.name, self.listener.name)
        lost = {family for family in self.families if self.works.get(family.value) is False} - self._taken()
        if not lost or key in _never_late:
            return
        Deadline(_LATE, "the missing socket").until(lambda: bool(lost & self._taken()))
        self.late = frozenset(lost & self._taken())
        if self.late:
            self.note(f"a socket for {' and '.join(sorted(item.label for item in self.late))} has appeared by now")
        else:
            _never_late.add(key)

    def _taken(self) -> set[Family]:
        """Return the families that the service's sockets on the port take now."""
        port, transport = self.listener.port, self.listener.transport.value
        rows = [row for row in self.own_sockets() if (row.port, row.transport) == (port, transport)]
        return {family for row in rows for family in row.serves}

    @property
    def ever(self) -> tuple[SocketRow, ...]:
        """Every socket that the service was seen to listen with (UDP: to have bound), each once."""
        return tuple(dict.fromkeys(self._ever))

    def _stop_all(self) -> None:
        """Stop the service, and kill what others have left behind."""
        self._look_again()
        self.stop()
        for program in self._left:
            program.stop("SIGKILL", Deadline(_KILLING, "what the service left behind to end"))
            self._logs.append(program.log().text)
        self._left.clear()

    @property
    def log(self) -> Log:
        """What the running service has written so far."""
        return self._program.log() if self._program else Log(text="", size=0)

    def last_words(self) -> str:
        """Return what the service's output says of its failure, as the end of a sentence."""
        return said(self.log.text)

    def _missing_loopback(self) -> str:
        """Say that a loopback address is missing if the service says that an address is, as a part of a sentence."""
        missing = [family.loopback for family in BOTH if family not in self.lab.topology.loopbacks()]
        lines = self.log.text.splitlines()
        told = next((line.strip() for line in lines if missing and _NO_ADDRESS.search(line)), "")
        if not told:
            return ""
        return f'; this host has no {" and no ".join(missing)}, and the service says: "{told[:200]}"'

    def _obituary(self) -> str:
        """Say how the service ended and what it wrote last, if it has ended, as the end of a sentence.

        A reset may arrive before the kernel has finished with the process that was to blame for it.
        """
        if self._program is None:
            return ""
        try:
            how = self._program.wait(Deadline(_DYING, "the service to end"))
        except DeadlineExpired:
            return ""
        return f"; the service {how}{self.last_words()}"

    def own_sockets(self) -> tuple[SocketRow, ...]:
        """Return the sockets on which the service listens (UDP: which it has bound), as the kernel shows them now."""
        rows = [row for row in self.host.prober.sockets() if row.owner and not row.owner.endswith("(1)")]
        listening = tuple(row for row in rows if row.state in {"LISTEN", "UNCONN"})
        self.sockets = listening or self.sockets
        self._ever += listening
        return listening
