"""Nothing that has no end keeps the service busy: idle clients, clients that have gone, missing IPv6 sockets."""

from collections.abc import Sequence
from dataclasses import replace
from time import sleep

from dualstack.errors import HostCannot, ServiceError
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
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
    title="No busy loop: idle clients, ICMP errors and resets, no IPv6 sockets",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="While a client of either family is connected and silent, after it has left, and after ICMP errors about "
    "the service's answers or resets of its connections have arrived, the service becomes idle again: no thread that "
    "was idle before keeps a CPU busy. The same holds where IPv6 sockets do not exist.",
    stimulus="Start the service and watch its threads for 250 ms. Over each family that it serves: connect one client "
    "that stays silent, and disconnect it (TCP); send four requests from a client whose port is closed when the answer "
    "arrives (UDP), or have clients reset their connections before, in and after their request (TCP). Start a service "
    "that claims both families once more, so that socket(AF_INET6) fails with EAFNOSUPPORT. Each time watch its "
    "threads for 250 ms again, for up to 5 s while one is busy (10 s for the other start).",
    wire="ICMP port unreachable about answers, or RST, reaches the service.",
    cites=("recv(2): MSG_ERRQUEUE", "poll(2): POLLERR, POLLOUT", "RFC 1122 §4.1.3.3", "RFC 4038 §4.4"),
    topologies=("dual-stack",),
    causes=("RC-ICMPLOOP", "RC-ALWAYSREADY", "RC-BINDLOOP"),
    needs=(Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_no_busy_loop(world: ListenerWorld) -> None:
    """The service is idle while its clients are, after they have gone, and without IPv6 sockets."""
    world.service.start()
    families = world.served()
    before = busiest(world)
    for family in families if world.is_tcp else ():
        be_idle(world, family, before)
    vanish(world, families)
    after = busiest(world, windows(before))
    reached = families if world.service.program.poll() is None else families[:1]
    what = "ICMP errors" if not world.is_tcp else "resets"
    world.require(loop(f"after {what}", before, after))
    resets = all(finding.ok for finding in world.findings)
    if set(families) == set(Family):
        start_without_ipv6(world, before)
    if resets:
        for family in reached:
            require_errors(world.wire(), world.listener.port, family)


def be_idle(world: ListenerWorld, family: Family, before: float) -> None:
    """Require that no thread becomes busy while a silent client of a family is connected, nor after it has left."""
    with world.peer.prober.hold_connections(HoldConnections((world.client.exchange(family),))) as clients:
        world.note(f"{clients.held} {family.label} client is connected and silent")
        during = busiest(world, windows(before))
    after = busiest(world, windows(before)) if during <= BUSY else during
    when = (
        f"after an idle {family.label} client has left" if during <= BUSY else f"while an {family.label} client is idle"
    )
    world.require(loop(when, before, after, Symptom.BUSY_WITH_CLIENT))


def start_without_ipv6(world: ListenerWorld, before: float) -> None:
    """Start the service again where IPv6 sockets do not exist, and require that no thread becomes busy.

    Whether it starts and serves IPv4 there is the subject of LISTEN-004.
    """
    world.service.af_inet6 = False
    world.note("from now on socket(AF_INET6) fails with EAFNOSUPPORT for the service")
    try:
        world.service.start(families=[Family.IPV4])
    except (ServiceError, HostCannot) as error:
        world.note(f"its threads are not watched without IPv6 sockets: {error}")
        return
    found = busiest(world, 2 * windows(before))
    world.require(loop("without IPv6 sockets", before, found, Symptom.BUSY_WITHOUT_IPV6))


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


def windows(before: float) -> int:
    """Return for how many windows a busy thread is watched; for one if it was busy before, because that is no loop."""
    return 1 if before > BUSY else WINDOWS


def busiest(world: ListenerWorld, most: int = WINDOWS) -> float:
    """Watch the threads until none is busy or new, for some windows at most; return the last share of the busiest one.

    A thread that has begun in a window, for a client, is watched from the next one on.
    """
    last = world.service.program.resource_usage()
    for _ in range(most):
        first = last
        sleep(WINDOW)
        last = world.service.program.resource_usage()
        if (found := share(first, last)) <= BUSY and not begun(first, last):
            break
    return found


def begun(first: ResourceUsage, last: ResourceUsage) -> bool:
    """Return whether a thread has begun between two measurements, and still runs."""
    return not {item.thread for item in last.thread_times} <= {item.thread for item in first.thread_times}


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


def loop(when: str, before: float, found: float, *symptoms: Symptom) -> Finding:
    """Return the finding about the busiest thread's shares before, and ``when`` something may keep it busy."""
    return Finding(
        found <= BUSY or before > BUSY,
        f"{when} no thread of the service runs for more than {BUSY:.0%} of the time, unless it did so before",
        f"the busiest thread ran {before:.0%} of the time before, {found:.0%} {when}",
        symptoms=symptoms,
    )
