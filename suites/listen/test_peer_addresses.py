"""Which addresses the service shows for its clients."""

from collections.abc import Sequence

from dualstack.errors import NothingToJudge
from dualstack.families import Family, unmapped
from dualstack.finding import Finding
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.client import ERROR
from dualstack.world.prerequisites import require_served, start_or_leave


def keeps_addresses(world: ListenerWorld, family: Family, sources: Sequence[str]) -> None:
    """Require that clients of a family keep their addresses, also directly after a client of the other family."""
    start_or_leave(world)
    require_served(world, family)
    for source in sources:
        check_peer(world, family, source)
    for source in sources:
        if precede(world, family.other):
            check_peer(world, family, source)
    world.shows_served(family)


def check_peer(world: ListenerWorld, family: Family, source: str) -> None:
    """Dial from ``source``; require that the service shows that address for its client (an IPv4 one may be mapped)."""
    mapped_allowed = family is Family.IPV4
    address = world.addresses(family)[0]
    dialled = world.answers(family, address, source=source)
    shown = world.client.shown_address(dialled)
    if not shown and dialled.status >= ERROR:  # such an answer need not show it
        raise NothingToJudge(f"an answer with status {dialled.status} shows no address")
    plain = shown.strip("[]")
    same = unmapped(plain) == source if mapped_allowed else plain_text(plain) == source
    world.require(
        Finding(
            same,
            f"the service shows its client's address as {source}" + (f" or ::ffff:{source}" if mapped_allowed else ""),
            f'it shows "{shown}"' if shown else "it shows no address",
        )
    )


def plain_text(address: str) -> str:
    """Return the canonical text of an IPv6 address (RFC 5952) with its zone, and any other text unchanged."""
    return unmapped(address) if not address.lower().startswith("::ffff:") else address


@Requirement(
    id="INTEROP-001",
    title="An IPv4 client of a dual-stack listener keeps its address",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="The service sees an IPv4 client's address as that IPv4 address, or as its IPv4-mapped form; never as "
    "another, a truncated or an unspecified one.",
    stimulus="Try an exchange over IPv4 and read the client's address from the answer or from the service's log. If "
    "the service claims both families, repeat this directly after an exchange over IPv6.",
    wire="The exchanges are IPv4.",
    cites=("RFC 3493 §3.7", "RFC 4038 §4.2"),
    topologies=("dual-stack",),
    causes=("RC-MAPPED", "RC-SOCKADDR"),
    needs=(Need.IPV4, Need.PEER),
).attach
def test_ipv4_client_keeps_its_address(world: ListenerWorld) -> None:
    """The service shows an IPv4 client with its own address."""
    keeps_addresses(world, Family.IPV4, world.sources(Family.IPV4)[:1])


def precede(world: ListenerWorld, family: Family) -> bool:
    """Dial over ``family`` before a client of the other one does; return False if the service does not serve both.

    A program that keeps one socket address for all its clients may leave a part of one client's in the next one's. This
    waits for what the service logs about the first client, so that it is not mistaken for the next one's.
    """
    if family not in world.families or world.listener.single_shot:
        return False
    dialled = world.revive(world.client.dial(family, world.addresses(family)[0]))
    world.client.shown_address(dialled)
    return dialled.outcome is Outcome.ANSWERED


@Requirement(
    id="INTEROP-002",
    title="An IPv6 client keeps its address",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="The service sees an IPv6 client's address as exactly that address, with all sixteen bytes.",
    stimulus="Try exchanges over IPv6 from every address of the client (two on the link, one of them with the longest "
    "text that an address can have); read the client's address from the answer or from the service's log. If the "
    "service claims both families, repeat each of them directly after an exchange over IPv4.",
    wire="The exchanges over IPv6 are answered over IPv6.",
    cites=("RFC 3493 §3.3, §6.1", "RFC 4038 §5.1"),
    topologies=("dual-stack", "ipv6-only"),
    causes=("RC-SOCKADDR", "RC-ADDRLEN", "RC-SPLIT"),
    needs=(Need.IPV6, Need.PEER),
).attach
def test_ipv6_client_keeps_its_address(world: ListenerWorld) -> None:
    """The service shows IPv6 clients with their own addresses."""
    keeps_addresses(world, Family.IPV6, world.sources(Family.IPV6))
