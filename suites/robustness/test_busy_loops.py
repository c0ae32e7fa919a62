"""ICMP errors and resets from clients that have gone do not keep the service busy."""

from collections.abc import Sequence
from dataclasses import replace
from time import sleep

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import HoldConnections, ResourceUsage, Stage
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import require_errors
from dualstack.world import ListenerWorld
from dualstack.world.datagrams import DatagramClient, exchange_datagrams

WINDOW = 0.25
"""Seconds for which the service's threads are watched, without any client."""

WINDOWS = 20
"""Maximum number of windows: a loop persists; remaining work ends, also if a timer of some seconds ends it."""

BUSY = 0.5
"""A thread is busy if it runs for more than this share of the time in which it does not wait for a CPU."""

SHORT = 0.005
"""Seconds of CPU time in a window below which a thread is not counted as busy by its share."""

GONE = 4
"""How many clients of each family leave before their answer arrives."""

CONNECT_TIMEOUT = 1.0
"""Seconds within which a client must be connected before it resets the connection."""


@Requirement(
    id="ROBUST-011",
    title="No busy loop after ICMP errors and resets",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="After clients have gone, so that ICMP errors about the service's answers or resets of its connections "
    "arrive, the service becomes idle again: no thread that was idle before keeps a CPU busy.",
    stimulus="Start the service and watch its threads for 250 ms. Over each family that it serves: send four requests "
    "from a client whose port is closed when the answer arrives (UDP), or have clients reset their connections "
    "before, in and after their request (TCP). Watch its threads for 250 ms again, for up to 5 s while one is busy.",
    wire="ICMP port unreachable about answers, or RST, reaches the service.",
    cites=("recv(2): MSG_ERRQUEUE", "poll(2): POLLERR", "RFC 1122 §4.1.3.3"),
    topologies=("dual-stack",),
    causes=("RC-ICMPLOOP",),
    needs=(Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_no_busy_loop(world: ListenerWorld) -> None:
    """The service is idle after its clients have gone."""
    world.service.start()
    families = world.served()
    before = busiest(world)
    vanish(world, families)
    after = busiest(world)
    reached = families if world.service.program.poll() is None else families[:1]
    what = "ICMP errors" if not world.is_tcp else "resets"
    world.require(loop(what, before, after))
    if all(finding.ok for finding in world.findings):
        for family in reached:
            require_errors(world.wire(), world.listener.port, family)


def vanish(world: ListenerWorld, families: Sequence[Family]) -> None:
    """Have clients of each family leave before their answer arrives."""
    for family in families:
        if not world.is_tcp:
            client = DatagramClient(world.addresses(family)[0], world.peer.plan.configured[family][0], port_closed=True)
            exchange_datagrams(world, [client], GONE)
            continue
        dial = replace(world.client.exchange(family), half_close=True, timeout=CONNECT_TIMEOUT)
        for stage in (Stage.CONNECTED, Stage.HALF_SENT, Stage.SENT):
            with world.peer.prober.hold_connections(
                HoldConnections((dial,) * min(GONE, world.listener.clients), stage)
            ) as clients:
                clients.reset()
        world.note(f"clients over {family.label} reset their connections before, in and after their request")


def busiest(world: ListenerWorld) -> float:
    """Watch the threads until none is busy, for `WINDOWS` at most; return the last share of the busiest one."""
    last = world.service.program.resource_usage()
    for _ in range(WINDOWS):
        first = last
        sleep(WINDOW)
        last = world.service.program.resource_usage()
        if (found := share(first, last)) <= BUSY:
            break
    return found


def share(first: ResourceUsage, last: ResourceUsage) -> float:
    """Return the largest share of its time that any thread ran between two measurements.

    Time for which it waited for a CPU does not count, so that other programs on a busy machine do not matter. The
    kernel adds that time only when the thread gets a CPU, so a thread that is waiting now, or that waited for most of
    the time and hardly ran, counts as busy.
    """
    before = {item.thread: item for item in first.thread_times}
    shares = [0.0]
    for item in last.thread_times:
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
    """Return the finding about the busiest thread's shares before and after ``what`` arrived."""
    return Finding(
        after <= BUSY or before > BUSY,
        f"after {what} no thread of the service runs for more than {BUSY:.0%} of the time, unless it did so before",
        f"the busiest thread ran {before:.0%} of the time before, {after:.0%} after",
    )
