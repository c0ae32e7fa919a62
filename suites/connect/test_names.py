"""A connector reaches a name at whichever of its addresses the host can use."""

from collections.abc import Sequence

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.manifest import Connect
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.dns import dns_queries
from dualstack.wire.evidence import CaptureData
from dualstack.world import ConnectorWorld
from dualstack.world.run_attempts import delays_from_query

PROMPT = 1.0
"""Seconds from the first DNS query to the first attempt over the family that works."""

TRIES = 3
"""How often a slow run is repeated: a stall occurs every time, a busy machine does not."""


def connect_to_name(world: ConnectorWorld, over: Family, *, a: str = "none", aaaa: str = "none") -> bool:
    """Run the connector towards a name while the server listens on ``over``; require that it connects.

    Args:
        world: The world.
        over: The family that the server listens on, and that the connector should use.
        a: How A queries are answered: ``ok`` or ``none`` (NODATA).
        aaaa: How AAAA queries are answered.

    Returns:
        Whether it connected.
    """
    with world.names(a=a, aaaa=aaaa) as name, world.serve(over) as serving:
        return world.connect(name, serving, over)


@Requirement(
    id="CONNECT-003",
    title="Connects to a name that has only AAAA",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="The service connects to a name that has an AAAA record and no A record.",
    stimulus="The lab's name server answers AAAA with the server's address and A with NODATA; run the connector.",
    wire="An AAAA query was sent; every connection attempt is IPv6.",
    cites=("RFC 4038 §5.3", "RFC 3493 §6.1"),
    topologies=("dual-stack", "ipv6-only", "nat64-native"),
    causes=("RC-RESOLVER",),
    needs=(Need.IPV6, Need.NAMES),
    baseline=True,
).attach
def test_name_with_aaaa_only(world: ConnectorWorld) -> None:
    """A name that has only AAAA is reached over IPv6."""
    connect_to_name(world, Family.IPV6, aaaa="ok")
    asked = sorted({query.type for query in dns_queries(world.wire())})
    world.require(Finding("AAAA" in asked, "it asks for AAAA", f"it asked for {', '.join(asked) or 'nothing'}"))
    world.shows_connected(Family.IPV6)


@Requirement(
    id="CONNECT-004",
    title="Connects to a name that has only A",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="The service connects to a name that has an A record; a NODATA answer for AAAA does not stop it.",
    stimulus="The lab's name server answers A with the server's address and AAAA with NODATA; run the connector.",
    wire="Every connection attempt is IPv4.",
    cites=("RFC 4074 §4", "RFC 8305 §3"),
    topologies=("dual-stack", "ipv4-only"),
    causes=("RC-RESOLVER",),
    needs=(Need.IPV4, Need.NAMES),
    baseline=True,
).attach
def test_name_with_a_only(world: ConnectorWorld) -> None:
    """A name that has only A is reached over IPv4."""
    connect_to_name(world, Family.IPV4, a="ok")
    world.shows_connected(Family.IPV4)


@Requirement(
    id="CONNECT-007",
    title="No stall on an IPv4-only host when the name has AAAA",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="On a host without IPv6, a name with both A and AAAA is reached over IPv4 within 1 s.",
    stimulus="The lab's name server answers A and AAAA on a host that has no IPv6 address; run the connector, and up "
    "to two more times if it takes longer.",
    wire="In the fastest run, the first IPv4 attempt starts at most 1 s after the first DNS query; no IPv6 frame "
    "leaves the host, except those that the kernel sends by itself.",
    cites=("RFC 6724 §6 rule 1", "RFC 8305 §4"),
    topologies=("ipv4-only", "ipv4-only-disable-ipv6", "ipv4-only-no-af-inet6"),
    causes=("RC-FIRSTADDR", "RC-NOHE", "RC-NOINET6", "RC-WRONGFAMILYSOURCE"),
    needs=(Need.IPV4, Need.NAMES),
    baseline=True,
).attach
def test_dual_name_on_ipv4_only_host(world: ConnectorWorld) -> None:
    """A name with both records is reached at once on a host with only IPv4."""
    for _ in range(TRIES):
        began = world.journal.seconds
        connected = connect_to_name(world, Family.IPV4, a="ok", aaaa="ok")
        if not connected or world.journal.seconds - began <= PROMPT:
            break
    names = [name for name, _, _ in world.connector_runs.done]
    world.shows(lambda wire: prompt(wire, world.connector, names))
    world.shows_connected(Family.IPV4)
    world.shows_no_family(Family.IPV6)


def prompt(wire: CaptureData, connector: Connect, names: Sequence[str]) -> Finding:
    """Return whether, in the fastest run, an IPv4 attempt started soon enough after the first query.

    Args:
        wire: The packets.
        connector: The connector.
        names: The name of each run.

    Raises:
        Inconclusive: No IPv4 attempt followed a query.
    """
    delays = delays_from_query(wire, connector, names, Family.IPV4)
    return Finding(
        min(delays) <= PROMPT,
        f"the first IPv4 attempt starts within {PROMPT:g} s of the first DNS query",
        f"it started after {min(delays) * 1000:.1f} ms",
    )


@Requirement(
    id="CONNECT-008",
    title="Works by name on an IPv6-only host",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="On a host that has only IPv6 and an IPv6 name server, a name with both A and AAAA is reached over IPv6.",
    stimulus="The lab's name server, reached over IPv6, answers A and AAAA on a host without IPv4; run the connector.",
    wire="Every connection attempt and DNS query is IPv6; no IPv4 and no ARP frame leaves the host.",
    cites=("RFC 6540 §2", "RFC 8305 §7"),
    topologies=("ipv6-only", "ipv6-only-strict"),
    causes=("RC-RESOLVER", "RC-LITERAL"),
    needs=(Need.IPV6, Need.NAMES),
    baseline=True,
).attach
def test_dual_name_on_ipv6_only_host(world: ConnectorWorld) -> None:
    """A name with both records is reached on a host with only IPv6."""
    connect_to_name(world, Family.IPV6, a="ok", aaaa="ok")
    world.shows_connected(Family.IPV6)
    world.shows_no_family(Family.IPV4)
