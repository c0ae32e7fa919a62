"""A rogue router (RFC 6104): the peer sends router advertisements, and the service's host configures addresses."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from threading import Event

from dualstack.counting import count
from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import AddressRow, Advertise, Dial, Load, LoadResult, Outcome
from dualstack.world.base import World
from dualstack.world.datagrams import DatagramClient, DatagramResult, send_datagrams
from dualstack.world.listening import ListenerWorld

_LIFETIME, _PREFERRED = 3600, 1800
"""Advertised lifetimes in seconds: under two hours, so that they can be withdrawn (RFC 4862 §5.5.3)."""

_RA_TIMEOUT = 10.0
"""Seconds to wait until the host's kernel has applied an advertisement; duplicate detection takes up to 2."""

_LAST_EXCHANGE_TIMEOUT = 5.0
"""Seconds to wait for the last exchange on a busy machine, in addition to the exchange's own timeout."""

_PAUSE = 0.05
"""Seconds between two exchanges of a client that repeats them."""


def advertise_prefix(world: World, prefix: str) -> None:
    """Make the peer advertise itself as a router with a /64 prefix, and wait for the service's host to use it.

    The host then has two usable addresses of the prefix, one of them temporary (RFC 8981 §3).

    Raises:
        Inconclusive: The kernel of the service's host has not configured them.
    """
    world.peer.prober.call(Advertise(prefix, world.peer.interface, _LIFETIME, _PREFERRED))
    world.note(f"the peer advertises the prefix {prefix}/64 and itself as a router")

    def is_taken(rows: list[AddressRow]) -> bool:
        return {row.temporary for row in rows if not (row.tentative or row.deprecated)} == {False, True}

    _await_addresses(world, prefix, is_taken, "an address and a temporary one")


def withdraw_prefix(world: World, prefix: str) -> None:
    """Make the peer advertise the prefix and itself with lifetimes of 0, and wait until the addresses are deprecated.

    Raises:
        Inconclusive: The kernel of the service's host has not deprecated them.
    """
    world.peer.prober.call(Advertise(prefix, world.peer.interface, 0, 0))
    world.note(f"the peer withdraws {prefix}/64 and itself, with lifetimes of 0")
    _await_addresses(world, prefix, lambda rows: all(row.deprecated for row in rows), "only deprecated addresses")


def remove_prefix_addresses(world: World, prefixes: Sequence[str]) -> None:
    """Remove all addresses of these /64 prefixes from the service's host."""
    networks = [IPv6Network((prefix, 64)) for prefix in prefixes]

    def own() -> list[str]:
        rows = [row for row in world.host.prober.addresses() if row.family == Family.IPV6.value]
        # The kernel removes a temporary address together with its public one, so the public one goes first.
        rows.sort(key=lambda row: row.temporary)
        return [row.address for row in rows if any(IPv6Address(row.address) in network for network in networks)]

    while addresses := own():
        world.remove_address(addresses[0])


def _await_addresses(world: World, prefix: str, wanted: Callable[[list[AddressRow]], bool], what: str) -> None:
    """Wait until the addresses of a prefix on the service's host satisfy ``wanted``; ``what`` describes it.

    Raises:
        Inconclusive: They do not in time, so nothing was done to the service.
    """
    network = IPv6Network((prefix, 64))

    def own() -> list[AddressRow]:
        rows = [row for row in world.host.prober.addresses() if row.family == Family.IPV6.value]
        return [row for row in rows if IPv6Address(row.address) in network]

    if not Deadline(_RA_TIMEOUT, what).until(lambda: wanted(own())):
        raise Inconclusive(
            f"{_RA_TIMEOUT:g} s after a router advertisement the service's host should have, in {network}, {what}; "
            f"it has {' and '.join(map(_described, own())) or 'none'}"
        )
    world.note(f"addresses of that prefix on the service's host: {' and '.join(map(_described, own())) or 'none'}")


def _described(row: AddressRow) -> str:
    """Return an address with its states, such as ``(temporary, deprecated)``."""
    states = [name for name in ("temporary", "tentative", "duplicate", "deprecated") if getattr(row, name)]
    return f"{row.address} ({', '.join(states)})" if states else row.address


