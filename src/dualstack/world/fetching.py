"""A service that fetches what its clients name: what it is asked for, and what it comes for.

Canaries are HTTP servers of ours: one on the service's own host, at every address that this has, and one on its peer,
at the addresses that it may fetch from. What proves a connection is that a canary has accepted it. A connection inside
one host crosses no link, so no capture shows it.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.protocol import Host
from dualstack.manifest import Fetch, Protocol, Refused, Transport
from dualstack.prober.client import Serving
from dualstack.prober.messages import Accepted, Dial, Dialled, Names, Outcome, Serve
from dualstack.prober.names import query_name
from dualstack.prober.serving import redirect_path
from dualstack.wire.evidence import Wire
from dualstack.wire.expect import Template, present
from dualstack.world.clients import in_the_house, link_local
from dualstack.world.listening import ListenerWorld
from dualstack.world.spellings import (
    ALLOWED,
    Spelling,
    added_addresses,
    is_private,
    request_for,
    spellings,
    url_of,
)

_WITNESS_SECONDS = 2.0

STATUSES = (302, 301, 303, 307, 308)
"""The statuses of HTTP that redirect a GET (RFC 9110 §15.4)."""

_FOLLOWED = 0.5
"""Seconds within which a redirect must be followed, once the client was answered."""

_SYN, _ACK = 0x02, 0x10


class Canary:
    """A server of ours that nobody but those who are led to it connects to."""

    def __init__(self, host: Host, addresses: tuple[str, ...], port: int) -> None:
        """Let it listen on a host."""
        self._port = port
        self._serving: Serving = host.prober.serve(Serve(addresses, port, Transport.TCP, Protocol.HTTP))
        self._seen = 0

    def close(self) -> None:
        """End it."""
        self._serving.close()

    def fresh(self) -> tuple[Accepted, ...]:
        """Return who has come since the last look."""
        accepted = self._serving.accepted()
        seen, self._seen = self._seen, len(accepted)
        return accepted[seen:]

    def missed(self, addresses: Sequence[str], host: Host) -> list[str]:
        """Dial each address from a host; return those whose witness the canary did not see."""
        dials = [Dial(Family.of(item), item, self._port, timeout=_WITNESS_SECONDS, v6only=None) for item in addresses]
        ports = [dialled.source_port for dialled in host.prober.dial_all(dials)]
        heard = {client.peer_port for client in self.fresh()}
        return [address for address, port in zip(addresses, ports, strict=True) if port not in heard]


class Fetching:
    """A service that runs among canaries and names that lead to them; as a context manager it ends with its block."""

    def __init__(self, world: ListenerWorld, fetch: Fetch) -> None:
        """Prepare; nothing is started before it is entered."""
        self._world = world
        self._fetch = fetch
        self._open = ExitStack()
        self._allowed: dict[Family, str] = {}
        self._wrong: list[Accepted] = []
        self.unshown: list[str] = []
        """Why nothing can be said of what was not fetched."""

    def __enter__(self) -> Self:
        """Give the service's host what is needed, start canaries and names, and then the service.

        Raises:
            Inconclusive: The canary does not see its witnesses.
            ServiceError: The service does not become ready.
        """
        world, fetch = self._world, self._fetch
        for address in added_addresses(fetch.also_refuses):
            world.add_address(address)
        own = link_local(world.lab, in_the_house(world.lab))
        self.targets = spellings(fetch.also_refuses, own, names=fetch.names)
        self.redirected = spellings(fetch.also_refuses, own, names=fetch.names)  # a name is rebound only once
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
            world.start()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """End canaries and names."""
        self._open.close()

    @property
    def doors(self) -> tuple[str, ...]:
        """The addresses at which the canary on the service's host is reached, each once."""
        own = [address for address in self._allowed.values() if address == ALLOWED]
        return tuple(dict.fromkeys([*(spelling.reaches for spelling in self.targets), *own]))

    def _allow(self, family: Family, address: str) -> str:
        """Return what the service may fetch from over a family: the peer's address, unless that is refused itself.

        Then it is one more address of the service's own host: a docker lab's network did not carry another prefix.
        """
        refused = Refused.PRIVATE in self._fetch.also_refuses
        if refused and family is Family.IPV4 and is_private(address):
            address = ALLOWED
            self._world.add_address(address)
            self._world.note(f"the link's own network is private: the allowed IPv4 target is {address} on its own host")
        self._allowed[family] = address
        return address

    def _prove_canaries(self) -> None:
        """Dial both canaries from the service's host: the one there at every door.

        Raises:
            Inconclusive: One of them does not see its witnesses.
        """
        if missed := self._inside.missed(self.doors, self._world.host):
            raise Inconclusive(f"the canary on the service's host does not hear at {' and '.join(missed)}")
        peers = [address for address in self._allowed.values() if address != ALLOWED]
        if missed := self._outside.missed(peers, self._world.host):
            raise Inconclusive(f"the service's host does not reach the canary on its peer at {' and '.join(missed)}")

    def ask(self, host: str, path: str = "/") -> tuple[Dialled, bool]:
        """Let a client have a target fetched, the page at ``path`` of it.

        Returns:
            The exchange with the service, and whether the client was told something in time: an answer, or the end of
            the connection.
        """
        world = self._world
        dial = world.exchange(world.families[0], protocol=Protocol.EXCHANGE)
        server = endpoint(dial.address, dial.port)
        dial = replace(dial, send=request_for(self._fetch, host, server, path), expect=None)
        world.note(f"the next client asks for {url_of(self._fetch, host, path)}")
        dialled = world.carry_out(dial)
        return dialled, dialled.connected and (dialled.outcome is Outcome.ANSWERED or dialled.seconds < dial.timeout)

    def controls(self) -> list[str]:
        """Have everything fetched that may be; return the URLs of what was not.

        A service may answer first and fetch later, so each target is waited for.
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
        return deadline.until(self._came_right)

    def _came_right(self) -> bool:
        """Return whether a connection to an allowed target has come since the last look."""
        return self._count_right() > 0

    def _count_right(self) -> int:
        """Return how many connections to allowed targets have come since the last look."""
        inside = self._inside.fresh()
        self._wrong += [client for client in inside if client.address != ALLOWED]
        return len(self._outside.fresh()) + sum(client.address == ALLOWED for client in inside)

    def _came_wrong(self) -> list[Accepted]:
        """Return who has come to the service's own host since this was last asked, also while controls were."""
        wrong, self._wrong = self._wrong, []
        return wrong

    def refuses(self, spelling: Spelling) -> None:
        """Require that a target is refused: nothing reaches the service's own host, and the client is told something.

        A name that leads to an allowed address too may be fetched from there. What a service does later, when it has
        answered, is found with another target, or in the end.
        """
        dialled, told = self.ask(spelling.host)
        right, wrong = self._came_right(), self._came_wrong()
        url = url_of(self._fetch, spelling.host)
        seconds = self._world.subject.manifest.timeouts.exchange
        expected = f"for {url}, {spelling.what}, nothing reaches its own host, and the client is told in {seconds:g} s"
        what = _came(wrong)
        if right and not wrong:
            what += ", and a connection came to an allowed address"
        self._world.note(what)
        self._world.require(Finding(told and not wrong, expected, f"{what}; to the client: {dialled.detail}"))

    def followed_redirects(self) -> list[int]:
        """Return the statuses with which an allowed server redirects the service: to that server again.

        Only an HTTP client follows, so that a target without a URL is none. A client that has answered already may
        follow later.
        """
        if "{url}" not in self._fetch.request:
            return []
        allowed = self._allowed[self._fetch.families[0]]
        came, followed = 0, list[int]()
        self._count_right()
        for number, status in enumerate(STATUSES, 1):
            self.ask(allowed, redirect_path(status, url_of(self._fetch, allowed)))
            came += self._count_right()
            followed += [status] if came > number + len(followed) else []

        def more() -> bool:
            return came + self._count_right() > len(STATUSES)

        if not followed and Deadline(_FOLLOWED, "redirects to be followed").until(more):
            followed = list(STATUSES)
        self._world.note(f"it follows redirects with {', '.join(map(str, followed)) or 'no status'}")
        return followed

    def refuses_redirects(self, statuses: Sequence[int]) -> None:
        """Require that no redirect of an allowed server leads to a refused target, with each of these in turn."""
        allowed = self._allowed[self._fetch.families[0]]
        seconds = self._world.subject.manifest.timeouts.exchange
        for number, spelling in enumerate(self.redirected):
            status, url = statuses[number % len(statuses)], url_of(self._fetch, spelling.host)
            dialled, told = self.ask(allowed, redirect_path(status, url))
            self._came_right()
            wrong = self._came_wrong()
            what = f"{_came(wrong)}; to the client: {dialled.detail}"
            self._world.note(f"redirected to {url}: {_came(wrong)}")
            expected = (
                f"redirected ({status}) by an allowed server to {url}, {spelling.what}, nothing reaches its own host, "
                f"and the client is told in {seconds:g} s"
            )
            self._world.require(Finding(told and not wrong, expected, what))

    def ends_quietly(self) -> None:
        """Stop the service, and require that nothing more has come.

        Then look whether the refusals show something: names were looked up, and the canary still hears.
        """
        self._world.stop()
        asked = {query.name.lower() for query in self._names.queries()}
        unasked = [spelling.host for spelling in self.targets if spelling.named and spelling.host.lower() not in asked]
        self.unshown += [f"it never asked for the address of {host}" for host in unasked]
        self._came_right()
        late = self._came_wrong()
        self._world.require(
            Finding(not late, "until the service has ended nothing else reaches its own host", _came(late))
        )
        if missed := self._inside.missed(self.doors, self._world.host):
            self.unshown.append(f"in the end the canary did not hear at {' and '.join(missed)}")

    def shows_fetched(self) -> None:
        """Require that the connections to what may be fetched on the peer are on the link, over each family."""
        port = self._fetch.port

        def dialled(wire: Wire, family: Family) -> Finding:
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


def _came(clients: Sequence[Accepted]) -> str:
    """Say where clients have come to the canary."""
    if not clients:
        return "the canary saw nothing"
    return f"the canary was connected to at {' and '.join(sorted({client.address for client in clients}))}"
