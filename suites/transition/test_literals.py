"""A connector that is given an IPv4 literal on an IPv6-only network."""

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.rfc6052 import embed
from dualstack.world import ConnectorWorld
from dualstack.world.connecting import Run
from dualstack.world.translated import from_pool, require_translated, server_address

SOON = 2.0
"""Seconds within which a connector must give up, in addition to twice the time of an ordinary run."""

TRIES = 3
"""How often a slow run is repeated: one that hangs does so every time, a busy machine does not."""


@Requirement(
    id="TRANS-003",
    title="An IPv4 literal on an IPv6-only network does not hang",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="On an IPv6-only network without CLAT, given an IPv4 literal, the service either connects to the address "
    "that stands for it behind the NAT64 prefix, or reports an error within 2 s. Both are allowed; it does not hang, "
    "and does not report a success that did not happen.",
    stimulus="As a control, run the connector towards the IPv6 literal behind the prefix: it must succeed, and shows "
    "how long it takes. Then run it with the IPv4 literal, and up to two more times if it takes longer. connect() "
    "fails with ENETUNREACH at once; ipv4only.arpa has AAAA records that show the prefix.",
    wire="Every connection attempt goes to the address behind the prefix, or there is none.",
    cites=("RFC 8305 §7.1", "RFC 7050 §3", "RFC 8880 §7", "RFC 6052 §2.2"),
    topologies=("nat64-dns64",),
    causes=("RC-PREF64", "RC-LITERAL"),
    needs=(Need.TCP, Need.BOTH, Need.LITERALS, Need.ENDS),
).attach
def test_literal_without_clat(world: ConnectorWorld) -> None:
    """An IPv4 literal soon leads to a connection or to an error."""
    address = server_address(world)
    behind = embed(world.pref64, address)
    with world.names(a="ok"), world.serve(Family.IPV4) as serving:
        usual = world.connector_runs.run(behind, serving)
        if usual.problem:
            raise NothingToJudge(f"the connector does not reach {behind} either (CONNECT-001): {usual.problem}")
        within = SOON + 2 * usual.seconds
        for _ in range(TRIES):
            found = connects_or_says(world.connector_runs.run(address, serving), within)
            if found.ok:
                break
        world.require(found)
    require_translated(world, world.pref64)


def connects_or_says(run: Run, within: float) -> Finding:
    """Return whether a run succeeded, or ended by itself with an error in time."""
    expected = f"given an IPv4 literal it connects, or fails by itself with an error within {within:.1f} s"
    if not run.problem:
        return Finding(True, expected, f"it connected to the synthesized address: {run.reached}")
    ended = run.how is not None and not run.how.signal and run.seconds <= within
    loud = bool(run.fault) and run.how is not None and (run.how.code != 0 or run.said)
    return Finding(ended and loud, expected, f"after {run.seconds:.1f} s: {run.problem}")


@Requirement(
    id="TRANS-004",
    title="Works behind 464XLAT",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="On an IPv6-only network, on a host with a CLAT (the address 192.0.0.1 and an MTU that is 20 bytes "
    "smaller), the service connects to an IPv4 literal, and to a name whose server has only IPv4.",
    stimulus="The host has an interface clat, whose packets are translated to IPv6 on the host and back at the "
    "network's NAT64. Run the connector with the server's IPv4 literal, then, if it takes names, with a name that has "
    "an A record.",
    wire="The link carries only IPv6; every connection attempt goes to the server's address behind the prefix. The "
    "server sees a client at an IPv4 address of the translator.",
    cites=("RFC 6877 §4", "RFC 6877 §6", "RFC 7335 §4"),
    topologies=("nat64-clat",),
    causes=("RC-CLATADDRESS", "RC-LITERAL", "RC-MTU"),
    needs=(Need.BOTH, Need.LITERALS),
).attach
def test_behind_clat(world: ConnectorWorld) -> None:
    """An IPv4 literal, and a name that has only an A record, are reached over two translators."""
    with world.names(a="ok") as name, world.serve(Family.IPV4) as serving:
        for target in [server_address(world), *([name] if world.connector.names else [])]:
            if world.connect(target, serving):
                world.require(from_pool(world, serving.accepted()))
    require_translated(world, world.pref64)
