"""How long exchanges take over each family, and whether one family is slower by more than noise."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Dialled, Outcome
from dualstack.world.listening import ListenerWorld

ALLOWED = 0.1
"""Seconds by which the fastest exchange of one family may be slower than that of the other, beyond the noise."""

FIRST = 1.0
"""Seconds by which the first exchange of one family may be slower than the slowest of the other."""

_ROUNDS, _MOST_ROUNDS = 6, 18
"""Exchanges of each family: the minimum, and the maximum if they differ by more than is allowed."""

_CLEAR = 1.0
"""Seconds of difference, twice in a row, that end the measurement early."""

_WAITED = 0.9
"""A client that ended earlier than after this part of its timeout was not waiting any more."""

_APART = 3
"""Exchanges of one family, in a separate start of the service."""

_EXCHANGE_TIMEOUT, _FACTOR = 2.0, 20
"""The timeout of an exchange in seconds, or as a multiple of the fastest one; never more than the manifest's."""

Times = Mapping[Family, Sequence[float]]
"""The seconds of each exchange, in order, by family; one without an answer in time counts as `Unanswered`."""


class Unanswered(float):
    """The timeout, in seconds, of a client that was still waiting for its answer."""


def seconds_of(family: Family, dialled: Dialled, timeout: float) -> float:
    """Return how long an exchange took, or its timeout as `Unanswered` if the client was still waiting then.

    Raises:
        NothingToJudge: The client was not served, and did not wait: its connection was refused or closed, or its answer
            was wrong.
    """
    if dialled.outcome is Outcome.ANSWERED:
        return dialled.seconds
    if dialled.outcome is Outcome.SILENT and dialled.seconds >= timeout * _WAITED:
        return Unanswered(timeout)
    raise NothingToJudge(
        f"an {family.label} client is not served: the requirements on reachability cover that: {dialled.detail}"
    )


def _in_words(seconds: float) -> str:
    """Return the time of an exchange in milliseconds, or that there was no answer in time."""
    shown = f"{seconds * 1000:.1f} ms"
    return f"no answer within {shown}" if isinstance(seconds, Unanswered) else shown


def measure(world: ListenerWorld, families: Sequence[Family]) -> dict[Family, list[float]]:
    """Hold exchanges over each family in turn until it is clear whether one family is slower; return their times.

    Raises:
        Inconclusive: No client is answered.
    """
    times: dict[Family, list[float]] = {family: [] for family in families}
    answered = 0
    for number in range(_MOST_ROUNDS):
        fastest = min((value for values in times.values() for value in values), default=0.0)
        for family in families:
            sources = world.sources(family)[::-1]  # the first one has been used before
            dial = world.client.exchange(family)
            timeout = min(dial.timeout, max(_EXCHANGE_TIMEOUT, fastest * _FACTOR))
            dialled = world.client.carry_out(replace(dial, source=sources[number % len(sources)], timeout=timeout))
            answered += dialled.outcome is Outcome.ANSWERED
            times[family].append(seconds_of(family, dialled, timeout))
        if number and (_is_clear(times) or (number + 1 >= _ROUNDS and difference(times) <= ALLOWED + noise(times))):
            break
    if not answered:
        raise Inconclusive("no client is answered while the lab's name server runs")
    return times


def measure_apart(world: ListenerWorld, families: Sequence[Family]) -> dict[Family, list[float]]:
    """Start the service for each family and hold exchanges over this one only; return their times.

    A service that serves one client after the other delays the clients of both families, whichever is slow.
    """
    times = {}
    for family in families:
        world.service.start()
        dial = world.client.exchange(family)
        dial = replace(dial, timeout=min(dial.timeout, _EXCHANGE_TIMEOUT))
        dialled = [world.client.carry_out(dial) for _ in range(_APART)]
        times[family] = [seconds_of(family, one, dial.timeout) for one in dialled]
    return times


def _is_clear(times: Times) -> bool:
    """Return whether the last two exchanges of one family were slower than all of the other by `_CLEAR`."""
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
    """Return by how many seconds the fastest exchanges of the faster family's two halves differ.

    The halves are its exchanges with even and with odd numbers.

    Raises:
        Inconclusive: A family has fewer than two exchanges.
    """
    faster, _ = by_speed(times)
    if min(map(len, times.values())) < 2:  # noqa: PLR2004 - one for each half
        raise Inconclusive("too few exchanges were held to tell a difference from noise")
    return abs(min(times[faster][::2]) - min(times[faster][1::2]))


def may_hide_a_delay(times: Times) -> bool:
    """Return whether the times of both families, or those of one, vary so much that one may have delayed the other."""
    return noise(times) > ALLOWED or min(min(values) for values in times.values()) > FIRST


def equally_fast_apart(times: Times) -> Finding:
    """Return the finding whether neither family is slower by more than `FIRST` in starts with clients of one family."""
    faster, slower = by_speed(times)
    found = min(times[slower]) - max(times[faster])
    measured = "; ".join(
        f"over {one.label} {_in_words(min(values))} at least, {_in_words(max(values))} at most"
        for one, values in times.items()
    )
    return Finding(
        found <= FIRST,
        f"if only clients of one family come, neither family is slower than the other by more than {FIRST:g} s",
        f"of the exchanges in such starts: {measured}",
    )


def is_late_at_first(times: Times) -> bool:
    """Return whether the first exchange of a family is slower than all of the other by more than `FIRST`."""
    return any(times[family][0] - max(times[family.other]) > FIRST for family in times)


def first_in_time(times: Times, again: Times) -> Finding:
    """Return the finding whether a first exchange is late in two starts of the service.

    Args:
        times: The times of the first start.
        again: The times of the second start.
    """
    late = [
        family
        for family in times
        if all(found[family][0] - max(found[family.other]) > FIRST for found in (times, again))
    ]
    measured = " and ".join(f"over {family.label} {_in_words(times[family][0])}" for family in times)
    return Finding(
        not late,
        f"the first exchange of a client is not slower by more than {FIRST:g} s over one family",
        f"the first exchange: {measured}",
    )


def equally_fast(times: Times) -> Finding:
    """Return the finding whether neither family is slower than the other by more than `ALLOWED` and noise.

    Raises:
        Inconclusive: Too few exchanges were held.
    """
    found, calibrated = difference(times), noise(times)
    _, slower = by_speed(times)
    measured = "; ".join(
        f"{family.label}: {_in_words(min(values))} at least, median {median(values) * 1000:.1f} ms, of {len(values)}"
        for family, values in times.items()
    )
    return Finding(
        found <= ALLOWED + calibrated,
        f"neither family is slower than the other by more than {ALLOWED * 1000:.0f} ms, beyond the noise",
        f"{measured}; {slower.label} is slower by {found * 1000:.1f} ms, the noise is {calibrated * 1000:.1f} ms",
    )
