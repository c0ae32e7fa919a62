"""UDP clients of a relay and its server, whose datagrams are sent one by one and compared at both ends."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from dualstack.deadline import Deadline
from dualstack.errors import NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.lab.protocol import Host
from dualstack.prober.messages import ReceivedDatagram
from dualstack.prober.messages.datagram_sockets import AwaitDatagrams, OpenDatagramSockets, SendDatagram
from dualstack.prober.messages.requests import Close
from dualstack.transport import Transport
from dualstack.world.limits import wait_out_limits
from dualstack.world.relaying import RelayWorld

FIRST, SECOND = 20001, 20002
"""The clients' ports, outside the kernel's ephemeral range."""

_GONE_TIMEOUT = 5.0
"""Seconds that closing a socket may take beyond twice the idle time."""

BUSY_FOR = 1.5
"""Times the idle time for which a client is busy."""

End = tuple[str, int]
"""An address and a port."""

_numbers = itertools.count(1)


class Sockets:
    """UDP sockets on a host, open for the length of a ``with`` block.

    Attributes:
        places: The address and port of each.
    """

    def __init__(self, host: Host, places: Sequence[End]) -> None:
        """Open them."""
        self.places = tuple(places)
        self._call = host.prober.call
        self._handle = host.prober.call(OpenDatagramSockets(self.places))

    def __enter__(self) -> Self:
        """Return them."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close them."""
        self._call(Close(self._handle))

    def send(self, number: int, target: End, text: str) -> None:
        """Send a datagram from one of them."""
        self._call(SendDatagram(self._handle, number, *target, text))

    def received(self, texts: Sequence[str], seconds: float) -> tuple[tuple[ReceivedDatagram, ...], ...]:
        """Return what each has received, when each of these texts is among it, or after so many seconds."""
        return self._call(AwaitDatagrams(self._handle, tuple(texts), seconds))


@dataclass(frozen=True, slots=True)
class UdpClient:
    """A client of the relay.

    Attributes:
        family: The family over which it sends.
        place: Its own address and port.
        target: The relay's address and port.
    """

    family: Family
    place: End
    target: End

    def __str__(self) -> str:
        """Return its address and port."""
        return endpoint(*self.place)


def clients_of(world: RelayWorld, families: Sequence[Family], *, several: bool) -> list[UdpClient]:
    """Return one client of each family, or ``several`` that differ in address alone or in port alone."""
    found = []
    for family in families:
        one, other = world.peer.plan.configured[family][:2]
        target = (world.addresses(family)[0], world.listener.port)
        places = [(one, FIRST), (other, FIRST), (one, SECOND)] if several else [(one, FIRST)]
        found += [UdpClient(family, place, target) for place in places]
    return found


