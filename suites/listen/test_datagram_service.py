"""A datagram service answers over both families, wherever they are."""

from dualstack.families import BOTH
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld

PROBES = 3
"""How often an address is asked, each time from a fresh source port."""


@Requirement(
    id="LISTEN-012",
    title="Dual-stack datagram service",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A UDP service that claims both families answers over each family that its host has: over both on a "
    "dual-stack host, whatever the system's default of IPV6_V6ONLY is, and over the one that is left elsewhere.",
    stimulus="Start the service on hosts with both families, with IPv6 only and with IPv4 only; hold three exchanges "
    "with an address of each family.",
    wire="Each request is answered by a datagram over the same family from the address and port that were asked; no "
    "packet of a family that the host lacks leaves it.",
    cites=("RFC 3493 §3.7, §5.3", "RFC 4038 §4.2, §6.3.1", "RFC 6540 §2"),
    topologies=(
        "dual-stack",
        "dual-stack-bindv6only",
        "multi-address",
        "ipv6-only",
        "ipv6-only-strict",
        "ipv4-only",
        "ipv4-only-disable-ipv6",
    ),
    causes=("RC-V4SOCK", "RC-V6ONLY", "RC-SOCKADDR", "RC-PKTINFO", "RC-NOINET6"),
    needs=(Need.UDP, Need.BOTH),
    plain=True,
).attach
def test_dual_stack_datagrams(world: ListenerWorld) -> None:
    """Every family that the host has is answered."""
    world.start()
    for family in world.families:
        for address in world.entrances(family):
            world.answers(family, address, times=PROBES)
    for family in BOTH:
        if family in world.families:
            world.shows_served(family)
        else:
            world.shows_no_family(family)
