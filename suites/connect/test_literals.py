"""A connector reaches an address literal over the family of that address."""

from dualstack.families import Family
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ConnectorWorld


def connect_to_literal(world: ConnectorWorld, family: Family) -> None:
    """Run the connector towards the server's address literal of ``family``."""
    with world.serve(family) as serving:
        world.connect(world.peer.plan.address(family), serving, family)
    world.shows_connected(family)


@Requirement(
    id="CONNECT-001",
    title="Connects to an IPv6 literal",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="Given an IPv6 literal as its target, the service connects to it over IPv6.",
    stimulus="The server listens on its IPv6 address; run the connector with that address (in brackets if a port "
    "follows it).",
    wire="Every connection attempt is IPv6 and goes to that address.",
    cites=("RFC 3986 §3.2.2", "RFC 4038 §5.1"),
    topologies=("dual-stack", "ipv6-only", "nat64-native"),
    causes=("RC-SPLIT", "RC-BRACKET", "RC-INETATON", "RC-SOCKADDR", "RC-SNI"),
    needs=(Need.IPV6, Need.LITERALS),
    baseline=True,
).attach
def test_ipv6_literal(world: ConnectorWorld) -> None:
    """An IPv6 literal is reached over IPv6."""
    connect_to_literal(world, Family.IPV6)


@Requirement(
    id="CONNECT-002",
    title="Connects to an IPv4 literal",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="Given an IPv4 literal as its target, the service connects to it over IPv4.",
    stimulus="The server listens on its IPv4 address; run the connector with that address.",
    wire="Every connection attempt is IPv4 and goes to that address.",
    cites=("RFC 4038 §4.3",),
    topologies=("dual-stack", "ipv4-only", "ipv4-only-disable-ipv6"),
    causes=("RC-WRONGFAMILYSOURCE", "RC-RESOLVER"),
    needs=(Need.IPV4, Need.LITERALS),
    baseline=True,
).attach
def test_ipv4_literal(world: ConnectorWorld) -> None:
    """An IPv4 literal is reached over IPv4."""
    connect_to_literal(world, Family.IPV4)