@contextmanager
def repeats_exchanges(world: ListenerWorld, family: Family) -> Iterator[None]:
    """Make a client of ``family`` repeat an exchange during the block, and require that it is answered every time.

    Over UDP it keeps its source port: a random port could repeat, and reuse of a port is UDP-003's subject.
    """
    dial = world.client.exchange(family)
    with _load(world, dial) if world.is_tcp else _questions(world, family) as counted:
        yield
    done, failed, first = counted()
    ok = done > 0 and not failed
    happened = f"{failed} of {count(done, 'exchange')} failed" + (f"; the first of those: {first}" if first else "")
    world.note(f"an {family.label} client that repeated its exchange meanwhile: {happened}")
    expected = f"an {family.label} client that repeats its exchange meanwhile is answered every time"
    require(world, family, expected, happened, ok=ok)


_Counted = Callable[[], tuple[int, int, str]]
"""Returns the number of exchanges, the number of failed ones, and why the first one failed."""


@contextmanager
def _load(world: ListenerWorld, dial: Dial) -> Iterator[_Counted]:
    """Make a client hold one exchange after the other, each on a new connection; count them."""
    results = list[LoadResult]()

    def counted() -> tuple[int, int, str]:
        (loaded,) = results
        return sum(loaded.exchanges), loaded.failed, loaded.failures[0].detail if loaded.failures else ""

    with world.peer.prober.load(Load((dial,), rounds=0, pause=_PAUSE)) as load:
        yield counted
        results.append(load.finish(Deadline(dial.timeout + _LAST_EXCHANGE_TIMEOUT, "the last exchange to end")))


@contextmanager
def _questions(world: ListenerWorld, family: Family) -> Iterator[_Counted]:
    """Make a client send one request after the other, all from one port; count them."""
    over, results = Event(), list[DatagramResult]()
    client = DatagramClient(world.addresses(family)[0], world.sources(family)[0])

    def keep_asking() -> None:
        port = 0
        while not over.wait(_PAUSE):
            (result,) = send_datagrams(world, [replace(client, source_port=port)], 1)
            results.append(result)
            port = result.port

    def counted() -> tuple[int, int, str]:
        faults = [result.fault for result in results if result.fault]
        return len(results), len(faults), faults[0] if faults else ""

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(keep_asking)
        try:
            yield counted
        finally:
            over.set()
        asking.result()


def answers_within(world: ListenerWorld, family: Family, seconds: float, when: str) -> None:
    """Require that a client of ``family`` is answered at the service's first address.

    Args:
        world: The world.
        family: The family.
        seconds: The timeout in seconds; the client tries again until then.
        when: What happened just before, as the end of a sentence.
    """
    tried = list[str]()
    attempt = _tcp_attempt(world, family) if world.is_tcp else _udp_attempt(world, family)

    def is_served() -> bool:
        ok, detail = attempt()
        tried.append(detail)
        return ok

    began = time.monotonic()
    ok = Deadline(seconds, "a client to be answered").until(is_served)
    world.journal.waited += time.monotonic() - began
    address = world.addresses(family)[0]
    happened = tried[-1] + (f" (attempt {len(tried)})" if len(tried) > 1 else "")
    world.note(f"dial {address} {when}: {happened}")
    expected = f"an {family.label} client is answered at {address} within {seconds:g} s {when}"
    require(world, family, expected, happened, ok=ok)


def _tcp_attempt(world: ListenerWorld, family: Family) -> Callable[[], tuple[bool, str]]:
    """Return a function that holds an exchange on a new connection, and returns whether and how it was answered."""
    dial = world.client.exchange(family)

    def attempt() -> tuple[bool, str]:
        dialled = world.peer.prober.dial(dial)
        return dialled.outcome is Outcome.ANSWERED, dialled.detail

    return attempt


def _udp_attempt(world: ListenerWorld, family: Family) -> Callable[[], tuple[bool, str]]:
    """Return a function that sends a request over UDP, always from one port, and returns whether it was answered."""
    client = DatagramClient(world.addresses(family)[0], world.sources(family)[0])

    def attempt() -> tuple[bool, str]:
        nonlocal client
        (result,) = send_datagrams(world, [client], 1)
        client = replace(client, source_port=result.port)
        return not result.fault, result.fault or "it was answered"

    return attempt


def require(world: ListenerWorld, family: Family, expected: str, happened: str, *, ok: bool) -> None:
    """Add a finding about clients of ``family``, with the service's last log line if it is not as expected."""
    world.count(family, served=ok)
    world.require(Finding(ok, expected, happened if ok else happened + world.service.last_log_line()))
