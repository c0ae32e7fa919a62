"""A world around a listener: the service runs in it, and its peer dials it."""

import contextlib
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, HarnessError, ServiceError
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.protocol import Program
from dualstack.manifest import Listen
from dualstack.prober.messages import Dial, Dialled, Exit, Log, Outcome, Readiness, SocketRow
from dualstack.service import launch_service, readiness_of
from dualstack.wire.expect import answered, refused
from dualstack.world.base import World

_DYING = 0.2
"""Seconds that a service which is about to end is given, after an exchange failed."""


class ListenerWorld(World):
    """A world in which the service listens."""

    _program: Program | None = None
    _bind: str | None = None
    _acl: str | None = None
    _expected: Sequence[Family] | None = None
    _starts = 0
    _dialled = False
    _logged = 0

    @property
    def listener(self) -> Listen:
        """The listener that the case is about."""
        return self.subject.listener(self.case.element)

    # -- the service -----------------------------------------------------------------------------------------------

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
        self._dialled = False
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
        self._program = self.host.start(launch)
        return self._program

    def ready(self, program: Program, families: Sequence[Family] | None = None) -> Readiness:
        """Wait until ``program`` is ready, has ended, or its time is up.

        Args:
            program: What was launched.
            families: The families that it is expected to serve; None for those that it claims and this world has.
        """
        expected = self.families if families is None else families
        readiness = program.wait_ready(readiness_of(self.subject, expected))
        self.waited += readiness.seconds
        state = "ready" if readiness.ready else f"not ready: {readiness.detail}"
        self.note(f"after {readiness.seconds * 1000:.0f} ms the service is {state}")
        self.own_sockets()
        return readiness

    def start(self, bind: str | None = None, families: Sequence[Family] | None = None, acl: str | None = None) -> None:
        """Start the service and wait until it is ready; see `launch` and `ready`.

        Raises:
            ServiceError: It cannot be executed, ended, or did not become ready in time.
        """
        self._expected = families
        readiness = self.ready(self.launch(bind, acl), families)
        if not readiness.ready:
            raise ServiceError(f"the service did not become ready: {readiness.detail}{self.last_words()}")

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
        how = program.stop(self.subject.manifest.service.stop_signal, deadline)
        self.waited += time.monotonic() - began
        words = f"it had ended by itself: it {already}" if already else f"it {how}"
        if how is None:
            words = "what it left behind had to be killed" if already else "it had to be killed"
        self.note(f"stop the service: {words}")
        self._logs.append(program.log().text)
        return how

    def _stop_all(self) -> None:
        """Stop the service."""
        self.stop()

    @property
    def log(self) -> Log:
        """What the running service has written so far."""
        return self._program.log() if self._program else Log(text="", size=0)

    def last_words(self) -> str:
        """Return the last line of the service's output, as the end of a sentence."""
        last = self.log.last_line
        return f'; its last line: "{last}"' if last else "; it printed nothing"

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
        return listening

    # -- its clients -----------------------------------------------------------------------------------------------

    def dial(self, family: Family, address: str, *, source: str = "", port: int = 0, timeout: float = 0.0) -> Dialled:
        """Hold one exchange with the service from the peer, and note it.

        Args:
            family: The family to dial over.
            address: The address to dial.
            source: The peer's address to dial from; empty for its first one.
            port: The port; 0 for the listener's.
            timeout: Seconds; 0 for what the manifest allows an exchange.
        """
        dial = self.exchange(family, address)
        dial = replace(dial, source=source or dial.source, port=port or dial.port, timeout=timeout or dial.timeout)
        return self.carry_out(dial)

    def exchange(self, family: Family, address: str = "") -> Dial:
        """Return what one exchange with the listener is, from the peer's first address of the family.

        Args:
            family: The family to dial over.
            address: The address to dial; empty for the service's first one.
        """
        listener = self.listener
        return Dial(
            family=family,
            address=address or self.addresses(family)[0],
            port=listener.port,
            transport=listener.transport,
            protocol=listener.protocol,
            source=next(iter(self.peer.plan.configured[family]), ""),
            send=listener.send,
            expect=listener.expect,
            timeout=self.subject.manifest.timeouts.exchange,
        )

    def carry_out(self, dial: Dial) -> Dialled:
        """Hold an exchange from the peer, whatever it is, and note it."""
        listener = self.listener
        if listener.one_connection and self._dialled:
            self.start(self._bind, self._expected, self._acl)
        self._dialled = True
        if listener.peer_log is not None:
            self._logged = self.log.size
        dialled = self.peer.prober.dial(dial)
        self.waited += dialled.seconds
        where = f"{dial.transport.value} {endpoint(dial.address, dial.port)}"
        own = self.peer.plan.configured[dial.family][:1]
        source = f" from {dial.source}" if dial.source and dial.source not in own else ""
        self.note(f"dial {where}{source}: {dialled.detail}")
        return dialled

    def served(self) -> tuple[Family, ...]:
        """Return the claimed families over which the service answers while nothing disturbs it.

        Raises:
            ServiceError: It answers over none.
        """
        served = tuple(
            family for family in self.families if self.carry_out(self.exchange(family)).outcome is Outcome.ANSWERED
        )
        if not served:
            raise ServiceError("the service serves no family even when nothing disturbs it")
        return served

    def answers(self, family: Family, address: str, *, times: int = 1, source: str = "") -> Dialled:
        """Require that clients of ``family`` are answered at ``address``; return the last exchange."""
        for _ in range(times):
            dialled = self.dial(family, address, source=source)
            ok = dialled.outcome is Outcome.ANSWERED
            self.works[family.value] = self.works.get(family.value, True) and ok
            if not ok:
                break
        where = endpoint(address, self.listener.port)
        happened = dialled.detail if ok else dialled.detail + self._obituary()
        self.require(Finding(ok, f"an {family.label} client is answered at {where}", happened))
        return dialled

    def answers_if(self, dial: Dial, manner: str) -> Dialled:
        """Require that one client is answered although its exchange is special: ``manner`` says how, after "that"."""
        self.note(f"the next client {manner}")
        dialled = self.carry_out(dial)
        ok = dialled.outcome is Outcome.ANSWERED
        self.works[dial.family.value] = self.works.get(dial.family.value, True) and ok
        where = endpoint(dial.address, dial.port)
        happened = dialled.detail if ok else dialled.detail + self._obituary()
        self.require(Finding(ok, f"an {dial.family.label} client that {manner} is answered at {where}", happened))
        return dialled

    def denies(self, family: Family, address: str) -> None:
        """Require that a client of ``family`` is not served at ``address``, as its manifest says that this looks."""
        dialled = self.dial(family, address)
        ok = dialled.outcome in {Outcome.REFUSED, Outcome.SILENT} or self._is_denial(dialled)
        where = endpoint(address, self.listener.port)
        self.require(Finding(ok, f"an {family.label} client is denied at {where}", dialled.detail))

    def admits(self, family: Family, address: str) -> None:
        """Require that a client of ``family`` is served at ``address``, and not with what a denied one is answered."""
        dialled = self.dial(family, address)
        denied = self._is_denial(dialled)
        ok = dialled.outcome is Outcome.ANSWERED and not denied
        self.works[family.value] = self.works.get(family.value, True) and ok
        where = endpoint(address, self.listener.port)
        happened = f"it is denied: {dialled.detail}" if denied else dialled.detail + ("" if ok else self._obituary())
        self.require(Finding(ok, f"an {family.label} client is served at {where}", happened))

    def _is_denial(self, dialled: Dialled) -> bool:
        """Return whether an answer is what a denied client gets."""
        acl = self.listener.acl
        return acl is not None and acl.denied is not None and re.search(acl.denied, dialled.answer) is not None

    def refuses(self, family: Family, address: str) -> None:
        """Require that a client of ``family`` is refused at ``address``, at once and not by silence."""
        within = self.subject.manifest.timeouts.refuse
        dialled = self.dial(family, address, timeout=within)
        where = endpoint(address, self.listener.port)
        self.require(
            Finding(
                dialled.outcome is Outcome.REFUSED,
                f"an {family.label} client is refused at {where} within {within:g} s",
                dialled.detail,
            )
        )

    def shown_peer(self, dialled: Dialled) -> str:
        """Return the client's address as the service shows it, in its answer or in its log; empty if it does not.

        A client that was not answered is not waited for: the service may never have seen it.
        """
        listener = self.listener
        if dialled.outcome is not Outcome.ANSWERED:
            return ""
        if listener.peer_reply is not None:
            found = re.search(listener.peer_reply, dialled.answer)
        elif listener.peer_log is not None and self._program is not None:
            # Only what was written since this client was dialled is about it.
            deadline = Deadline(self.subject.manifest.timeouts.exchange, "the client's address in the log")
            line = self._program.wait_log(listener.peer_log, deadline, self._logged)
            found = re.search(listener.peer_log, line) if line is not None else None
        else:
            found = None
        return found[1] if found else ""

    # -- the wire --------------------------------------------------------------------------------------------------

    def shows_served(self, family: Family) -> None:
        """Require that every attempt over ``family`` was answered over it, from the address that was dialled."""
        listener = self.listener
        self.shows(lambda wire: answered(wire, listener.port, family, transport=listener.transport))

    def shows_refused(self, family: Family) -> None:
        """Require that every attempt over ``family`` was refused in time."""
        listener = self.listener
        within = self.subject.manifest.timeouts.refuse
        self.shows(lambda wire: refused(wire, listener.port, family, transport=listener.transport, within=within))
