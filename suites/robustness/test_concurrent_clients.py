"""A service serves many concurrent clients of both families alike, and releases their resources afterwards."""

import math
from collections.abc import Sequence
from dataclasses import replace

from dualstack import counting
from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Load, LoadResult
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import AppProtocol
from dualstack.world import ListenerWorld
from dualstack.world.error_shares import alike, worse_off
from dualstack.world.growth import Counts, growth, has_grown, settle
from dualstack.world.limits import wait_out_limits
from dualstack.world.used_up_limits import PENALTY

SERVED_WITHIN = 30.0
"""Seconds within which each of many concurrent clients must be served."""

LATE = 0.5
"""Seconds by which the clients may be late, on a busy machine, so that a connection that ended early is judged."""

REQUEST_SIZE = 1024
"""How many bytes a concurrent client sends, if the harness makes the request up."""

UNFAIR = 3.0
"""Maximum ratio of the 95th-percentile latencies of the two families, …"""

UNFAIR_BY = 5.0
"""… or maximum difference in seconds: a busy machine, or SYNs repeated after 1 and 3 seconds, can cause less."""

CYCLES = 500
"""How many clients of each family come and go per round, …"""

SILENT_CYCLES = 100
"""… and how many of them without a request: they are faster than a service, so that more would only queue up."""

TIMES = 3
"""Maximum number of rounds: a leak grows in every round, a pool does not."""

AT_A_TIME = 10
"""How many clients of each family come at the same time, unless the service is made for fewer."""

CYCLES_WITHIN = 120.0
"""Seconds within which a round must end, on a busy machine."""

ALONE = 100
"""If something has grown, how many clients of each family come alone, which shows whose clients cause it, …"""

ALONE_SETTLE = 2.0
"""… and the seconds after which is counted."""


@Requirement(
    id="ROBUST-005",
    title="Many concurrent clients of both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="When as many clients as the service is made for (200 of each family, unless its manifest says fewer) "
    "come at the same time, all are served within 30 s, and neither family starves. A service may turn clients away by "
    "a status that says that there are too many (HTTP 429 or 503), if it does so alike over both families.",
    stimulus="Start the service on a dual-stack host. Start all clients of all families that it serves together, "
    "alternating between the families; each tries one exchange. If clients of one family get more error statuses than "
    "chance explains, start them once more, those of the other family first.",
    wire="No claim: the evidence is each client's answer, its status, and the time that it took.",
    cites=("listen(2)", "accept(2)", "RFC 6540 §2", "RFC 6585 §4"),
    topologies=("dual-stack",),
    causes=("RC-BLOCKING", "RC-BACKLOG", "RC-LEAK", "RC-PERPREFIX", "RC-SHAREDADDRESS"),
    needs=(Need.TCP, Need.ANSWER, Need.MANY, Need.NETWORK),
).attach
def test_many_concurrent_clients(world: ListenerWorld) -> None:
    """All concurrent clients are served, whatever their family."""
    world.service.start()
    families = world.served()
    loaded = run_clients(world, families, world.listener.clients, 1, SERVED_WITHIN)
    served_all(world, loaded)
    if len(families) > 1 and any(loaded.statuses):
        compare_statuses(world, families, loaded)
    slow = {family: percentile(loaded.longest[place :: len(families)], 95) for place, family in enumerate(families)}
    latencies = " and ".join(f"{seconds:.3f} s over {family.label}" for family, seconds in slow.items())
    least, most = min(slow.values()), max(slow.values())
    world.require(
        Finding(
            most <= least * UNFAIR or most - least <= UNFAIR_BY,
            f"95 % of the clients of each family are served in times that differ by a factor of {UNFAIR:g} at most, "
            f"or by no more than {UNFAIR_BY:g} s",
            f"95 % were served within {latencies}",
        )
    )
    world.survives("the concurrent clients")


