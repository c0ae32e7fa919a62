"""The world of a listener: clients dial the service in it, and what they saw is judged."""

from collections.abc import Callable
from functools import cached_property, partial

from dualstack.errors import NothingToJudge, ServiceError
from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.manifest import Listen
from dualstack.manifest.texts import fill
from dualstack.prober.messages import Dial, Dialled, Outcome
from dualstack.protocols.application import Trait
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import answered, arrived, from_any_port, refused, stays_inside
from dualstack.world.client import Client
from dualstack.world.clients import Clients
from dualstack.world.harm import undo_harm
from dualstack.world.likeness import Likeness
from dualstack.world.repeating import dial_again
from dualstack.world.serving import ServingWorld

NOBODY_SERVED = (
    "no client is served, before anything is done to the service: the requirements on reachability cover that"
)


class ListenerWorld(ServingWorld):
    """A world in which the service listens, and clients dial it."""

    @cached_property
    def client(self) -> Client:
        """The listener's clients."""
        return Client(self.service, self.subject, self.clients, self.journal)

    @cached_property
    def _likeness(self) -> Likeness:
        """The last answers to clients of each family."""
        return Likeness()

    def _stop_all(self) -> None:
        """Stop the service and what it left behind, and close the clients' connections."""
        dial_again(self.case.requirement.group, self.service, self.client, self.findings)
        super()._stop_all()
        self.client.close()

    def sources(self, family: Family) -> tuple[str, ...]:
        """Return the clients' addresses of the family."""
        return self.clients.sources[family]

    def reachable_addresses(self, family: Family) -> tuple[str, ...]:
        """Return the addresses at which the service must be reachable: all addresses of its host.

        For a UDP service that answers clients on the link it is only the address that the kernel prefers as the source
        of an answer: UDP-001 and UDP-002 cover the others.
        """
        preferred_only = not self.is_tcp and not self.clients.inside and Trait.ONE_WAY not in self.listener.traits
        return (self.host.plan.preferred_source(family),) if preferred_only else self.addresses(family)

    def served(self) -> list[Family]:
        """Return the families that the service serves before anything is done to it; it is started unless it runs.

        If an ordinary client ends the service, its family is not served, and the service is started again.

        Raises:
            NothingToJudge: It serves none, or cannot be started again.
        """
        if self.service.current is None:
            self.service.start()
        self.service.sockets.wait_late(self.service.program, set(self.families))  # LISTEN-001 reports what is late
        dialled = {}
        for family in self.families:
            dialled[family] = self.client.carry_out(self.client.exchange(family))
            self.revive(dialled[family])
        undo_harm(self.service, self.client, dialled, self.note)
        likeness = Likeness()  # not the case's: a family that is not served here is not dialled again
        for family, seen in dialled.items():
            likeness.take(family, self.addresses(family)[0], seen)
            self.client.usual[family] = seen.status
        served = []
        for family, seen in dialled.items():
            if likeness.worse(self.addresses(family)[0]) is family:
                self.note(f"{family.label} is left out: its status is worse than over {family.other.label}")
            elif seen.outcome is Outcome.ANSWERED:
                served.append(family)
        if not served:
            raise NothingToJudge(NOBODY_SERVED)
        return served

    def revive(self, dialled: Dialled) -> Dialled:
        """Start the service again if the ordinary client that was not answered has ended it; return its exchange.

        That such a client ends the service is the subject of the requirements on reachability. Without a new start it
        would break every other requirement too.

        Raises:
            NothingToJudge: It cannot be started again.
        """
        if dialled.outcome is Outcome.ANSWERED or self.listener.single_shot:
            return dialled
        how = self.service.exit_status_text().removeprefix("; ")
        if how:
            self.note(f"an ordinary client was not answered, and {how}: start it again")
            try:
                self.service.restart()
            except ServiceError as error:
                raise NothingToJudge(f"an ordinary client ends the service; after that {error}") from None
        return dialled

    def rounds(self, families: list[Family], *, apart: bool = False) -> list[list[Family]]:
        """Return groups of families that one start of the service can serve: one group, or one for each family.

        Each family gets its own start with ``apart``, and always if the service exits after one connection.
        """
        return [[family] for family in families] if apart or self.listener.single_shot else [families]

    def bind_value(self, address: str) -> str:
        """Return the manifest's first notation of a single IPv6 listen address, filled in; there must be one."""
        bind = self.listener.bind
        assert bind is not None  # noqa: S101 - Need.BIND_IPV6_ADDRESS
        return fill(bind.ipv6_address[0], {"address": address})

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
        """Require that clients of ``family`` are answered at ``address``; return the last exchange, or a bad one."""
        ask = partial(self.client.dial, family, address, source=source, size=size, send=send, clients=clients)
        for _ in range(times):
            dialled = ask()
            self._likeness.take(family, address, dialled)
            if dialled.outcome is not Outcome.ANSWERED or self._likeness.worse(address) is not None:
                break
        self._serves(family, address, dialled, f"is answered at {endpoint(address, self.listener.port)}", ask)
        return dialled

    def answers_unusual(self, dial: Dial, manner: str, *, level: str = "") -> Dialled:
        """Require that a client that does ``manner`` is answered; ``level`` is the finding's, if not the case's."""
        self.note(f"the next client {manner}")
        ask = partial(self.client.carry_out, dial)
        dialled = ask()
        what = f"that {manner} is answered at {endpoint(dial.address, dial.port)}"
        self._serves(dial.family, dial.address, dialled, what, ask, level=level)
        return dialled

    def denies(
        self,
        family: Family,
        address: str,
        *,
        source: str = "",
        rule: str = "",
        timeout: float = 0.0,
        again: bool = False,
    ) -> Dialled | None:
        """Require that a client of ``family`` is denied: refused, not answered, or given its ``denied_response``.

        Returns the exchange; None if the client is not denied.

        Args:
            family: The family to dial over.
            address: The address to dial.
            source: The client's address; empty for its first one.
            rule: The service's access rule, for the text of the finding.
            timeout: Seconds after which silence is a denial; 0 for the manifest's ``timeouts.exchange``.
            again: Whether the rule was applied rightly to this client before another one was admitted.
        """
        dialled = self.client.dial(family, address, source=source, timeout=timeout)
        ok = dialled.outcome in {Outcome.REFUSED, Outcome.SILENT} or self.client.is_denial(dialled)
        where = endpoint(address, self.listener.port) + ", also after an admitted client" * again
        expected = f"an {family.label} client is denied at {where}{_under(rule, source)}"
        self.require(Finding(ok, expected, dialled.detail, symptoms=(Symptom.RULE_FORGOTTEN,) * again))
        self.client.take_rule(rule, source, ok=ok or again)
        return dialled if ok else None

    def admits(self, family: Family, address: str, *, source: str = "", rule: str = "") -> Dialled:
        """Require that a client of ``family`` is served at ``address``, and does not get a denied client's answer.

        Returns the exchange; see `denies` for the arguments.
        """
        ask = partial(self.client.dial, family, address, source=source)
        dialled = ask()
        denied = self.client.is_denial(dialled)
        what = f"is served at {endpoint(address, self.listener.port)}{_under(rule, source)}"
        self._serves(family, address, dialled, what, ask, denied=denied)
        self.client.take_rule(rule, source, ok=dialled.outcome is Outcome.ANSWERED and not denied)
        return dialled

    def _serves(
        self,
        family: Family,
        address: str,
        dialled: Dialled,
        what: str,
        ask: Callable[[], Dialled],
        *,
        denied: bool = False,
        level: str = "",
    ) -> None:
        """Require that a client of ``family`` was served, like the other one; ``ask`` repeats the exchange."""
        ok = dialled.outcome is Outcome.ANSWERED and not denied
        self.count(family, served=ok)
        happened = f"it is denied: {dialled.detail}" if denied else dialled.detail
        if dialled.outcome is Outcome.WRONG:
            happened += self._likeness.contrast(family, address)
        happened += "" if ok else self.service.exit_status_text()
        self.require(Finding(ok, f"an {family.label} client {what}", happened, level=level))
        if not ok:
            return
        starts = len(self.service.launches)
        self._likeness.take(family, address, dialled, lambda: ask() if starts == len(self.service.launches) else None)
        worse = self._likeness.worse(address)
        if worse is not None and self._likeness.stays(address):
            self.count(worse, served=False)
            self.require(self._likeness.difference(address))

    def refuses(self, family: Family, address: str, *, clients: Clients | None = None) -> None:
        """Require that a client of ``family`` is refused at ``address`` in time; silence is not a refusal.

        Args:
            family: The family to dial over.
            address: The address to dial.
            clients: Where the client is; None for the listener's clients.
        """
        within = self.subject.manifest.timeouts.refuse
        dialled = self.client.dial(family, address, timeout=within, clients=clients)
        where = endpoint(address, self.listener.port)
        self.require(
            Finding(
                dialled.outcome is Outcome.REFUSED,
                f"an {family.label} client is refused at {where} within {within:g} s",
                dialled.detail,
            )
        )

    def wire(self) -> CaptureData:
        """Stop the service and the capture, and return the captured packets.

        With ``reply_port = "any"`` datagrams from another port of the service count as its answers.
        """
        return self.with_answers(super().wire())

    def with_answers(self, wire: CaptureData) -> CaptureData:
        """Return captured packets in which answers from another port count, if the listener may send them."""
        element = self.element
        any_port = isinstance(element, Listen) and element.reply_port == "any"
        return from_any_port(wire, element.port) if any_port else wire

    def shows_served(self, family: Family) -> None:
        """Require that every attempt over ``family`` was answered over it, from the address that was dialled.

        Exchanges on the service's own host never reach the link, so there the service must have a socket for the
        family, and the link must have carried nothing.
        """
        listener = self.listener
        if self.clients.inside:
            self.require(self._takes(family))
            self.shows_inside()
            return
        if Trait.ONE_WAY in listener.traits:
            self.shows(lambda wire: arrived(wire, listener.port, family))
            return
        self.shows(lambda wire: answered(wire, listener.port, family, transport=listener.transport))

    def shows_refused(self, family: Family) -> None:
        """Require that every attempt over ``family`` was refused in time."""
        if self.clients.inside:
            self.shows_inside()
        else:
            self.shows_refused_on_link(family)

    def shows_refused_on_link(self, family: Family) -> None:
        """Require that every attempt of the peer over ``family`` was refused in time, also for a loopback listener."""
        listener, within = self.listener, self.subject.manifest.timeouts.refuse
        self.shows(lambda wire: refused(wire, listener.port, family, transport=listener.transport, within=within))

    def shows_inside(self) -> None:
        """Require that no packet of the listener's port crossed the link."""
        listener = self.listener
        self.shows(lambda wire: stays_inside(wire, listener.port, listener.transport))

    def _takes(self, family: Family) -> Finding:
        """Return whether one of the service's sockets on the port takes packets of ``family``."""
        listener, own = self.listener, self.service.sockets.seen_on_port
        return Finding(
            any(family in row.serves for row in own),
            f"a socket of the service takes {family.label} on {listener.transport.value} port {listener.port}",
            f"its sockets there: {', '.join(sorted({row.address for row in own})) or 'none'}",
        )


def _under(rule: str, source: str) -> str:
    """Return the client's address and the access rule, as the end of a sentence."""
    return (f", from {source}" if source else "") + (f', with the rule "{rule}"' if rule else "")
