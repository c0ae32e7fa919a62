"""A datagram service answers over both families, wherever they are."""

from dualstack.families import BOTH, Family
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld

ORDER = (0, 1, 1, 0, 0, 1)
"""Which of two families is asked in turn: each comes after the other one, and after itself; each from a fresh port."""


@Requirement(
    id="LISTEN-012",
    title="Dual-stack datagram service",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A UDP service that claims both families answers over each family that its host has: over both on a "
    "dual-stack host, whatever the system's default of IPV6_V6ONLY is, and over the one that is left elsewhere.",
    stimulus="Start the service on hosts with both families, with IPv6 only and with IPv4 only; hold three exchanges "
    "with an address of each family. Where both are there they take turns: a client of each family comes directly "
    "after one of the other family, and directly after one of its own.",
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
    ask_in_turn(world)
    for family in BOTH:
        if family in world.families:
            world.shows_served(family)
        else:
            world.shows_no_family(family)


def ask_in_turn(world: ListenerWorld) -> None:
    """Require that clients of all families, in every order, are answered; a family that was not is not asked again."""
    families, lost = world.families, set[Family]()
    turns = [families[place] for place in ORDER if place < len(families)]
    for family in turns:
        for address in world.entrances(family) if family not in lost else ():
            if world.answers(family, address).outcome is not Outcome.ANSWERED:
                lost.add(family)
