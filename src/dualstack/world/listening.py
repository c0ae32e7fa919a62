"""A world around a listener: the service runs in it, and its clients dial it."""

import re
from dataclasses import replace
from pathlib import Path

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive, ServiceError
from dualstack.facts import Exchange
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.protocol import Backend
from dualstack.manifest import Protocol
from dualstack.manifest.shown import shown_address
from dualstack.plan import PlannedCase
from dualstack.prober.client import Lingering
from dualstack.prober.messages import Dial, Dialled, Linger, Outcome, Stage, dial_to
from dualstack.wire.evidence import Wire
from dualstack.wire.expect import answered, arrived, from_any_port, refused, stays_inside
from dualstack.world.clients import Clients
from dualstack.world.likeness import Likeness
from dualstack.world.observed import exchange_of
from dualstack.world.oneway import send_oneway
from dualstack.world.serving import ServingWorld


class ListenerWorld(ServingWorld):
    """A world in which the service listens, and clients dial it."""

    _dialled = 0
    """The number of the start after which a client was last dialled."""

    _logged = 0

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """See `World`."""
        super().__init__(case, backend, folder)
        self._lingering: list[Lingering] = []
        self._likeness = Likeness()
        self.exchanges: list[Exchange] = []
        """The exchanges of single clients so far."""
        self.shown: list[tuple[str, str]] = []
        """The clients whose address the service has shown, each with what it showed."""

    def _stop_all(self) -> None:
        """Stop the service and what it left behind, and let clients go."""
        super()._stop_all()
        for clients in self._lingering:
            clients.close()

    def sources(self, family: Family) -> tuple[str, ...]:
        """Return the addresses of the family that its clients have."""
        return self.clients.sources[family]

    def entrances(self, family: Family) -> tuple[str, ...]:
        """Return the addresses at which the service must be reachable: all of the host's.

        Of a datagram service that answers it is one only, from which the kernel answers by itself: UDP-001 and UDP-002
        are about the others.
        """
        alone = not self.is_tcp and not self.clients.inside and self.listener.protocol is not Protocol.ONEWAY
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
        dial = dial_to(listener, address or self.addresses(family)[0], self.subject.manifest.timeouts.exchange)
        source = "" if "%" in address else next(iter(clients.sources[family]), "")
        if own:
            return replace(dial, source=source)
        assert protocol is not None  # noqa: S101 - or it would be the listener's own
        return replace(dial, source=source, protocol=protocol, send=None, expect=None)

    def carry_out(self, dial: Dial, clients: Clients | None = None) -> Dialled:
        """Hold an exchange, whatever it is, and note it."""
        listener, clients = self.listener, clients or self.clients
        if listener.one_connection and self._dialled == self._starts and self._program is not None:
            self.start(self._bind, self._expected, self._acl)
        self._dialled = self._starts
        if listener.peer_log is not None:
            self._logged = self.log.size
        if dial.protocol is Protocol.ONEWAY and self._program is not None:
            dialled = send_oneway(listener, dial, clients.host, self._program)
        else:
            dialled = clients.host.prober.dial(dial)
        self.waited += dialled.seconds
        self.exchanges.append(exchange_of(dial, dialled, start=self._starts, inside=clients.inside))
        where = f"{dial.transport.value} {endpoint(dial.address, dial.port)}"
        where += " on the service's own host" * clients.inside
        source = f" from {dial.source}" if dial.source and dial.source not in clients.sources[dial.family][:1] else ""
        self.note(f"dial {where}{source}: {dialled.detail}")
        return dialled

    def hold(self, family: Family, count: int, protocol: Protocol | None = None) -> Lingering:
        """Hold connections over ``family`` open, each after an exchange, and note how many; they end with the case.

        Args:
            family: The family to dial over.
            count: How many there shall be at most; of a service that ends after one connection, one.
            protocol: What is said; None for what the listener speaks.
        """
        count = 1 if self.listener.one_connection else min(count, self.listener.clients)
        self._dialled = self._starts
        dials = (self.exchange(family, protocol=protocol),) * count
        clients = self.clients.host.prober.linger(Linger(dials, Stage.ANSWERED, in_turn=True))
        self._lingering.append(clients)
        last = clients.clients[-1]
        self.waited += last.seconds
        self.note(f"{clients.held} {family.label} connection(s) are held open; of the last one: {last.detail}")
        return clients

    def served(self) -> list[Family]:
        """Return the families that the service serves when nothing is in its way; it is started unless it runs.

        It cannot lose any other.

        Raises:
            ServiceError: It serves none.
        """
        if self._program is None:
            self.start()
        dialled = {family: self.carry_out(self.exchange(family)) for family in self.families}
        likeness = Likeness()  # not that of the case: a family that is turned away here is not asked for again
        for family, seen in dialled.items():
            likeness.take(family, self.addresses(family)[0], seen)
        served = [
            family
            for family, seen in dialled.items()
            if seen.outcome is Outcome.ANSWERED and likeness.worse(self.addresses(family)[0]) is not family
        ]
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
        clients: Clients | None = None,
    ) -> Dialled:
        """Require that clients of ``family`` are answered at ``address``; return the last exchange (see `dial`)."""
        for _ in range(times):
            dialled = self.dial(family, address, source=source, size=size, send=send, clients=clients)
            if dialled.outcome is not Outcome.ANSWERED:
                break
        self._serves(family, address, dialled, f"is answered at {endpoint(address, self.listener.port)}")
        return dialled

    def answers_if(self, dial: Dial, manner: str) -> Dialled:
        """Require that one client is answered although its exchange is special: ``manner`` says how, after "that"."""
        self.note(f"the next client {manner}")
        dialled = self.carry_out(dial)
        self._serves(
            dial.family, dial.address, dialled, f"that {manner} is answered at {endpoint(dial.address, dial.port)}"
        )
        return dialled

    def denies(self, family: Family, address: str, *, source: str = "", rule: str = "", timeout: float = 0.0) -> None:
        """Require that a client of ``family`` is not served at ``address``, as its manifest says that this looks.

        Args:
            family: The family to dial over.
            address: The address to dial.
            source: The client's address; empty for its first one.
            rule: The access rule that the service has, for the finding.
            timeout: Seconds after which silence is a denial; 0 for what the manifest allows an exchange.
        """
        dialled = self.dial(family, address, source=source, timeout=timeout)
        ok = dialled.outcome in {Outcome.REFUSED, Outcome.SILENT} or self._is_denial(dialled)
        what = f"is denied at {endpoint(address, self.listener.port)}{_under(rule, source)}"
        self.require(Finding(ok, f"an {family.label} client {what}", dialled.detail))

    def admits(self, family: Family, address: str, *, source: str = "", rule: str = "") -> Dialled:
        """Require that a client of ``family`` is served at ``address``, and not with what a denied one is answered.

        Returns the exchange; see `denies` for the arguments.
        """
        dialled = self.dial(family, address, source=source)
        denied = self._is_denial(dialled)
        what = f"is served at {endpoint(address, self.listener.port)}{_under(rule, source)}"
        self._serves(family, address, dialled, what, denied=denied)
        return dialled

    def _serves(self, family: Family, address: str, dialled: Dialled, what: str, *, denied: bool = False) -> None:
        """Require that a client of ``family`` was served, as the other family was: ``what`` says how."""
        ok = dialled.outcome is Outcome.ANSWERED and not denied
        self.works[family.value] = self.works.get(family.value, True) and ok
        happened = f"it is denied: {dialled.detail}" if denied else dialled.detail
        if dialled.outcome is Outcome.WRONG:
            happened += self._likeness.contrast(family, address)
        self.require(Finding(ok, f"an {family.label} client {what}", happened + ("" if ok else self._obituary())))
        if not ok:
            return
        self._likeness.take(family, address, dialled)
        worse = self._likeness.worse(address)
        if worse is not None:
            self.works[worse.value] = False
            self.require(self._likeness.difference(address))

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

        Raises:
            Inconclusive: The manifest's expression catches something else.
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
        if found:
            self.shown.append((dialled.source, found[1] or ""))
        try:
            return shown_address(found[1] or "", dialled.source) if found else ""
        except ValueError as error:
            key = "peer_reply" if listener.peer_reply is not None else "peer_log"
            raise Inconclusive(f"{self.subject.path}: listen {listener.name!r}, {key}: {error}") from None

    def wire(self) -> Wire:
        """See `World`; the datagrams of a service may come from another port where its manifest says so."""
        wire = super().wire()
        return from_any_port(wire, self.listener.port) if self.listener.reply_port == "any" else wire

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
        if listener.protocol is Protocol.ONEWAY:
            self.shows(lambda wire: arrived(wire, listener.port, family))
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


def _under(rule: str, source: str) -> str:
    """Return the client's address and the rule that decides about it, as the end of a sentence."""
    return (f", from {source}" if source else "") + (f', with the rule "{rule}"' if rule else "")