class Associations:
    """Clients and the server of a running relay, each with its socket.

    Attributes:
        clients: The clients whose first datagram has reached the server.
        seen_from: The address and port from which the server gets the datagrams of each of these clients.
        idle: Seconds without a datagram after which the relay forgets a client; 0 if its manifest does not say.
    """

    def __init__(self, world: RelayWorld, back: Family, clients: Sequence[UdpClient]) -> None:
        """Open the sockets; nothing is sent."""
        self._world, self._all = world, list(clients)
        self.clients: list[UdpClient] = []
        self.seen_from: dict[UdpClient, End] = {}
        self._read: Counter[UdpClient] = Counter()
        self.server_place = (world.server.plan.configured[back][0], world.relay.port)
        self._near = Sockets(world.peer, [item.place for item in clients])
        self._far = Sockets(world.server, [self.server_place])
        self._seconds = world.subject.manifest.timeouts.exchange
        self.idle = world.relay.udp_idle or 0.0

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close all sockets."""
        self._near.__exit__(kind, error, where)
        self._far.__exit__(kind, error, where)

    def begin(self) -> bool:
        """Have each client send one datagram; note from where the server gets it, and return whether it gets any."""
        for client in self._all:
            self.ask(client)
        self._world.note(f"clients that reach the server: {len(self.clients)} of {len(self._all)}")
        return bool(self.clients)

    def ask(self, client: UdpClient) -> bool:
        """Have a client send a datagram; return whether the server gets it, and note from where."""
        text = f"request {next(_numbers)}"
        self._near.send(self._all.index(client), client.target, text)
        (got,) = self._far.received([text], self._seconds)
        found = next((item for item in got if item.text == text), None)
        if found is None:
            return False
        if client not in self.clients:
            self.clients.append(client)
        self.seen_from[client] = (found.address, found.port)
        return True

    def answer(self, client: UdpClient, by: Sockets | None = None) -> str:
        """Have the server, or another socket, send a datagram to where it sees a client; return its text."""
        text = f"answer {next(_numbers)}"
        (by or self._far).send(0, self.seen_from[client], text)
        return text

    def got(
        self, expected: dict[UdpClient, list[str]], seconds: float = 0.0
    ) -> dict[UdpClient, tuple[ReceivedDatagram, ...]]:
        """Return what each client has newly received, when all that is expected has arrived or the time is up.

        Args:
            expected: The texts that each client should receive.
            seconds: The time; by default that of an exchange.
        """
        texts = [text for texts in expected.values() for text in texts]
        rows = self._near.received(texts, seconds or self._seconds)
        found = {}
        for client in expected:
            row = rows[self._all.index(client)]
            found[client], self._read[client] = row[self._read[client] :], len(row)
        return found

    def places(self, client: UdpClient) -> Iterator[tuple[float, End]]:
        """Have a client and the server talk for `BUSY_FOR` times the idle time.

        It ends earlier if more than half of the idle time is between two datagrams, because the machine is busy. An
        answer may be lost when the relay closes the client's socket: where the next datagram comes from shows that.

        Yields:
            After how many seconds, and from where, the server gets each datagram of the client.

        Raises:
            NothingToJudge: The first exchange fails, or a datagram of the client is lost.
        """
        began = last = time.monotonic()
        while last - began < BUSY_FOR * self.idle:
            asked, text = self.ask(client), self.answer(client)
            got = self.got({client: [text]}, 0.0 if last == began else self.idle / 4)[client]
            answered = text in [item.text for item in got]
            if not asked or (last == began and not answered):
                raise NothingToJudge("a datagram is lost: the requirements on reachability cover that")
            before, last = last, time.monotonic()
            if before > began and last - before > self.idle / 2:
                self._world.note(f"this machine is busy: {last - before:.2f} s passed between two datagrams")
                return
            yield last - began, self.seen_from[client]
            if answered:
                wait_out_limits(self.idle / 4)

    def socket_is_gone(self, client: UdpClient) -> bool:
        """Wait until the relay has closed the socket of a client towards the server; return whether it has in time."""
        port, prober = self.seen_from[client][1], self._world.host.prober
        deadline = Deadline(2 * self.idle + _GONE_TIMEOUT, "the socket to be closed")
        return deadline.until(lambda: all(row.port != port for row in prober.sockets(Transport.UDP)))


def begun(world: RelayWorld, *, several: bool) -> Iterator[tuple[Family, Associations]]:
    """Yield the clients that reach the server over each family of servers, while the relay runs towards that server.

    Raises:
        NothingToJudge: No datagram reaches the server over any family.
    """
    reached = False
    for back in world.back_families:
        with world.target(back) as target:
            world.start_towards(target)
            with Associations(world, back, clients_of(world, world.families, several=several)) as both:
                if both.begin():
                    reached = True
                    yield back, both
    if not reached:
        raise NothingToJudge("no datagram reaches the server: the requirements on reachability cover that")


def only_its_own(client: UdpClient, back: Family, texts: list[str], got: Sequence[ReceivedDatagram]) -> Finding:
    """Return whether a client has received exactly these datagrams, from the address and port that it sent to."""
    expected = (
        f"the client at {client} gets the {back.label} server's answers to it and no others, from {_place(client)}"
    )
    found = [item.text for item in got]
    missing = [text for text in texts if text not in found]
    strange = [item for item in got if item.text not in texts]
    elsewhere = {endpoint(item.address, item.port) for item in got if (item.address, item.port) != client.target}
    faults = [f"{len(missing)} of {len(texts)} are missing"] if missing else []
    empty = sum(not item.text for item in strange)
    faults += [f"it got {len(strange)} that are not for it" + f", {empty} of them empty" * bool(empty)] * bool(strange)
    faults += [f"they came from {' and '.join(sorted(elsewhere))}"] if elsewhere else []
    symptoms = (Symptom.OTHERS_ANSWERS,) if missing or len(strange) > empty else ()
    return Finding(not faults, expected, "; ".join(faults) or f"it got {len(found)}", symptoms=symptoms)


def _place(client: UdpClient) -> str:
    """Return the address and port to which a client sends."""
    return endpoint(*client.target)
