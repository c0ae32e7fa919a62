"""A world around a listener: the service runs in it, and its peer dials it."""

import contextlib
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, HarnessError, ServiceError
from dualstack.families import BOTH, Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.protocol import Backend, Program
from dualstack.manifest import Listen, Protocol
from dualstack.plan import PlannedCase
from dualstack.prober.client import Staying
from dualstack.prober.messages import Dial, Dialled, Exit, Log, Outcome, Readiness, SocketRow, Stay
from dualstack.service import launch_service, readiness_of
from dualstack.wire.expect import answered, refused, stays_inside
from dualstack.world.base import World
from dualstack.world.clients import Clients, clients_of

_KILLING = 10.0
"""Seconds within which what was killed must be gone."""

_DYING = 0.2
"""Seconds that a service which is about to end is given, after an exchange failed."""

_NO_ADDRESS = re.compile(r"(?i)cannot assign requested address|address not available|EADDRNOTAVAIL")
"""How it reads that an address to bind does not exist: strerror's text with two C libraries, or its name."""


class ListenerWorld(World):
    """A world in which the service listens."""

    _program: Program | None = None
    _bind: str | None = None
    _acl: str | None = None
    _expected: Sequence[Family] | None = None
    _starts = 0
    _ever: tuple[SocketRow, ...] = ()
    _dialled = False
    _logged = 0

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """See `World`."""
        super().__init__(case, backend, folder)
        self._left: list[Program] = []
        self._staying: list[Staying] = []

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

    def sources(self, family: Family) -> tuple[str, ...]:
        """Return the addresses of the family that its clients have."""
        return self.clients.sources[family]

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
            why = f"{readiness.detail}{self._missing_loopback()}{self.last_words()}"
            raise ServiceError(f"the service did not become ready: {why}")

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

    def _stop_all(self) -> None:
        """Stop the service, kill what others have left behind, and let clients go."""
        self.stop()
        for program in self._left:
            program.stop("SIGKILL", Deadline(_KILLING, "what the service left behind to end"))
            self._logs.append(program.log().text)
        self._left.clear()
        for staying in self._staying:
            staying.close()

    @property
    def log(self) -> Log:
        """What the running service has written so far."""
        return self._program.log() if self._program else Log(text="", size=0)

    def last_words(self) -> str:
        """Return the last line of the service's output, as the end of a sentence."""
        last = self.log.last_line
        return f'; its last line: "{last}"' if last else "; it printed nothing"

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

    # -- its clients -----------------------------------------------------------------------------------------------

    def entrances(self, family: Family) -> tuple[str, ...]:
        """Return the addresses at which the service must be reachable: all of the host's.

        Of a datagram service it is one alone, that from which the kernel answers where it is let: whether the others
        answer for themselves is what UDP-001 and UDP-002 are about.
        """
        alone = not self.is_tcp and not self.clients.inside
        return (self.host.plan.favourite(family),) if alone else self.addresses(family)

    def dial(
        self,
        family: Family,
        address: str,
        *,
        source: str = "",
        port: int = 0,
        timeout: float = 0.0,
        size: int = 250,
        send: str | None = None,
        clients: Clients | None = None,
    ) -> Dialled:
        """Hold one exchange with the service, and note it.

        Args:
            family: The family to dial over.
            address: The address to dial.
            source: The client's address to dial from; empty for its first one, or for what the kernel chooses towards
                an address with a zone.
            port: The port; 0 for the listener's.
            timeout: Seconds; 0 for what the manifest allows an exchange.
            size: How many bytes are said with protocol echo or upper.
            send: What is said with protocol exchange; None for what the manifest says.
            clients: Who dials; None for those whom the listener is for.
        """
        dial = self.exchange(family, address, clients)
        dial = replace(
            dial,
            source=source or dial.source,
            port=port or dial.port,
            send=dial.send if send is None else send,
            timeout=timeout or dial.timeout,
            token_size=size,
        )
        return self.carry_out(dial, clients)

    def exchange(
        self, family: Family, address: str = "", clients: Clients | None = None, protocol: Protocol | None = None
    ) -> Dial:
        """Return what one exchange with the listener is, from the clients' first address of the family.

        Towards an address with a zone the kernel chooses the client's.

        Args:
            family: The family to dial over.
            address: The address to dial; empty for the service's first one.
            clients: Who dials; None for those whom the listener is for.
            protocol: What is said; None for what the listener speaks.
        """
        listener, clients = self.listener, clients or self.clients
        own = protocol in (None, listener.protocol)
        return Dial(
            family=family,
            address=address or self.addresses(family)[0],
            port=listener.port,
            transport=listener.transport,
            protocol=protocol or listener.protocol,
            source="" if "%" in address else next(iter(clients.sources[family]), ""),
            send=listener.send if own else None,
            expect=listener.expect if own else None,
            timeout=self.subject.manifest.timeouts.exchange,
        )

    def carry_out(self, dial: Dial, clients: Clients | None = None) -> Dialled:
        """Hold an exchange, whatever it is, and note it."""
        listener, clients = self.listener, clients or self.clients
        if listener.one_connection and self._dialled and self._program is not None:
            self.start(self._bind, self._expected, self._acl)
        self._dialled = True
        if listener.peer_log is not None:
            self._logged = self.log.size
        dialled = clients.host.prober.dial(dial)
        self.waited += dialled.seconds
        where = f"{dial.transport.value} {endpoint(dial.address, dial.port)}"
        where += " on the service's own host" * clients.inside
        source = f" from {dial.source}" if dial.source and dial.source not in clients.sources[dial.family][:1] else ""
        self.note(f"dial {where}{source}: {dialled.detail}")
        return dialled

    def stay(self, family: Family, count: int, protocol: Protocol | None = None) -> Staying:
        """Hold connections over ``family`` open, each after an exchange, and note how many; they end with the case.

        Args:
            family: The family to dial over.
            count: How many there shall be at most; of a service that ends after one connection, one.
            protocol: What is said; None for what the listener speaks.
        """
        count = 1 if self.listener.one_connection else min(count, self.listener.clients)
        self._dialled = True
        staying = self.clients.host.prober.stay(Stay(self.exchange(family, protocol=protocol), count))
        self._staying.append(staying)
        self.waited += staying.last.seconds
        self.note(f"{staying.held} {family.label} connection(s) are held open; of the last one: {staying.last.detail}")
        return staying

    def served(self) -> list[Family]:
        """Return the families that the service serves when nothing is in its way; it is started unless it runs.

        It cannot lose any other.

        Raises:
            ServiceError: It serves none.
        """
        if self._program is None:
            self.start()
        dialled = {family: self.carry_out(self.exchange(family)) for family in self.families}
        served = [family for family, seen in dialled.items() if seen.outcome is Outcome.ANSWERED]
        if not served:
            raise ServiceError("the service serves no family even when nothing is in its way")
        return served

    def rounds(self, families: list[Family], *, apart: bool = False) -> list[list[Family]]:
        """Return the families that one start can serve: all together, or each ``apart``.

        They are always apart for a service that ends after one connection.
        """
        return [[family] for family in families] if apart or self.listener.one_connection else [families]

    def bind_to(self, address: str) -> str:
        """Return the first spelling of one IPv6 listen address; the manifest must have one."""
        bind = self.listener.bind
        assert bind is not None  # noqa: S101 - Need.BIND_IPV6_ADDRESS
        return bind.ipv6_address[0].replace("{address}", address)

    def answers(
        self,
        family: Family,
        address: str,
        *,
        times: int = 1,
        source: str = "",
        size: int = 250,
        send: str | None = None,
    ) -> Dialled:
        """Require that clients of ``family`` are answered at ``address``; return the last exchange (see `dial`)."""
        for _ in range(times):
            dialled = self.dial(family, address, source=source, size=size, send=send)
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

    def refuses(self, family: Family, address: str, *, clients: Clients | None = None) -> None:
        """Require that a client of ``family`` is refused at ``address``, at once and not by silence.

        Args:
            family: The family to dial over.
            address: The address to dial.
            clients: Who dials; None for those whom the listener is for.
        """
        within = self.subject.manifest.timeouts.refuse
        dialled = self.dial(family, address, timeout=within, clients=clients)
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
        """Require that every attempt over ``family`` was answered over it, from the address that was dialled.

        What clients on its own host exchange with it crosses no link. The socket that dialled was of ``family``; that
        the service has one that takes it, and that the link stayed silent, is what is left to be shown.
        """
        listener = self.listener
        if self.clients.inside:
            self.require(self._takes(family))
            self.shows_inside()
            return
        self.shows(lambda wire: answered(wire, listener.port, family, transport=listener.transport))

    def shows_refused(self, family: Family) -> None:
        """Require that every attempt over ``family`` was refused in time."""
        if self.clients.inside:
            self.shows_inside()
        else:
            self.shows_refused_on_the_link(family)

    def shows_refused_on_the_link(self, family: Family) -> None:
        """Require that every attempt of the peer over ``family`` was refused in time, whomever the listener is for."""
        listener = self.listener
        within = self.subject.manifest.timeouts.refuse
        self.shows(lambda wire: refused(wire, listener.port, family, transport=listener.transport, within=within))

    def shows_inside(self) -> None:
        """Require that no packet of the listener's port crossed the link."""
        listener = self.listener
        self.shows(lambda wire: stays_inside(wire, listener.port, listener.transport))

    def _takes(self, family: Family) -> Finding:
        """Return whether one of the service's sockets on the port takes packets of ``family``."""
        listener = self.listener
        own = [row for row in self._ever if (row.port, row.transport) == (listener.port, listener.transport.value)]
        return Finding(
            any(family in row.serves for row in own),
            f"a socket of the service takes {family.label} on {listener.transport.value} port {listener.port}",
            f"its sockets there: {', '.join(sorted({row.address for row in own})) or 'none'}",
        )
