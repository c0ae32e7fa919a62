"""A service that fetches what its clients name (SSRF): the requests of the clients, and the connections that follow.

Canaries are HTTP servers that accept these connections: one on the service's own host, on all its addresses, and one on
its peer, on the addresses that it may fetch from. A connection counts if a canary has accepted it: connections inside
one host never reach the link, so no capture shows them.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.manifest import Fetch, Refused
from dualstack.prober.messages import Accepted, Dialled, Names, Outcome
from dualstack.prober.names import query_name
from dualstack.protocols.http import redirect_path
from dualstack.transport import AppProtocol
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import Template, present
from dualstack.world.clients import link_local, local_clients
from dualstack.world.listening import ListenerWorld
from dualstack.world.servers import Canary
from dualstack.world.targets import (
    ALLOWED,
    Target,
    added_addresses,
    is_private,
    refused_targets,
    request_for,
    url_of,
)

STATUSES = (302, 301, 303, 307, 308)
"""The statuses of HTTP that redirect a GET (RFC 9110 §15.4)."""

_REDIRECT_TIMEOUT = 0.5
"""Seconds to wait for a redirect to be followed after the client was answered."""

_SYN, _ACK = 0x02, 0x10


class Fetching:
    """A service between canaries, with a name server whose names resolve to them; they stop at the end of the block."""

    def __init__(self, world: ListenerWorld, fetch: Fetch) -> None:
        """Prepare; nothing is started before it is entered."""
        self._world = world
        self._fetch = fetch
        self._open = ExitStack()
        self._allowed: dict[Family, str] = {}
        self._forbidden: list[Accepted] = []
        self.unshown: list[str] = []
        """Reasons why a target that was not fetched proves nothing."""

    def __enter__(self) -> Self:
        """Add the addresses that are needed, start the canaries and the name server, and then the service.

        Raises:
            Inconclusive: A canary does not accept its witness connections.
            ServiceError: The service does not become ready.
        """
        world, fetch = self._world, self._fetch
        for address in added_addresses(fetch.also_refuses):
            world.add_address(address)
        own = link_local(world.lab, local_clients(world.lab))
        self.targets = refused_targets(fetch.also_refuses, own, names=fetch.names)
        self.redirected = refused_targets(fetch.also_refuses, own, names=fetch.names)  # a name is rebound only once
        peer = tuple(world.peer.plan.address(family) for family in BOTH)
        allowed = tuple(self._allow(family, address) for family, address in zip(BOTH, peer, strict=True))
        try:
            self._inside = Canary(world.host, tuple(family.wildcard for family in BOTH), fetch.port)
            self._open.callback(self._inside.close)
            self._outside = Canary(world.peer, peer, fetch.port)
            self._open.callback(self._outside.close)
            records = Names(peer, a=allowed[:1], aaaa=allowed[1:])
            self._names = self._open.enter_context(world.peer.prober.names(records))
            world.note(f"canaries listen on port {fetch.port} of the service's host and of its peer")
            self._prove_canaries()
            world.service.start()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Stop the canaries and the name server."""
        self._open.close()

    @property
    def canary_addresses(self) -> tuple[str, ...]:
        """The addresses of the canary on the service's host, each once."""
        own = [address for address in self._allowed.values() if address == ALLOWED]
        return tuple(dict.fromkeys([*(target.reaches for target in self.targets), *own]))

    def _allow(self, family: Family, address: str) -> str:
        """Return what the service may fetch from over a family: the peer's address, unless that is refused itself.

        Then it is an additional address of the service's own host: the network of a Docker lab has no other prefix.
        """
        refused = Refused.PRIVATE in self._fetch.also_refuses
        if refused and family is Family.IPV4 and is_private(address):
            address = ALLOWED
            self._world.add_address(address)
            self._world.note(f"the link's own network is private: the allowed IPv4 target is {address} on its own host")
        self._allowed[family] = address
        return address

    def _prove_canaries(self) -> None:
        """Dial both canaries from the service's host: its own one at all of `canary_addresses`.

        Raises:
            Inconclusive: One of them does not accept its witness connections.
        """
        if missed := self._inside.missed(self.canary_addresses, self._world.host):
            raise Inconclusive(f"the canary on the service's host accepts no connection at {' and '.join(missed)}")
        peers = [address for address in self._allowed.values() if address != ALLOWED]
        if missed := self._outside.missed(peers, self._world.host):
            raise Inconclusive(f"the service's host does not reach the canary on its peer at {' and '.join(missed)}")

    def ask(self, host: str, path: str = "/") -> tuple[Dialled, bool]:
        """Make a client request that the service fetches ``path`` of a target.

        Returns:
            The exchange with the service, and whether the client got an answer, or the end of the connection, in time.
        """
        world = self._world
        dial = world.client.exchange(world.families[0], protocol=AppProtocol.EXCHANGE)
        server = endpoint(dial.address, dial.port)
        dial = replace(dial, send=request_for(self._fetch, host, server, path), expect=None)
        world.note(f"the next client requests {url_of(self._fetch, host, path)}")
        dialled = world.client.carry_out(dial)
        return dialled, dialled.connected and (dialled.outcome is Outcome.ANSWERED or dialled.seconds < dial.timeout)

    def controls(self) -> list[str]:
        """Request all allowed targets; return the URLs of those that were not fetched.

        A service may answer first and fetch later, so this waits for each target.
        """
        fetch = self._fetch
        hosts = [self._allowed[family] for family in fetch.families]
        if fetch.names:
            hosts += [query_name(**{family.record.lower(): "ok"}) for family in fetch.families]
        return [url_of(fetch, host) for host in hosts if not self._fetches(host)]

    def _fetches(self, host: str) -> bool:
        """Return whether an allowed target is fetched in time."""
        deadline = Deadline(self._world.subject.manifest.timeouts.exchange, f"{host} to be fetched")
        self.ask(host)
        return deadline.until(self._is_allowed_fetched)

    def _is_allowed_fetched(self) -> bool:
        """Return whether an allowed target was connected to since the last count."""
        return self._count_allowed() > 0

    def _count_allowed(self) -> int:
        """Return the number of connections to allowed targets since the last count."""
        inside = self._inside.fresh()
        self._forbidden += [client for client in inside if client.address != ALLOWED]
        return len(self._outside.fresh()) + sum(client.address == ALLOWED for client in inside)

    def _take_forbidden(self) -> list[Accepted]:
        """Return the connections to the service's own host since the last call, including those during controls."""
        wrong, self._forbidden = self._forbidden, []
        return wrong

    def refuses(self, target: Target) -> None:
        """Require that a target is refused: the service does not connect to its own host, and answers the client.

        A name that also resolves to an allowed address may be fetched from there. A connection after the answer is
        found with the next target, or at the end.
        """
        dialled, answered = self.ask(target.host)
        right, wrong = self._is_allowed_fetched(), self._take_forbidden()
        url = url_of(self._fetch, target.host)
        seconds = self._world.subject.manifest.timeouts.exchange
        expected = (
            f"for {url}, {target.what}, nothing reaches its own host, and the client gets an answer in {seconds:g} s"
        )
        what = _describe(wrong)
        if right and not wrong:
            what += ", and an allowed address was connected to"
        self._world.note(what)
        self._world.require(Finding(answered and not wrong, expected, f"{what}; to the client: {dialled.detail}"))

    def followed_redirects(self) -> list[int]:
        """Return the redirect statuses that the service follows, from an allowed server to itself.

        Empty if targets are not URLs: only an HTTP client follows redirects. A service that has answered already may
        follow later.
        """
        if "{url}" not in self._fetch.request:
            return []
        allowed = self._allowed[self._fetch.families[0]]
        came, followed = 0, list[int]()
        self._count_allowed()
        for number, status in enumerate(STATUSES, 1):
            self.ask(allowed, redirect_path(status, url_of(self._fetch, allowed)))
            came += self._count_allowed()
            followed += [status] if came > number + len(followed) else []

        def more() -> bool:
            return came + self._count_allowed() > len(STATUSES)

        if not followed and Deadline(_REDIRECT_TIMEOUT, "redirects to be followed").until(more):
            followed = list(STATUSES)
        self._world.note(f"it follows redirects with status {', '.join(map(str, followed)) or 'none'}")
        return followed

    def refuses_redirects(self, statuses: Sequence[int]) -> None:
        """Require that no redirect from an allowed server leads to a refused target; the statuses are used in turn."""
        allowed = self._allowed[self._fetch.families[0]]
        seconds = self._world.subject.manifest.timeouts.exchange
        for number, target in enumerate(self.redirected):
            status, url = statuses[number % len(statuses)], url_of(self._fetch, target.host)
            dialled, answered = self.ask(allowed, redirect_path(status, url))
            self._is_allowed_fetched()
            wrong = self._take_forbidden()
            what = f"{_describe(wrong)}; to the client: {dialled.detail}"
            self._world.note(f"redirected to {url}: {_describe(wrong)}")
            expected = (
                f"redirected ({status}) by an allowed server to {url}, {target.what}, nothing reaches its own host, "
                f"and the client gets an answer in {seconds:g} s"
            )
            self._world.require(Finding(answered and not wrong, expected, what, symptoms=(Symptom.REDIRECT,)))

    def ends_quietly(self) -> None:
        """Stop the service, and require that it has made no other connection to its own host.

        Then check that the refusals are evidence: each name was looked up, and the canary still accepts connections.
        """
        self._world.service.stop()
        asked = {query.name.lower() for query in self._names.queries()}
        unasked = [target.host for target in self.targets if target.named and target.host.lower() not in asked]
        self.unshown += [f"it never asked for the address of {host}" for host in unasked]
        self._is_allowed_fetched()
        late = self._take_forbidden()
        self._world.require(
            Finding(not late, "until the service has ended nothing else reaches its own host", _describe(late))
        )
        if missed := self._inside.missed(self.canary_addresses, self._world.host):
            self.unshown.append(f"at the end the canary accepted no connection at {' and '.join(missed)}")

    def shows_fetched(self) -> None:
        """Require that the link shows a connection to the allowed target on the peer over each family."""
        port = self._fetch.port

        def dialled(wire: CaptureData, family: Family) -> Finding:
            syn = Template(
                outgoing_mac=wire.mac,
                family=family,
                kind="tcp",
                dst=self._allowed[family],
                dport=port,
                flags=_SYN,
                without=_ACK,
            )
            return present(wire, syn)

        for family in (item for item in self._fetch.families if self._allowed[item] != ALLOWED):
            self._world.shows(lambda wire, family=family: dialled(wire, family))  # type: ignore[misc]  # mypy: default


def _describe(clients: Sequence[Accepted]) -> str:
    """Return a description of the connections to the canary."""
    if not clients:
        return "the canary saw nothing"
    return f"the canary was connected to at {' and '.join(sorted({client.address for client in clients}))}"
