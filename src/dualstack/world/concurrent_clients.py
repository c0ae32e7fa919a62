"""Concurrent clients, with addresses that are added to their host for one case."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dualstack.counting import count, verb
from dualstack.families import Family
from dualstack.lab.changes import AddAddress
from dualstack.prober.messages import Dial, HoldConnections
from dualstack.world.datagrams import DatagramClient, send_datagrams
from dualstack.world.listening import ListenerWorld

ROUNDS = 2
"""How many requests each UDP client sends: state that the service keeps of the first may affect the second."""


@dataclass(frozen=True, slots=True)
class ClientResult:
    """The result of one of several concurrent clients.

    Attributes:
        name: The client's address.
        answered: Whether it was answered, and not with an error that others do not get.
        detail: A description of how its exchange ended.
        confused: Whether it got an answer to none of its requests.
        answers: The texts of its answers.
    """

    name: str
    answered: bool
    detail: str
    confused: bool = False
    answers: tuple[str, ...] = ()


def add_client_addresses(world: ListenerWorld, addresses: Iterable[str]) -> None:
    """Add addresses on the link to the client's host; they are removed with the lab."""
    given = list(addresses)
    for address in given:
        world.peer.apply(AddAddress(address))
    if given:
        world.note(f"add {', '.join(given)} to the client's host")


def dial_together(world: ListenerWorld, sources: Sequence[str], port: int = 0) -> list[ClientResult]:
    """Make a client at each of the addresses hold an exchange at the same time; return their results.

    Over TCP all of them connect before the first one sends anything.

    Args:
        world: The world.
        sources: The clients' addresses; an address may occur several times.
        port: The source port of all of them; 0 for the kernel's choice.
    """
    results = (_over_tcp if world.is_tcp else _over_udp)(world, sources, port)
    faults = "; ".join(f"{one.name}: {one.detail}" for one in results if not one.answered) or "all were answered"
    where = f" from port {port}" if port else ""
    world.note(f"{len(results)} concurrent clients{where}: {faults}")
    return results


def _over_tcp(world: ListenerWorld, sources: Sequence[str], port: int) -> list[ClientResult]:
    """Make the clients connect, and send when all of them have connected."""
    dials = [_from(world, source, port) for source in sources]
    with world.peer.prober.hold_connections(HoldConnections(tuple(dials))) as clients:
        spoken = iter(clients.speak(max(dial.timeout for dial in dials)))
        ends = [next(spoken) if client.connected else client for client in clients.clients]
    world.journal.waited += max(end.seconds for end in ends)
    return [
        ClientResult(source, world.client.is_served(end), end.detail, answers=(end.answer,))
        for source, end in zip(sources, ends, strict=True)
    ]


def _over_udp(world: ListenerWorld, sources: Sequence[str], port: int) -> list[ClientResult]:
    """Make the clients send requests in turn, `ROUNDS` times each."""
    clients = [DatagramClient(world.addresses(Family.of(source))[0], source, port) for source in sources]
    results = []
    for result in send_datagrams(world, clients, ROUNDS):
        others = len(result.unexpected)
        answer = f"{count(others, 'datagram')} {verb(others, 'answers', 'answer')} none of its requests"
        fault = result.fault or (answer if others else "")
        detail = fault or "it was answered"
        answers = tuple(one.text for one in result.received)
        results.append(ClientResult(result.client.source, not fault, detail, bool(others), answers))
    return results


def _from(world: ListenerWorld, source: str, port: int) -> Dial:
    """Return an exchange of a client with this address and port."""
    return replace(world.client.exchange(Family.of(source)), source=source, source_port=port)


def failures(results: Sequence[ClientResult]) -> str:
    """Return the clients that were not answered, each with the reason; empty if all were."""
    lost = [one for one in results if not one.answered]
    return "; ".join(f"{one.name}: {one.detail}" for one in lost)
