"""What a client leaves behind when it is gone, ICMP errors and resets, does not keep the service busy."""

from collections.abc import Sequence
from dataclasses import replace
from time import sleep

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Linger, Stage, Vitals
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import require_errors
from dualstack.world import ListenerWorld
from dualstack.world.volleys import Ask, volley

WINDOW = 0.25
"""Seconds in which the service's threads are watched, while no client is there."""

WINDOWS = 20
"""How often at most: a loop stays; work that is left over ends, and so does what a timer of some seconds ends."""

BUSY = 0.5
"""A thread is busy that runs this share of the time in which it has a processor or wants none."""

SHORT = 0.005
"""Seconds that a thread must have run in a window: less says nothing, unless it did not want to run."""

GONE = 4
"""How many clients of each family are gone."""

PATIENCE = 1.0
"""Seconds within which a client that is to reset its connection must have it."""


@Requirement(
    id="ROBUST-011",
    title="No busy loop after ICMP errors and resets",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="When clients are gone, so that ICMP errors about the service's answers came, or resets of its "
    "connections, the service rests again: none of its threads keeps a processor busy that was not busy before.",
    stimulus="Start the service and watch its threads for 250 ms. Over each family that it serves: send four requests "
    "from a client that is gone when the answer comes (UDP), or let clients reset their connections before, in and "
    "after their request (TCP). Watch its threads for 250 ms again, for up to 5 s while one is busy.",
    wire="ICMP port unreachable about answers reaches the service, or RST.",
    cites=("recv(2): MSG_ERRQUEUE", "poll(2): POLLERR", "RFC 1122 §4.1.3.3"),
    topologies=("dual-stack",),
    causes=("RC-ICMPLOOP",),
    needs=(Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_no_busy_loop(world: ListenerWorld) -> None:
    """The service rests when its clients are gone."""
    world.start()
    families = world.served()
    before = busiest(world)
    vanish(world, families)
    after = busiest(world)
    told = families if world.program.poll() is None else families[:1]
    what = "ICMP errors" if not world.is_tcp else "resets"
    world.require(loop(what, before, after))
    if all(finding.ok for finding in world.findings):
        for family in told:
            require_errors(world.wire(), world.listener.port, family)


def vanish(world: ListenerWorld, families: Sequence[Family]) -> None:
    """Have clients of each family come and be gone before they have their answer."""
    for family in families:
        if not world.is_tcp:
            ask = Ask(world.addresses(family)[0], world.peer.plan.configured[family][0], deaf=True)
            volley(world, [ask], GONE)
            continue
        dial = replace(world.exchange(family), half_close=True, timeout=PATIENCE)
        for stage in (Stage.CONNECTED, Stage.HALF_SENT, Stage.SENT):
            with world.peer.prober.linger(Linger((dial,) * min(GONE, world.listener.clients), stage)) as clients:
                clients.reset()
        world.note(f"clients over {family.label} reset their connections before, in and after their request")


def busiest(world: ListenerWorld) -> float:
    """Watch the service's threads until none is busy, for some time at most; return the share of the busiest then."""
    last = world.program.vitals()
    for _ in range(WINDOWS):
        first = last
        sleep(WINDOW)
        last = world.program.vitals()
        if (found := share(first, last)) <= BUSY:
            break
    return found


def share(first: Vitals, last: Vitals) -> float:
    """Return the largest share of its time that a thread ran between two looks.

    Time for which it waited for a processor does not count, so that other programs of a busy machine do not matter. The
    kernel counts that time only when the thread gets a processor, so one that waits right now, or that waited for most
    of the time and hardly had one, may be busy.
    """
    before = {item.thread: item for item in first.spent}
    shares = [0.0]
    for item in last.spent:
        if item.thread in before:
            ran = item.running - before[item.thread].running
            had = last.at - first.at - (item.waiting - before[item.thread].waiting)
            if item.runnable:
                shares.append(1.0)
            elif ran > SHORT:
                shares.append(ran / max(had, ran))
            elif had < (last.at - first.at) / 2:
                shares.append(1.0)
    return max(shares)


def loop(what: str, before: float, after: float) -> Finding:
    """Return what is said of the shares of the busiest thread before and after ``what`` came."""
    return Finding(
        after <= BUSY or before > BUSY,
        f"after {what} no thread of the service runs more than {BUSY:.0%} of the time that it had not run before",
        f"the busiest thread ran {before:.0%} of the time before, {after:.0%} after",
    )
