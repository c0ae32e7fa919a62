"""A neighbour that takes itself for a router: what it advertises, and what the service's host makes of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, IPv6Network

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import AddressRow, Advertise, Dialled, Load, Outcome
from dualstack.world.base import World
from dualstack.world.listening import ListenerWorld

_LIFETIME, _PREFERRED = 3600, 1800
"""Seconds that are advertised; of less than two hours a withdrawal takes nothing away (RFC 4862 §5.5.3)."""

_TAKEN = 10.0
"""Seconds within which the host's kernel must have taken an advertisement; detecting duplicates takes up to 2."""

_LATE = 5.0
"""Seconds by which its last exchange may be late on a busy machine, beyond what an exchange may take."""

_PAUSE = 0.05
"""Seconds between two exchanges of a client that comes again and again."""


def announce(world: World, prefix: str) -> None:
    """Have the peer advertise a prefix of 64 bits and itself as a router, until the service's host has addresses of it.

    They are one address and a temporary one (RFC 8981 §3), both of which can be used then.

    Raises:
        Inconclusive: The kernel of the service's host has made itself no such addresses.
    """
    world.peer.prober.advertise(Advertise(prefix, world.peer.interface, _LIFETIME, _PREFERRED))
    world.note(f"the peer advertises the prefix {prefix}/64 and itself as a router")

    def is_taken(rows: list[AddressRow]) -> bool:
        return {row.temporary for row in rows if not (row.tentative or row.deprecated)} == {False, True}

    _await_addresses(world, prefix, is_taken, "an address and a temporary one")


def withdraw(world: World, prefix: str) -> None:
    """Have the peer withdraw a prefix and itself, until the addresses of it are deprecated.

    Raises:
        Inconclusive: The kernel of the service's host has not deprecated them.
    """
    world.peer.prober.advertise(Advertise(prefix, world.peer.interface, 0, 0))
    world.note(f"the peer withdraws {prefix}/64 and itself, with lifetimes of 0")
    _await_addresses(world, prefix, lambda rows: all(row.deprecated for row in rows), "no address but deprecated ones")


def _await_addresses(world: World, prefix: str, wanted: Callable[[list[AddressRow]], bool], what: str) -> None:
    """Wait until the addresses that the service's host has of a prefix are as wanted.

    Raises:
        Inconclusive: They are not in time, so nothing has been done to the service.
    """
    network = IPv6Network((prefix, 64))

    def own() -> list[AddressRow]:
        rows = [row for row in world.host.prober.addresses() if row.family == Family.IPV6.value]
        return [row for row in rows if IPv6Address(row.address) in network]

    if not Deadline(_TAKEN, what).until(lambda: wanted(own())):
        raise Inconclusive(
            f"after a router advertisement the kernel of the service's host is to have, of {network}, {what}; "
            f"within {_TAKEN:g} s it has {' and '.join(map(_told, own())) or 'none'}"
        )
    world.note(f"its host has of that prefix: {' and '.join(map(_told, own())) or 'none'}")


def _told(row: AddressRow) -> str:
    """Return an address in words."""
    states = [name for name in ("temporary", "tentative", "duplicate", "deprecated") if getattr(row, name)]
    return f"{row.address} ({', '.join(states)})" if states else row.address


@contextmanager
def keeps_coming(world: ListenerWorld, family: Family) -> Iterator[None]:
    """Let a client of ``family`` come again and again meanwhile, and require that it is answered every time."""
    dial = world.exchange(family)
    with world.peer.prober.load(Load((dial,), rounds=0, pause=_PAUSE)) as load:
        yield
        loaded = load.finish(Deadline(dial.timeout + _LATE, "the last exchange to end"))
    count = sum(loaded.exchanges)
    ok = count > 0 and not loaded.failed
    happened = f"{loaded.failed} of {count} exchanges failed"
    if loaded.failures:
        happened += f"; the first of those: {loaded.failures[0].detail}"
    world.note(f"an {family.label} client that came again and again meanwhile: {happened}")
    world.works[family.value] = world.works.get(family.value, True) and ok
    happened += "" if ok else world.last_words()
    expected = f"an {family.label} client that comes again and again meanwhile is answered every time"
    world.require(Finding(ok, expected, happened))


def served_within(world: ListenerWorld, family: Family, seconds: float, when: str) -> None:
    """Require that a client of ``family`` is answered, at the address that the service had from the start.

    Args:
        world: The world.
        family: The family.
        seconds: Within how many seconds; it comes again until then.
        when: What happened just before, as the end of a sentence.
    """
    dial, tried = world.exchange(family), list[Dialled]()

    def is_served() -> bool:
        tried.append(world.clients.host.prober.dial(dial))
        return tried[-1].outcome is Outcome.ANSWERED

    ok = Deadline(seconds, "a client to be answered").until(is_served)
    world.waited += sum(dialled.seconds for dialled in tried)
    again = f" (attempt {len(tried)})" if len(tried) > 1 else ""
    world.note(f"dial {dial.address} {when}: {tried[-1].detail}{again}")
    world.works[family.value] = world.works.get(family.value, True) and ok
    happened = tried[-1].detail + again + ("" if ok else world.last_words())
    world.require(
        Finding(ok, f"an {family.label} client is answered at {dial.address} within {seconds:g} s {when}", happened)
    )
