"""Requests that come at the same time are answered over both families alike."""

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.datagrams import DatagramClient, send_datagrams
from dualstack.world.limits import wait_out_limits

BURST = 40
"""How many requests come at the same time, unless the service is made for fewer clients."""

LEAST = 4
"""Of fewer requests the shares of two families differ by chance."""

SHARE = 2
"""A family is worse off if it gets less than one answer where the other one gets this many."""


@Requirement(
    id="UDP-010",
    title="Bursts are answered over both families alike",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Of requests that come at the same time, a datagram service answers as many over one family as over the "
    "other: its sockets keep as many datagrams until they are read, and are read as fast. A limit of answers that "
    "holds for clients of both families alike is no difference.",
    stimulus="Start the service on a dual-stack host. Send 40 small requests at once (fewer if its manifest says so) "
    "from one address, each from another port; first over IPv4, then over IPv6. If one family gets less than half "
    "of the answers of the other one, wait 2 s before each burst and repeat them in the opposite order.",
    wire="No claim: the evidence is the answers that the client receives.",
    cites=("RFC 8085 §3.1.6", "socket(7): SO_RCVBUF", "RFC 6540 §2"),
    topologies=("dual-stack",),
    causes=("RC-SHORTQUEUE",),
    needs=(Need.UDP, Need.BOTH, Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_bursts_are_answered_alike(world: ListenerWorld) -> None:
    """Neither family gets less than half of the other one's answers, twice."""
    world.service.start()
    if set(served := world.served()) != set(BOTH):
        raise NothingToJudge(f"only {served[0].label} clients are served: the requirements on reachability cover that")
    count = min(BURST, world.listener.clients)
    if count < LEAST:
        raise NothingToJudge(f"it is made for {count} clients (clients in its manifest): that is no burst")
    first = {family: burst(world, family, count) for family in BOTH}
    again: dict[Family, int] = {}
    for family in reversed(BOTH) if worse_off(first) else ():
        wait_out_limits()
        again[family] = burst(world, family, count)
    world.survives("the bursts")
    worse = worse_off(again) if worse_off(again) is worse_off(first) else None
    if worse is not None:
        world.count(worse, served=False)
        world.count(worse.other, served=True)
    rounds = [in_words(answers, count) for answers in (first, again) if answers]
    expected = f"of {count} requests at once at least half as many are answered over each family as over the other one"
    world.require(Finding(worse is None, expected, "; again ".join(rounds)))


def burst(world: ListenerWorld, family: Family, count: int) -> int:
    """Send requests at the same time, each from another port; return how many are answered.

    Raises:
        NothingToJudge: Clients get each other's answers: none is lost.
    """
    source = world.peer.plan.configured[family][0]
    results = send_datagrams(world, [DatagramClient(world.addresses(family)[0], source)] * count, 1)
    if any(result.unexpected for result in results):
        raise NothingToJudge("clients get answers that are not for them: UDP-004 is about that")
    answered = sum(not result.unanswered for result in results)
    world.note(f"{count} requests at once over {family.label}: {answered} are answered")
    return answered


def worse_off(answers: dict[Family, int]) -> Family | None:
    """Return the family that gets less than half of the answers of the other one; None if neither does."""
    return next((family for family in answers if answers[family] * SHARE < answers[family.other]), None)


def in_words(answers: dict[Family, int], count: int) -> str:
    """Return how many requests were answered over each family."""
    return " and ".join(f"{answers[family]} of {count} over {family.label}" for family in BOTH)
