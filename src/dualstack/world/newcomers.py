"""Clients with addresses that the client's host is given for one case, and clients that come at the same time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dualstack.families import Family
from dualstack.prober.messages import Dial, Linger, Outcome
from dualstack.world.listening import ListenerWorld
from dualstack.world.volleys import Ask, fire

ROUNDS = 2
"""How often each client of a datagram service asks: what a service keeps of the first time may matter to the second."""


@dataclass(frozen=True, slots=True)
class Came:
    """What one of several clients that came at the same time saw.

    Attributes:
        name: Its address.
        answered: Whether it got its answer.
        detail: How its exchange ended, in words.
    """

    name: str
    answered: bool
    detail: str


def give_addresses(world: ListenerWorld, addresses: Iterable[str]) -> None:
    """Give the client's host addresses on the link; it loses them with the lab."""
    given = list(addresses)
    for address in given:
        world.peer.add_address(address)
    if given:
        world.note(f"the client's host is given {', '.join(given)}")


def come_together(world: ListenerWorld, sources: Sequence[str], port: int = 0) -> list[Came]:
    """Have a client at each of the addresses hold an exchange, all at the same time; return what each saw.

    Over TCP all of them connect before the first one says anything.

    Args:
        world: The world.
        sources: The clients' addresses; one may be there several times.
        port: The source port of all of them; 0 for the kernel's choice.
    """
    came = (_over_tcp if world.is_tcp else _over_udp)(world, sources, port)
    told = "; ".join(f"{one.name}: {one.detail}" for one in came if not one.answered) or "all were answered"
    where = f" from port {port}" if port else ""
    world.note(f"{len(came)} clients come at the same time{where}: {told}")
    return came


def _over_tcp(world: ListenerWorld, sources: Sequence[str], port: int) -> list[Came]:
    """Have clients connect, and speak when all of them have."""
    dials = [_from(world, source, port) for source in sources]
    with world.peer.prober.linger(Linger(tuple(dials))) as clients:
        spoken = iter(clients.speak(max(dial.timeout for dial in dials)))
        results = [next(spoken) if client.connected else client for client in clients.clients]
    world.waited += max(result.seconds for result in results)
    return [
        Came(source, result.outcome is Outcome.ANSWERED, result.detail)
        for source, result in zip(sources, results, strict=True)
    ]


def _over_udp(world: ListenerWorld, sources: Sequence[str], port: int) -> list[Came]:
    """Have clients ask in turn, twice, before the first one is waited for."""
    asks = [Ask(world.addresses(Family.of(source))[0], source, port) for source in sources]
    came = []
    for told in fire(world, asks, ROUNDS):
        fault = told.fault or (f"{len(told.strays)} datagrams answer none of its requests" if told.strays else "")
        came.append(Came(told.ask.source, not fault, fault or "it was answered"))
    return came


def _from(world: ListenerWorld, source: str, port: int) -> Dial:
    """Return an exchange of a client with an address and a port."""
    return replace(world.exchange(Family.of(source)), source=source, source_port=port)


def failures(came: Sequence[Came]) -> str:
    """Return in words what went wrong for those that got no answer; empty if all got theirs."""
    lost = [one for one in came if not one.answered]
    return "; ".join(f"{one.name}: {one.detail}" for one in lost)
