"""A datagram service answers over each family that its host has."""

from functools import partial

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld

ORDER = (0, 1, 1, 0, 0, 1)
"""The order of the families: each comes once after the other one and once after itself, always from a new port."""


@Requirement(
    id="LISTEN-012",
    title="A datagram service answers over both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A UDP service that claims both families answers over each family that its host has: over both on a "
    "dual-stack host, whatever the system's default of IPV6_V6ONLY is, and over the one available family elsewhere.",
    stimulus="Start the service on hosts with both families, with IPv6 only and with IPv4 only; try three exchanges "
    "with an address of each family. Where the host has both, the families alternate: a client of each family comes "
    "directly after one of the other family, and directly after one of the same family.",
    wire="Each request is answered by a datagram over the same family, from the address and port to which it was "
    "sent; no packet of a family that the host lacks leaves it.",
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
    baseline=True,
).attach
def test_dual_stack_datagrams(world: ListenerWorld) -> None:
    """Every family that the host has is answered."""
    world.service.start()
    require_ready(world)
    ask_in_turn(world)
    for family in BOTH:
        if family in world.families:
            world.shows_served(family)
        else:
            world.shows_no_family(family)


def require_ready(world: ListenerWorld) -> None:
    """Make sure that the service takes datagrams when its sockets are open: a first request may come too early.

    Raises:
        Inconclusive: The first request is not answered, and the next one is.
    """
    family = next(iter(world.families), None)
    if family is None or world.subject.manifest.ready.exchange:
        return
    ask = partial(world.client.dial, family, world.addresses(family)[0])
    if ask().outcome is Outcome.SILENT and ask().outcome is Outcome.ANSWERED:
        raise Inconclusive(
            f"{world.subject.path}: the first request after the start was not answered, and the next one was: the "
            "service opens its sockets before it answers; with exchange = true in [ready] a case waits until it does"
        )


def ask_in_turn(world: ListenerWorld) -> None:
    """Require that clients of all families, in every order, are answered; skip a family after its first failure."""
    families, lost = world.families, set[Family]()
    turns = [families[place] for place in ORDER if place < len(families)]
    for family in turns:
        for address in world.reachable_addresses(family) if family not in lost else ():
            if world.answers(family, address).outcome is not Outcome.ANSWERED:
                lost.add(family)
