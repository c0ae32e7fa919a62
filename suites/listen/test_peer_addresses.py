"""What the service believes its clients' addresses to be."""

from dualstack.families import Family, unmapped
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld


def check_peer(world: ListenerWorld, family: Family, source: str, *, mapped_allowed: bool) -> None:
    """Dial from ``source`` and require that the service shows exactly that address as its client's."""
    address = world.addresses(family)[0]
    dialled = world.answers(family, address, source=source)
    shown = world.shown_peer(dialled)
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
    """Return the canonical text of an IPv6 address (RFC 5952), any other text as it is; no zone is stripped."""
    return unmapped(address) if not address.lower().startswith("::ffff:") else address


@Requirement(
    id="INTEROP-001",
    title="An IPv4 client of a dual-stack listener keeps its address",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="To the service an IPv4 client's address is that IPv4 address, or its IPv4-mapped form; never another, a "
    "truncated or an unspecified one.",
    stimulus="Hold an exchange over IPv4 and read the client's address from the answer or from the service's log. "
    "Where the service claims both families, repeat it directly after an exchange over IPv6.",
    wire="The exchanges are IPv4.",
    cites=("RFC 3493 §3.7", "RFC 4038 §4.2"),
    topologies=("dual-stack",),
    causes=("RC-MAPPED", "RC-SOCKADDR"),
    needs=(Need.IPV4, Need.PEER),
).attach
def test_ipv4_client_keeps_its_address(world: ListenerWorld) -> None:
    """An IPv4 client appears under its own address."""
    world.start()
    source = world.sources(Family.IPV4)[0]
    check_peer(world, Family.IPV4, source, mapped_allowed=True)
    if precede(world, Family.IPV6):
        check_peer(world, Family.IPV4, source, mapped_allowed=True)
    world.shows_served(Family.IPV4)


def precede(world: ListenerWorld, family: Family) -> bool:
    """Dial over ``family`` before a client of the other one, where both can come; return whether it was possible.

    A program that keeps one socket address for all its clients may leave a part of one client's in the next one's. What
    the service logs about the first client is awaited, so that it is not taken for the next one's.
    """
    possible = family in world.families and not world.listener.one_connection
    if possible:
        world.shown_peer(world.dial(family, world.addresses(family)[0]))
    return possible


@Requirement(
    id="INTEROP-002",
    title="An IPv6 client keeps its address",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="To the service an IPv6 client's address is exactly that address, all sixteen bytes of it.",
    stimulus="Hold exchanges over IPv6 from every address of the client (on the link two, one of them as long in text "
    "as an address can be); read the client's address from the answer or from the service's log. Where the service "
    "claims both families, repeat each of them directly after an exchange over IPv4.",
    wire="The exchanges over IPv6 are answered over IPv6.",
    cites=("RFC 3493 §3.3, §6.1", "RFC 4038 §5.1"),
    topologies=("dual-stack", "ipv6-only"),
    causes=("RC-SOCKADDR", "RC-ADDRLEN", "RC-SPLIT"),
    needs=(Need.IPV6, Need.PEER),
).attach
def test_ipv6_client_keeps_its_address(world: ListenerWorld) -> None:
    """IPv6 clients appear under their own addresses."""
    world.start()
    for source in world.sources(Family.IPV6):
        check_peer(world, Family.IPV6, source, mapped_allowed=False)
    for source in world.sources(Family.IPV6):
        if precede(world, Family.IPV4):
            check_peer(world, Family.IPV6, source, mapped_allowed=False)
    world.shows_served(Family.IPV6)
