"""A dual-stack listener is reachable over both families, on one port, whatever the system's defaults are."""

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.prober.messages import Outcome, SocketRow
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld

PROBES = 3
"""How often each address is probed, each time from a new source port."""


def serve_both(world: ListenerWorld) -> None:
    """Start the service, probe every address of both families, and check the packets.

    Each family is probed once before any is probed again: a socket that opens late must not have time for that. An
    address that has failed is not probed again.
    """
    world.service.start()
    failed = []
    for family in world.families if not world.listener.single_shot else ():
        first = world.reachable_addresses(family)[0]
        world.answers(family, first)
        failed += [] if world.findings[-1].ok else [first]
    for family in world.families:
        for address in world.reachable_addresses(family):
            if address not in failed:
                world.answers(family, address, times=PROBES)
    for family in world.families:
        world.shows_served(family)


@Requirement(
    id="LISTEN-001",
    title="Dual-stack reachability of every declared port",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that claims both families accepts connections and serves clients over both, on each declared "
    "port.",
    stimulus="Start the service on a dual-stack host; as soon as it is ready try one exchange over each family, then "
    "three with every address of both families, and compare the status of each answer with those of the other family.",
    wire="Each connection attempt has the family that was dialled and is answered from the address that was dialled.",
    cites=("RFC 4038 §4.2, §6.3.1", "RFC 3493 §3.7", "RFC 6540"),
    topologies=("dual-stack", "multi-address"),
    causes=("RC-V4SOCK", "RC-V6ONLY", "RC-LIBBUILD"),
    needs=(Need.BOTH, Need.NO_DUAL_UDP),
    baseline=True,
).attach
def test_dual_stack_reachability(world: ListenerWorld) -> None:
    """Every address of both families answers on a dual-stack host."""
    serve_both(world)


@Requirement(
    id="LISTEN-005",
    title="Dual-stack does not depend on the system's default of IPV6_V6ONLY",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that claims both families serves both on hosts where IPv6 sockets are IPv6-only by default, "
    "as on Windows and the BSDs.",
    stimulus="Set net.ipv6.bindv6only=1 before the service starts; then try three exchanges with every address of "
    "both families, and compare the status of each answer with those of the other family.",
    wire="Each connection attempt has the family that was dialled and is answered from the address that was dialled. "
    "The usual failure: IPv4 connection attempts are answered by a reset.",
    cites=("RFC 3493 §5.3", "ipv6(7)"),
    topologies=("dual-stack-bindv6only",),
    causes=("RC-V6ONLY", "RC-V4SOCK"),
    needs=(Need.BOTH, Need.NO_DUAL_UDP),
    baseline=True,
).attach
def test_independence_of_bindv6only(world: ListenerWorld) -> None:
    """Every address of both families answers where IPV6_V6ONLY is on by default."""
    serve_both(world)


@Requirement(
    id="LISTEN-006",
    title="Same port number for both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service uses the same port number for both families: clients dial a name and one port, at an address "
    "of either family.",
    stimulus="Probe the declared port over both families. If a family is not served there, search the service's "
    "socket table for another port that serves it. If no port does, LISTEN-001 or LISTEN-012 reports it, and this "
    "requirement is not judged.",
    wire="Connection attempts of both families to the same port are answered.",
    cites=("RFC 6724 §2", "RFC 8305 §2"),
    topologies=("dual-stack",),
    causes=("RC-TWOPORTS",),
    needs=(Need.BOTH,),
).attach
def test_same_port_for_both_families(world: ListenerWorld) -> None:
    """Both families of a declared port are served there, and none on another port instead."""
    world.service.start()
    port = world.listener.port
    declared = {item.port for item in world.subject.listen}
    answered = [family for family in BOTH if answers_at(world, family, port)]
    lost = [family for family in BOTH if family not in answered]
    others = sorted(
        {row.port for row in world.service.sockets.read() if _is_like(row, world) and row.port not in declared}
    )
    elsewhere = {family: next((other for other in others if answers_at(world, family, other)), 0) for family in lost}
    if lost and not any(elsewhere.values()):
        reachability = "LISTEN-001" if world.is_tcp else "LISTEN-012"
        labels = " and ".join(family.label for family in lost)
        raise NothingToJudge(f"{labels} is not served on any port; {reachability} reports that")
    for family in BOTH:
        other = elsewhere.get(family, 0)
        world.require(
            Finding(
                not other,
                f"{family.label} is served on port {port}, like {family.other.label}, and not on another port instead",
                f"{family.label} is served on port {other} instead"
                if other
                else f"{family.label} is {'served there' if family in answered else 'not served on any port'}",
            )
        )
    for family in answered:
        world.shows_served(family)


def answers_at(world: ListenerWorld, family: Family, port: int) -> bool:
    """Return whether a client of a family is answered on a port."""
    return world.client.dial(family, world.addresses(family)[0], port=port).outcome is Outcome.ANSWERED


def _is_like(row: SocketRow, world: ListenerWorld) -> bool:
    """Return whether a socket has the transport of the listener in question."""
    return row.transport == world.listener.transport.value
