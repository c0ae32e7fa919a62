"""Whether a service has more descriptors, zombie processes or half-closed connections than before its clients came."""

from collections.abc import Sequence
from time import sleep

from dualstack.counting import count
from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import ResourceUsage
from dualstack.world.listening import ListenerWorld

SLACK = 5
"""Tolerated increase in descriptors, zombie processes or half-closed connections."""

SETTLE = 10.0
"""Seconds within which a client's resources must be released."""

Counts = tuple[tuple[str, int], ...]
"""What was counted: pairs of name and number."""


def has_grown(then: Counts, now: Counts) -> bool:
    """Return whether any count has grown by more than `SLACK`."""
    return any(new > old + SLACK for (_, new), (_, old) in zip(now, then, strict=True))


def settle(world: ListenerWorld, before: Counts | None, seconds: float = SETTLE) -> Counts:
    """Count until nothing has grown since ``before``, for some seconds at most; return the last counts."""
    deadline = Deadline(seconds, "the clients' resources to be released")
    while True:
        counts = _counted(world, world.service.program.resource_usage())
        if before is None or not has_grown(before, counts) or deadline.expired:
            world.note(", ".join(f"{number} {what}" for what, number in counts))
            return counts
        sleep(0.1)


def _counted(world: ListenerWorld, usage: ResourceUsage) -> Counts:
    """Return the service's descriptors, zombie processes and half-closed connections."""
    rows = world.host.prober.sockets(world.listener.transport)
    half_closed = sum(row.state == "CLOSE_WAIT" and row.port == world.listener.port for row in rows)
    return (
        ("descriptors", usage.descriptors),
        ("zombie processes", usage.zombies),
        ("connections in CLOSE_WAIT", half_closed),
    )


def growth(then: Counts, now: Counts, clients: int, alone: Sequence[tuple[Family, Counts, Counts]]) -> list[Finding]:
    """Return a finding for each count.

    Args:
        then: The counts before the clients came.
        now: The counts after them.
        clients: How many came.
        alone: The counts before and after clients of one family alone, for each family; empty if nothing has grown.
    """
    found = []
    for place, ((what, new), (_, old)) in enumerate(zip(now, then, strict=True)):
        leaking = [family.label for family, first, last in alone if last[place][1] > first[place][1] + SLACK]
        which = f"; clients over {leaking[0]} alone cause it" if len(leaking) == 1 and len(alone) > 1 else ""
        which = "; clients of either family cause it" if len(leaking) > 1 else which
        grown = new - old
        found.append(
            Finding(
                grown <= SLACK,
                f"{SETTLE:g} s after {count(clients, 'client')} have left, the number of {what} has grown by at most "
                f"{SLACK}",
                f"it has grown by {grown}, from {old} to {new}{which}"
                if grown > SLACK
                else f"it was {old}, and is {new}",
                symptoms=(Symptom.GROWTH,),
            )
        )
    return found
