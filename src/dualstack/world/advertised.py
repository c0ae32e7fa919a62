"""A neighbour that takes itself for a router: what it advertises, and what the service's host makes of it."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from threading import Event

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import AddressRow, Advertise, Dial, Load, Loaded, Outcome
from dualstack.world.base import World
from dualstack.world.listening import ListenerWorld
from dualstack.world.volleys import Ask, Told, fire

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


def forget(world: World, prefixes: Sequence[str]) -> None:
    """Take every address that the service's host has of these prefixes of 64 bits."""
    networks = [IPv6Network((prefix, 64)) for prefix in prefixes]

    def own() -> list[str]:
        rows = [row for row in world.host.prober.addresses() if row.family == Family.IPV6.value]
        # A temporary address ends with the one that it was made beside.
        rows.sort(key=lambda row: row.temporary)
        return [row.address for row in rows if any(IPv6Address(row.address) in network for network in networks)]

    while addresses := own():
        world.remove_address(addresses[0])


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
    """Let a client of ``family`` come again and again meanwhile, and require that it is answered every time.

    Over UDP it keeps its port: with many ports one would come twice by chance, and to whom a service answers who comes
    again is UDP-003's matter.
    """
    dial = world.exchange(family)
    with _load(world, dial) if world.is_tcp else _questions(world, family) as counted:
        yield
    count, failed, first = counted()
    ok = count > 0 and not failed
    happened = f"{failed} of {count} exchanges failed" + (f"; the first of those: {first}" if first else "")
    world.note(f"an {family.label} client that came again and again meanwhile: {happened}")
    expected = f"an {family.label} client that comes again and again meanwhile is answered every time"
    require(world, family, expected, happened, ok=ok)


_Counted = Callable[[], tuple[int, int, str]]
"""Tells how many exchanges there were, how many of them failed, and why the first one did."""


@contextmanager
def _load(world: ListenerWorld, dial: Dial) -> Iterator[_Counted]:
    """Let a client hold one exchange after the other, each on a new connection; count them."""
    results = list[Loaded]()

    def counted() -> tuple[int, int, str]:
        (loaded,) = results
        return sum(loaded.exchanges), loaded.failed, loaded.failures[0].detail if loaded.failures else ""

    with world.peer.prober.load(Load((dial,), rounds=0, pause=_PAUSE)) as load:
        yield counted
        results.append(load.finish(Deadline(dial.timeout + _LATE, "the last exchange to end")))


@contextmanager
def _questions(world: ListenerWorld, family: Family) -> Iterator[_Counted]:
    """Let a client ask one question after the other, all from one port; count them."""
    over, results = Event(), list[Told]()
    ask = Ask(world.addresses(family)[0], world.sources(family)[0])

    def keep_asking() -> None:
        port = 0
        while not over.wait(_PAUSE):
            (told,) = fire(world, [replace(ask, source_port=port)], 1)
            results.append(told)
            port = told.port

    def counted() -> tuple[int, int, str]:
        faults = [told.fault for told in results if told.fault]
        return len(results), len(faults), faults[0] if faults else ""

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(keep_asking)
        try:
            yield counted
        finally:
            over.set()
        asking.result()


def served_within(world: ListenerWorld, family: Family, seconds: float, when: str) -> None:
    """Require that a client of ``family`` is answered, at the address that the service had from the start.

    Args:
        world: The world.
        family: The family.
        seconds: Within how many seconds; it comes again until then.
        when: What happened just before, as the end of a sentence.
    """
    tried = list[str]()
    come = _caller(world, family) if world.is_tcp else _asker(world, family)

    def is_served() -> bool:
        ok, detail = come()
        tried.append(detail)
        return ok

    began = time.monotonic()
    ok = Deadline(seconds, "a client to be answered").until(is_served)
    world.waited += time.monotonic() - began
    address = world.addresses(family)[0]
    happened = tried[-1] + (f" (attempt {len(tried)})" if len(tried) > 1 else "")
    world.note(f"dial {address} {when}: {happened}")
    expected = f"an {family.label} client is answered at {address} within {seconds:g} s {when}"
    require(world, family, expected, happened, ok=ok)


def _caller(world: ListenerWorld, family: Family) -> Callable[[], tuple[bool, str]]:
    """Return what holds an exchange on a new connection, and tells whether it was answered, in words too."""
    dial = world.exchange(family)

    def come() -> tuple[bool, str]:
        dialled = world.peer.prober.dial(dial)
        return dialled.outcome is Outcome.ANSWERED, dialled.detail

    return come


def _asker(world: ListenerWorld, family: Family) -> Callable[[], tuple[bool, str]]:
    """Return what asks over UDP, always from the same port, and tells whether it was answered, in words too."""
    ask = Ask(world.addresses(family)[0], world.sources(family)[0])

    def come() -> tuple[bool, str]:
        nonlocal ask
        (told,) = fire(world, [ask], 1)
        ask = replace(ask, source_port=told.port)
        return not told.fault, told.fault or "it was answered"

    return come


def require(world: ListenerWorld, family: Family, expected: str, happened: str, *, ok: bool) -> None:
    """Add what clients of ``family`` have seen, with the service's last words if it was not as expected."""
    world.works[family.value] = world.works.get(family.value, True) and ok
    world.require(Finding(ok, expected, happened if ok else happened + world.last_words()))