@Requirement(
    id="ROBUST-007",
    title="No growth of descriptors, zombies or half-closed connections",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="After 500 clients of each family have come and gone, the service has at most 5 descriptors, 5 zombie "
    "processes and 5 connections in CLOSE_WAIT more than before, within 10 s. A pool that grows to the number of "
    "concurrent clients is not a leak: a leak grows with each further 500.",
    stimulus="Start the service on a dual-stack host. Ten clients of each family that it serves try an exchange at "
    "the same time, once, and as many connect and leave without a request; count; repeat this until 500 have come over "
    "each family, and 100 without a request; count again. If a count has grown, do that up to twice more, and then "
    "with 100 clients of each family alone, which shows whose clients cause it. Each of them is served; if clients of "
    "all families are turned away alike, and are served 4 s later, that is a limit.",
    wire="No claim: the evidence is the service's descriptors and processes, and the socket table.",
    cites=("close(2)", "wait(2)", "RFC 9293 §3.3.2: CLOSE-WAIT"),
    topologies=("dual-stack",),
    causes=("RC-LEAK", "RC-PERPREFIX", "RC-SHAREDADDRESS"),
    needs=(Need.TCP, Need.MANY, Need.NETWORK),
).attach
def test_nothing_grows(world: ListenerWorld) -> None:
    """The resources of a client are released after it has gone."""
    world.service.start()
    families = world.served()
    count = min(AT_A_TIME, world.listener.clients)
    run_clients(world, families, count, 1, SERVED_WITHIN)
    leave_without_request(world, families, count, 1)
    before = settle(world, None)
    for _ in range(TIMES):
        loaded = run_clients(world, families, count, CYCLES // count, CYCLES_WITHIN)
        if not limits_all(world, families, loaded):
            served_all(world, loaded)
        leave_without_request(world, families, count, SILENT_CYCLES // count)
        world.survives("the clients that have come and gone")
        if world.service.program.poll() is not None:
            return
        then, now = before, settle(world, before)
        if not has_grown(then, now):
            break
        before = now
    alone = leave_alone(world, families, count, now) if has_grown(then, now) else []
    for finding in growth(then, now, sum(loaded.exchanges), alone):
        world.require(finding)


def leave_alone(
    world: ListenerWorld, families: Sequence[Family], count: int, before: Counts
) -> list[tuple[Family, Counts, Counts]]:
    """Return, for each family, the counts before and after clients of this family alone have come and gone."""
    found, works = [], dict(world.works)
    for family in families if len(families) > 1 else ():
        run_clients(world, (family,), count, ALONE // count, SERVED_WITHIN)
        if world.service.program.poll() is not None:
            break
        after = settle(world, before, ALONE_SETTLE)
        found.append((family, before, after))
        before = after
    world.works.update(works)  # whether these were served is not judged
    return found


def limits_all(world: ListenerWorld, families: Sequence[Family], loaded: LoadResult) -> bool:
    """Return whether clients of all families lost exchanges alike, and later clients are served: a limit for all."""
    if not lost_alike([sum(loaded.lost[place :: len(families)]) for place in range(len(families))]):
        return False
    wait_out_limits(PENALTY)
    ordinary = [world.client.exchange(family) for family in families]
    if len(set(loaded.exchanges)) > 1 or not all(
        world.client.is_served(world.client.carry_out(one)) for one in ordinary
    ):
        return False
    for family in families:
        world.works[family.value] = True
    world.note("it limits clients of all families alike: that some were not served is not judged here")
    return True


def lost_alike(lost: Sequence[int]) -> bool:
    """Return whether each family lost exchanges, and none more than twice as many as another."""
    return min(lost) > 0 and max(lost) <= 2 * min(lost)


def run_clients(
    world: ListenerWorld, families: Sequence[Family], count: int, rounds: int, seconds: float
) -> LoadResult:
    """Run ``count`` concurrent clients of each family, ``rounds`` exchanges each; return the result."""
    dials = tuple(
        replace(world.client.exchange(family), token_size=REQUEST_SIZE if rounds == 1 else 250, timeout=SERVED_WITHIN)
        for _ in range(count)
        for family in families
    )
    with world.peer.prober.load(Load(dials, rounds=rounds)) as load:
        loaded = load.finish(Deadline(seconds, "the clients to be served"))
    labels = " and ".join(family.label for family in families)
    done = sum(loaded.exchanges)
    world.note(f"{done} of {len(dials) * rounds} exchanges over {labels} ended, {loaded.failed} of them failed")
    for family in families:
        world.works[family.value] = not loaded.failed and done == len(dials) * rounds
    world.journal.waited += max(loaded.longest)
    return loaded


def compare_statuses(world: ListenerWorld, families: Sequence[Family], loaded: LoadResult) -> None:
    """Require that the clients of neither family get more error statuses, twice; the second load starts with the other.

    A limit for all clients gives the error to those who come last, so the family that comes first is changed.
    """
    worse = worse_off(by_family(families, loaded), world.client.usual)
    if worse is not None:
        wait_out_limits()
        families = families[::-1]
        loaded = run_clients(world, families, world.listener.clients, 1, SERVED_WITHIN)
        served_all(world, loaded)
        again = worse_off(by_family(families, loaded), world.client.usual)
        worse = worse if again is worse else None
    world.require(alike(by_family(families, loaded), world.client.usual, worse))
    if worse is not None:
        world.count(worse, served=False)


def by_family(families: Sequence[Family], loaded: LoadResult) -> dict[Family, tuple[int, ...]]:
    """Return the statuses of the clients of each family."""
    return {family: loaded.statuses[place :: len(families)] for place, family in enumerate(families)}


def leave_without_request(world: ListenerWorld, families: Sequence[Family], count: int, rounds: int) -> None:
    """Let ``count`` concurrent clients of each family connect and leave without a request, ``rounds`` times."""
    dials = [world.client.exchange(family, protocol=AppProtocol.CONNECT) for family in families for _ in range(count)]
    with world.peer.prober.load(Load(tuple(dials), rounds=rounds)) as load:
        loaded = load.finish(Deadline(CYCLES_WITHIN, "the clients to leave"))
    world.note(f"{sum(loaded.exchanges)} clients have connected and left without a request")


def served_all(world: ListenerWorld, loaded: LoadResult) -> None:
    """Require that every client was served every time.

    Raises:
        Inconclusive: The machine is busy, so that the clients sent their requests late, or did not finish in time.
    """
    unfinished = [count for count in loaded.exchanges if count < max(loaded.exchanges)]
    if loaded.late > LATE and unfinished and not loaded.failures:
        raise Inconclusive(
            f"{counting.count(len(unfinished), 'client')} did not finish, but this machine is too busy to judge that: "
            f"the clients were up to {loaded.late:.1f} s late"
        )
    if loaded.late > LATE and loaded.failures and all(one.connected for one in loaded.failures):
        raise Inconclusive(
            f"{loaded.failed} exchanges failed, but this machine is too busy to judge that: "
            f"the clients were up to {loaded.late:.1f} s late; the first failure: {loaded.failures[0].detail}"
        )
    served = sum(loaded.exchanges) - loaded.failed - loaded.limited
    happened = f"{counting.count(served, 'exchange')} succeeded, {loaded.failed} failed"
    expected = f"each of {counting.count(len(loaded.exchanges), 'client')} is served"
    if loaded.limited:
        expected += ", or gets a status that says that there are too many"
        happened += f", {loaded.limited} got a status that says that there are too many clients"
    if unfinished:
        happened += f", and {counting.count(len(unfinished), 'client')} did not finish"
    if loaded.failures:
        happened += f"; the first failure: {loaded.failures[0].detail}"
    world.require(Finding(not loaded.failed and not unfinished, expected, happened))


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that ``percent`` % of the values do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
