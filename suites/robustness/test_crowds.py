"""A service bears many clients at a time, of both families alike, and keeps nothing of them when they are gone."""

import math
from collections.abc import Sequence
from dataclasses import replace
from time import sleep

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Load, Loaded, Vitals
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld

CROWD_WITHIN = 30.0
"""Seconds within which each of many clients must be served."""

CROWD_SIZE = 1024
"""How many bytes a client of a crowd sends, where they are of our making."""

UNFAIR = 3.0
"""How many times as long as the other family one may take, in the slowest but five of a hundred clients, …"""

UNFAIR_BY = 5.0
"""… and by how many seconds: less may come of a busy machine, or of SYNs that are repeated after 1 and 3 seconds."""

CYCLES = 500
"""How many clients of each family come and go."""

TIMES = 3
"""How often as many come at most: a leak grows every time, a pool does not."""

AT_A_TIME = 10
"""How many of them, of each family, come at a time, unless the service is made for fewer."""

CYCLES_WITHIN = 120.0
"""Seconds within which they must have come and gone, on a machine that is busy with something else."""

SLACK = 5
"""How many descriptors, zombies or half-closed connections more than before are no growth."""

SETTLE = 10.0
"""Seconds within which what is left of a client must be gone."""


@Requirement(
    id="ROBUST-005",
    title="Many concurrent clients of both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="As many clients as the service is made for, 200 of each family unless its manifest says fewer, come at "
    "the same time; all are served within 30 s, and neither family starves.",
    stimulus="Start the service on a dual-stack host. Start all clients of all families that it serves together, in "
    "turns of the families; each holds one exchange.",
    wire="No claim: the evidence is each client's answer and the time that it took.",
    cites=("listen(2)", "accept(2)", "RFC 6540 §2"),
    topologies=("dual-stack",),
    causes=("RC-BLOCKING", "RC-LEAK", "RC-PERPREFIX"),
    needs=(Need.TCP, Need.ANSWER, Need.MANY, Need.NETWORK),
).attach
def test_many_concurrent_clients(world: ListenerWorld) -> None:
    """All clients of a crowd are served, whatever their family."""
    world.start()
    families = world.served()
    loaded = come(world, families, world.listener.clients, 1, CROWD_WITHIN)
    served_all(world, loaded)
    slow = {family: percentile(loaded.longest[place :: len(families)], 95) for place, family in enumerate(families)}
    told = " and ".join(f"{seconds:.3f} s over {family.label}" for family, seconds in slow.items())
    least, most = min(slow.values()), max(slow.values())
    world.require(
        Finding(
            most <= least * UNFAIR or most - least <= UNFAIR_BY,
            f"95 % of the clients of each family are served in times that differ by a factor of {UNFAIR:g} at most, "
            f"or by no more than {UNFAIR_BY:g} s",
            f"95 % were served within {told}",
        )
    )
    world.survives("the crowd")


@Requirement(
    id="ROBUST-007",
    title="No growth of descriptors, zombies or half-closed connections",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="When 500 clients of each family have come and gone, the service has at most 5 descriptors, 5 processes "
    "that nobody waited for and 5 connections in CLOSE_WAIT more than before, within 10 s. A pool that grows to the "
    "crowd that it meets is no leak: what is growth grows with each further 500.",
    stimulus="Start the service on a dual-stack host. Let ten clients of each family that it serves hold an exchange "
    "at a time, once; count; let them do it until 500 have come over each family; count again. Where there is more, "
    "do that twice more.",
    wire="No claim: the evidence is the service's descriptors and processes, and the socket table.",
    cites=("close(2)", "wait(2)", "RFC 9293 §3.3.2: CLOSE-WAIT"),
    topologies=("dual-stack",),
    causes=("RC-LEAK", "RC-PERPREFIX"),
    needs=(Need.TCP, Need.MANY, Need.NETWORK),
).attach
def test_nothing_grows(world: ListenerWorld) -> None:
    """What a client cost is given back when it is gone."""
    world.start()
    families = world.served()
    count = min(AT_A_TIME, world.listener.clients)
    come(world, families, count, 1, CROWD_WITHIN)
    before = settle(world, None)
    for _ in range(TIMES):
        loaded = come(world, families, count, CYCLES // count, CYCLES_WITHIN)
        served_all(world, loaded)
        world.survives("the clients that have come and gone")
        if world.program.poll() is not None:
            return
        then, now = before, settle(world, before)
        if not has_grown(then, now):
            break
        before = now
    for (what, count_now), (_, count_then) in zip(now, then, strict=True):
        world.require(
            Finding(
                count_now <= count_then + SLACK,
                f"within {SETTLE:g} s the service has at most {SLACK} {what} more than the {count_then} before",
                f"it has {count_now} after {sum(loaded.exchanges)} clients",
            )
        )


def has_grown(then: "Counts", now: "Counts") -> bool:
    """Return whether there is more of anything than before."""
    return any(new > old + SLACK for (_, new), (_, old) in zip(now, then, strict=True))


Counts = tuple[tuple[str, int], ...]
"""What was counted, each with its name."""


def come(world: ListenerWorld, families: Sequence[Family], count: int, rounds: int, seconds: float) -> Loaded:
    """Let ``count`` clients of each family come ``rounds`` times each; return how that went."""
    dials = tuple(
        replace(world.exchange(family), token_size=CROWD_SIZE if rounds == 1 else 250, timeout=CROWD_WITHIN)
        for _ in range(count)
        for family in families
    )
    with world.peer.prober.load(Load(dials, rounds=rounds)) as load:
        loaded = load.finish(Deadline(seconds, "the clients to be served"))
    told = " and ".join(family.label for family in families)
    done = sum(loaded.exchanges)
    world.note(f"{done} of {len(dials) * rounds} exchanges over {told} are over, {loaded.failed} of them failed")
    for family in families:
        world.works[family.value] = not loaded.failed and done == len(dials) * rounds
    world.waited += max(loaded.longest)
    return loaded


def served_all(world: ListenerWorld, loaded: Loaded) -> None:
    """Require that every client was served every time."""
    short = [count for count in loaded.exchanges if count < max(loaded.exchanges)]
    happened = f"{sum(loaded.exchanges) - loaded.failed} exchanges succeeded, {loaded.failed} failed"
    if short:
        happened += f", and {len(short)} clients came to no end"
    if loaded.failures:
        happened += f"; the first of those: {loaded.failures[0].detail}"
    world.require(
        Finding(not loaded.failed and not short, f"each of {len(loaded.exchanges)} clients is served", happened)
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that ``percent`` of 100 values do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def settle(world: ListenerWorld, before: Counts | None) -> Counts:
    """Count until nothing has grown since ``before``, or the time for that is over; return the last counts."""
    deadline = Deadline(SETTLE, "what clients have left to be gone")
    while True:
        counts = counted(world, world.program.vitals())
        if before is None or not has_grown(before, counts) or deadline.expired:
            world.note(", ".join(f"{count} {what}" for what, count in counts))
            return counts
        sleep(0.1)


def counted(world: ListenerWorld, vitals: Vitals) -> Counts:
    """Return what the service holds."""
    rows = world.host.prober.sockets(world.listener.transport)
    half_closed = sum(row.state == "CLOSE_WAIT" and row.port == world.listener.port for row in rows)
    return (
        ("descriptors", vitals.descriptors),
        ("processes that nobody waited for", vitals.zombies),
        ("connections in CLOSE_WAIT", half_closed),
    )
