"""The world of a relay: a client dials it, and it connects the client to a server. Each host has a capture."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType

from dualstack.errors import NothingToJudge, ServiceError
from dualstack.families import BOTH, Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.lab.impairments import Impairment, Kind
from dualstack.lab.protocol import Backend, Host
from dualstack.manifest import Listen, Relay, Relaying
from dualstack.plan import PlannedCase
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages import Outcome
from dualstack.prober.names import query_name
from dualstack.protocols.application import Trait
from dualstack.wire.capture import Capture
from dualstack.wire.dns import DNS_PORT
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import answered, carries_resets
from dualstack.world.elsewhere import Elsewhere
from dualstack.world.impaired import impaired
from dualstack.world.listening import ListenerWorld
from dualstack.world.relay_controls import served_from_inside
from dualstack.world.relayed import NOT_ACCEPTED, arrivals, back_leg, reached_over, same_bytes, seen
from dualstack.world.servers import serve_names
from dualstack.world.upstreams import serve_relay

LEGS = ("client", "server")
"""The names of the captures besides that of the relay: each is on the host at the other end of a leg."""


class RelayWorld(ListenerWorld):
    """A world in which the service relays: the front leg is from the client to it, the back leg to the server."""

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """Prepare a world; nothing is made before it is entered."""
        super().__init__(case, backend, folder)
        self._captures: dict[str, Capture] = {}
        self._served: set[Family] = set()
        """The families of clients that it has served, with a server on any host."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See `World`; the captures of the legs also end."""
        try:
            super().__exit__(kind, error, trace)
        finally:
            for capture in self._captures.values():
                capture.close()

    def _start_captures(self) -> None:
        """Start the captures of the relay, the client and the server."""
        super()._start_captures()
        for name, host in zip(LEGS, (self.peer, self.server), strict=True):
            self._captures[name] = Capture.start(host, self.folder / f"{name}.pcap")

    def _end(self) -> None:
        """Stop what runs, then the captures."""
        super()._end()
        if not self.elsewhere:
            hosts = zip(LEGS, (self.peer, self.server), strict=True)
            self.elsewhere += [Elsewhere(name, host, self._captures[name].stop()) for name, host in hosts]

    @property
    def relaying(self) -> Relaying:
        """The relay that the case is about, with its listener."""
        return next(item for item in self.subject.relaying if item.name == self.case.element)

    @property
    def relay(self) -> Relay:
        """The ``[[relay]]`` table."""
        return self.relaying.relay

    @property
    def listener(self) -> Listen:
        """The listener on which the relay accepts."""
        return self.relaying.listener

    @property
    def element(self) -> Listen:
        """The relay's listener."""
        return self.listener

    @property
    def server(self) -> Host:
        """The host of the server."""
        return self.lab.hosts["server"]

    @property
    def ports(self) -> tuple[int, ...]:
        """The port of the relay, that of the server, and DNS."""
        return (self.listener.port, self.relay.port, DNS_PORT)

    @property
    def back_families(self) -> tuple[Family, ...]:
        """The families over which the relay claims to reach servers, and that the server has in this world."""
        own = self.server.plan.configured
        return tuple(family for family in BOTH if family in self.relay.families and own[family])

    # -- the server --------------------------------------------------------------------------------------------------

    def serve(self, *families: Family) -> ServerHandle:
        """Start the relay's server on the first address of its host of each family; other addresses refuse."""
        return self.serve_at(*(self.server.plan.every(family)[0] for family in families))

    def serve_at(self, *addresses: str) -> ServerHandle:
        """Start the relay's server on these addresses of its host."""
        self.note("the server listens on " + " and ".join(endpoint(item, self.relay.port) for item in addresses))
        return serve_relay(self.server, self.relaying, addresses)

    @contextlib.contextmanager
    def named(
        self,
        answers: Mapping[Family, str],
        *,
        name: str = "",
        addresses: Mapping[Family, Sequence[str]] = MappingProxyType({}),
    ) -> Iterator[str]:
        """Serve one name of the server and yield it.

        Args:
            answers: How queries for addresses of a family are answered, ``ok`` and so on (`dualstack.prober.names`); a
                family that is missing has no address.
            name: A name that an earlier block has yielded; empty for a fresh one.
            addresses: The addresses of a family; by default the first planned one of the server's host.
        """
        a, aaaa = (answers.get(family, "none") for family in BOTH)
        name, began = name or query_name(a=a, aaaa=aaaa), self.journal.seconds
        records = {family: self.server.plan.planned[family][:1] for family in BOTH} | dict(addresses)
        with serve_names(self.resolver, records) as server:
            known = " and ".join(item for family in answers for item in records[family])
            self.note(f"the name {name} has A: {a}, AAAA: {aaaa}: {known}")
            try:
                yield name
            finally:
                self.journal.note_queries(server.queries(), began)

    @contextlib.contextmanager
    def target(self, family: Family) -> Iterator[str]:
        """Yield the server's address of a family; a name that has it, if the relay takes no addresses."""
        if self.relay.literals:
            yield self.server.plan.address(family)
            return
        with self.named({family: "ok"}) as name:
            yield name

    def start_towards(self, target: str) -> None:
        """Start the relay, or start it again, with an address or a name of its server."""
        self.service.upstreams.targets[self.relay.name] = target
        self.note(f"the relay's server is {endpoint(target, self.relay.port)}")
        self.service.start()

    def reaches(self, front: Family, back: Family) -> bool:
        """Return whether a client is answered by the server, if its name has an address of ``back`` alone.

        A relay that does not start with this name does not reach the server.
        """
        with self.serve(back) as server, self.named({back: "ok"}) as name:
            try:
                self.start_towards(name)
            except ServiceError as error:
                self.note(f"it does not start with this name: {error}")
                return False
            dialled = self.client.dial(front, self.addresses(front)[0])
            return dialled.outcome is Outcome.ANSWERED and bool(server.accepted())

    # -- exchanges ---------------------------------------------------------------------------------------------------

    def passes(
        self,
        front: Family,
        back: Family,
        server: ServerHandle,
        *,
        target: str,
        although: str = "",
        missed: Symptom = Symptom.SERVER_MISSED,
        start: bool = True,
    ) -> bool:
        """Require that a client that dials over ``front`` is answered by the server over ``back``; return if it is.

        Args:
            front: The family of the client.
            back: The family over which the server must be reached.
            server: The server.
            target: The server's address or name, as the relay is configured.
            although: What makes that difficult, so that the client waits longer; the finding names it.
            missed: The symptom if nothing reaches the server.
            start: Whether the relay is started with this target; if not, it runs with it.

        Raises:
            NothingToJudge: The relay serves no client over ``front``, whatever its server.
        """
        if start:
            self.start_towards(target)
        server.forget_peers()
        before, patience = server.accepted(), self.subject.manifest.timeouts.connect if although else 0.0
        dialled = self.client.dial(front, self.addresses(front)[0], timeout=patience)
        arrived = arrivals(before, server.accepted())
        ok = dialled.outcome is Outcome.ANSWERED and bool(arrived)
        happened = f"{dialled.detail}; {seen(arrived)}" + ("" if ok else self.service.exit_status_text())
        self.count(front, served=ok)
        if ok:
            self._served.add(front)
        else:
            self._serves_otherwise(front)
        server_at = endpoint(target, self.relay.port)
        expected = f"an {front.label} client is answered by the {back.label} server at {server_at}"
        if self.relay.tunnel and dialled.outcome is Outcome.WRONG and missed is Symptom.SERVER_MISSED:
            missed = Symptom.TUNNEL_REFUSED
        symptoms = () if ok or arrived or dialled.outcome in NOT_ACCEPTED else (missed,)
        self.require(Finding(ok, expected + (although and f", although {although}"), happened, symptoms=symptoms))
        if ok:
            self.require(
                back_leg(back, arrived, own={item for one in self.host.plan.configured.values() for item in one})
            )
            if self._same_bytes:
                self.require(same_bytes(dialled, arrived))
        return ok

    @contextlib.contextmanager
    def unanswered(self, address: str) -> Iterator[None]:
        """Have the kernel lose the SYNs to an address and port of the server.

        Raises:
            HostCannot: The kernel cannot.
            BrokenLab: SYNs are not lost.
        """
        one = Impairment(Kind.DROP, address, self.relay.port)
        with impaired(self.host, self.server, [one]):
            self.note(f"impaired: {one}")
            yield

    @property
    def _same_bytes(self) -> bool:
        """Whether the server must receive exactly what the client sends."""
        as_it_is = self.relaying.is_stream or not self.is_tcp
        return (
            as_it_is and Trait.ECHOES in self.listener.traits and self.relay.protocol in {None, self.listener.protocol}
        )

    def _serves_otherwise(self, front: Family) -> None:
        """Make sure that the relay serves a client of a family at all, with its server on its own host.

        Raises:
            NothingToJudge: It does not.
        """
        if front not in self._served and not served_from_inside(self, self.relay, front):
            raise NothingToJudge(f"no {front.label} client is served: the requirements on reachability cover that")
        self._served.add(front)

    # -- evidence ----------------------------------------------------------------------------------------------------

    def shows_front(self, front: Family) -> None:
        """Require that each attempt of the client over a family is answered, in the capture on its host."""
        item, dialled = self.listener, Family.of(self.addresses(front)[0])
        self.shows(lambda wire: answered(wire, item.port, dialled, transport=item.transport), self._reader("client"))

    def shows_back(self, back: Family) -> None:
        """Require that each attempt to reach the server over a family is answered, in the capture on its host."""
        port, transport = self.relay.port, self.listener.transport
        self.shows(lambda wire: answered(wire, port, back, transport=transport), self._reader("server"))

    def shows_back_reached(self, back: Family) -> None:
        """Require that an attempt to reach the server over a family is answered, in the capture on its host."""
        judge = partial(reached_over, port=self.relay.port, transport=self.listener.transport, family=back)
        if all(finding.ok for finding in self.findings):
            self.shows(judge, self._reader("server"))

    def shows_resets(self, *, expected: bool, least: int = 0) -> None:
        """Require that some segment on each leg carries RST, or none; after a failed finding nothing is required.

        Only connections that carried at least ``least`` bytes count.
        """
        for name, port in zip(LEGS, (self.listener.port, self.relay.port), strict=True):
            if all(finding.ok for finding in self.findings):
                judge = partial(carries_resets, port=port, expected=expected, least=least)
                self.shows(judge, self._reader(name))

    def leg(self, name: str) -> CaptureData:
        """Stop the service and the captures; return the packets on the host at the end of a leg (`LEGS`)."""
        self.wire()
        packets = self._captures[name].stop()
        return self.with_answers(packets) if name == "client" else packets

    def _reader(self, name: str) -> Callable[[], CaptureData]:
        """Return a function that returns `leg`."""
        return lambda: self.leg(name)
