"""A connector on an IPv6-only network reaches an IPv4-only server by name, through NAT64 and DNS64."""

from dualstack.families import Family
from dualstack.lab.functions.translation import OTHER_PREFIXES
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ConnectorWorld
from dualstack.world.translated import from_pool, require_translated


def reach_by_name(world: ConnectorWorld, although: str = "") -> None:
    """Run the connector towards a name that has only an A record; require that it reaches the server.

    Args:
        world: The world.
        although: What makes that difficult; the finding names it.
    """
    with world.names(a="ok") as name, world.serve(Family.IPV4) as serving:
        if world.connect(name, serving, Family.IPV6, although=although):
            world.require(from_pool(world, serving.accepted()))


@Requirement(
    id="TRANS-001",
    title="Reaches an IPv4-only server by name through NAT64 and DNS64",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="On an IPv6-only network with NAT64 and DNS64 the service connects to a name whose server has only IPv4.",
    stimulus="The server listens on its IPv4 address, on a link that a translator connects with the service's "
    "IPv6-only link. The name has an A record; the name server synthesizes the AAAA record behind 2001:db8:64::/96. "
    "Run the connector.",
    wire="Every connection attempt is IPv6 and goes to the synthesized address; no IPv4 and no ARP frame leaves the "
    "host. The server sees a client at an IPv4 address of the translator.",
    cites=("RFC 6146 §1.2", "RFC 6147 §5.1", "RFC 6052 §2.2", "RFC 6540 §2"),
    topologies=("nat64-dns64",),
    causes=("RC-RESOLVER", "RC-PREF64", "RC-LITERAL"),
    needs=(Need.IPV6, Need.NAMES),
).attach
def test_name_behind_nat64(world: ConnectorWorld) -> None:
    """A name that has only an A record is reached over IPv6."""
    reach_by_name(world)
    require_translated(world, world.pref64)


@Requirement(
    id="TRANS-002",
    title="Works with every NAT64 prefix",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="TRANS-001 holds for prefixes of 32, 40, 48, 56, 64 and 96 bits, and for the local prefix "
    "64:ff9b:1::/48: the service assumes no prefix.",
    stimulus="As TRANS-001, once with each prefix: translator and name server change it between the runs. Lengths "
    "below 96 place the IPv4 address inside the IPv6 address, around bits 64 to 71.",
    wire="As TRANS-001, with the addresses behind each prefix.",
    cites=("RFC 6052 §2.2", "RFC 8215 §4", "RFC 8781 §4"),
    topologies=("nat64-dns64",),
    causes=("RC-PREF64", "RC-RESOLVER"),
    needs=(Need.IPV6, Need.NAMES),
).attach
def test_other_prefixes(world: ConnectorWorld) -> None:
    """The same name is reached behind a prefix of each length."""
    for prefix in OTHER_PREFIXES:
        world.use_prefix(prefix)
        reach_by_name(world, f"the prefix is {prefix}")
    require_translated(world, *OTHER_PREFIXES)
