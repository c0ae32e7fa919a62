"""How long exchanges take over each family, and whether one of the two is slower by more than noise."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Outcome
from dualstack.world.listening import ListenerWorld

ALLOWED = 0.1
"""Seconds by which the fastest exchange of one family may be slower than that of the other, beyond the noise."""

FIRST = 1.0
"""Seconds by which the first exchange of a client may be slower than every one of the other family."""

_ROUNDS, _MOST_ROUNDS = 6, 18
"""Exchanges of each family: at first, and where they differ by more than is allowed."""

_CLEAR = 1.0
"""Seconds of difference, twice in a row, after which no more exchanges are needed."""

_PATIENCE, _FACTOR = 2.0, 20
"""Seconds for which an exchange is waited for, or so many times the fastest one, if the manifest allows that."""

Times = Mapping[Family, Sequence[float]]
"""The seconds that exchanges took, in their order, by family; those without an answer count with their time-out."""


def measure(world: ListenerWorld, families: Sequence[Family]) -> dict[Family, list[float]]:
    """Hold exchanges over each family in turn until it is clear whether one is slower; return their times.

    Raises:
        Inconclusive: No client is answered.
    """
    times: dict[Family, list[float]] = {family: [] for family in families}
    answered = 0
    for number in range(_MOST_ROUNDS):
        fastest = min((value for values in times.values() for value in values), default=0.0)
        for family in families:
            sources = world.sources(family)[::-1]  # the first one has come before
            dial = world.exchange(family)
            timeout = min(dial.timeout, max(_PATIENCE, fastest * _FACTOR))
            dialled = world.carry_out(replace(dial, source=sources[number % len(sources)], timeout=timeout))
            is_answered = dialled.outcome is Outcome.ANSWERED
            answered += is_answered
            times[family].append(dialled.seconds if is_answered else timeout)
        if number and (_is_clear(times) or (number + 1 >= _ROUNDS and difference(times) <= ALLOWED + noise(times))):
            break
    if not answered:
        raise Inconclusive("no client is answered while the lab's name server runs")
    return times


def _is_clear(times: Times) -> bool:
    """Return whether the last two exchanges of one family were slower by far than all of the other."""
    faster, slower = by_speed(times)
    return min(times[slower][-2:]) - max(times[faster]) > _CLEAR


def by_speed(times: Times) -> tuple[Family, Family]:
    """Return the families, the one with the fastest exchange first."""
    first, last = sorted(times, key=lambda family: min(times[family]))
    return first, last


def difference(times: Times) -> float:
    """Return by how many seconds the fastest exchange of the slower family is slower than that of the other."""
    faster, slower = by_speed(times)
    return min(times[slower]) - min(times[faster])


def noise(times: Times) -> float:
    """Return by how much the fastest exchanges of one and the same family differ: of every second one and the others.

    Raises:
        Inconclusive: There are not two of each family.
    """
    faster, _ = by_speed(times)
    if min(map(len, times.values())) < 2:  # noqa: PLR2004 - one for each half
        raise Inconclusive("too few exchanges were held to tell a difference from noise")
    return abs(min(times[faster][::2]) - min(times[faster][1::2]))


def is_late_at_first(times: Times) -> bool:
    """Return whether the first exchange of the slower family took far longer than every one of the other."""
    return any(times[family][0] - max(times[family.other]) > FIRST for family in times)


def first_in_time(times: Times, again: Times) -> Finding:
    """Return whether a first exchange is late, in two starts of the service; ``again`` is the second one."""
    late = [
        family
        for family in times
        if all(found[family][0] - max(found[family.other]) > FIRST for found in (times, again))
    ]
    told = " and ".join(f"{times[family][0] * 1000:.0f} ms over {family.label}" for family in times)
    return Finding(
        not late,
        f"the first exchange of a client is not slower by more than {FIRST:g} s over one family",
        f"it took {told}",
    )


def equally_fast(times: Times) -> Finding:
    """Return whether no family is slower than the other by more than is allowed and noise.

    Raises:
        Inconclusive: Too few exchanges were held.
    """
    found, calibrated = difference(times), noise(times)
    _, slower = by_speed(times)
    told = "; ".join(
        f"{family.label}: {min(values) * 1000:.1f} ms at least, median {median(values) * 1000:.1f} ms, of {len(values)}"
        for family, values in times.items()
    )
    return Finding(
        found <= ALLOWED + calibrated,
        f"neither family is slower than the other by more than {ALLOWED * 1000:.0f} ms, beyond the noise",
        f"{told}; {slower.label} is slower by {found * 1000:.1f} ms, the noise is {calibrated * 1000:.1f} ms",
    )
