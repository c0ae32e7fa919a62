"""The attempts that each run of a connector made, and when they began."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.manifest import Connect
from dualstack.transport import Transport
from dualstack.wire.attempts import Attempt, attempts
from dualstack.wire.dns import dns_queries
from dualstack.wire.evidence import CaptureData
from dualstack.world.runs import ConnectorRuns


def attempts_by_run(wire: CaptureData, runs: ConnectorRuns) -> list[tuple[Attempt, ...]]:
    """Return the attempts of each run until now, in order; a run may have made none.

    Raises:
        Inconclusive: The capture is incomplete.
    """
    wire.require_whole()
    parts = parts_by_run(wire, runs)
    made = [item for part in parts for item in attempts(part, runs.connector.port, runs.connector.transport)]
    return split_by_run(made, [began for _, began, _ in runs.done])


def delays_from_query(
    wire: CaptureData, connector: Connect, names: Sequence[str], family: Family | None = None
) -> list[float]:
    """Return the seconds from the first DNS query of each run to its first attempt; there is at least one.

    Args:
        wire: The packets.
        connector: The connector.
        names: The name of each run, which no other run has.
        family: The family of the attempt; None for any.

    Raises:
        Inconclusive: The capture is incomplete, or no attempt followed a query.
    """
    wire.require_whole()
    delays = []
    for name in names:
        asked = min((item.time for item in dns_queries(wire) if item.name == name), default=None)
        if asked is not None:
            begun = attempts(wire.since(asked), connector.port, connector.transport, family)
            delays += [item.time - asked for item in begun[:1]]
    if not delays:
        what = f"{family.label} attempt" if family else "attempt"
        raise Inconclusive(f"{wire.name}: no {what} followed a DNS query, so its delay is unknown")
    return delays


def parts_by_run(wire: CaptureData, runs: ConnectorRuns) -> Iterator[CaptureData]:
    """Yield a capture whole for TCP, and in one part for each run for UDP.

    A UDP client may use the same port in each run, so that its ports do not tell the runs apart.
    """
    later = runs.done[1:] if runs.connector.transport is Transport.UDP else []
    times = [frame.time for frame in wire.frames]
    ends = [0, *(bisect_left(times, began) for _, began, _ in later), len(times)]
    yield from (replace(wire, frames=wire.frames[start:end]) for start, end in pairwise(ends))


def split_by_run(made: Sequence[Attempt], begins: Sequence[float]) -> list[tuple[Attempt, ...]]:
    """Return attempts by the runs that began at these times, which are in order."""
    spans = zip(begins, [*begins[1:], float("inf")], strict=True)
    return [tuple(item for item in made if begin <= item.time < end) for begin, end in spans]
