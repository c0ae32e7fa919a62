"""Predicates over races: what RFC 8305 (Happy Eyeballs) says of delays, of the order, and of the attempts that lose."""

import math
from collections.abc import Iterable, Sequence

from dualstack.counting import count
from dualstack.errors import Inconclusive
from dualstack.finding import Finding, Symptom
from dualstack.wire.attempts import Fate
from dualstack.wire.flows import Flow
from dualstack.wire.racing import Gap, Race

LEAST_DELAY, MOST_DELAY = 0.1, 2.0
"""The limits of the Connection Attempt Delay in seconds: RECOMMENDED and SHOULD (RFC 8305 §5, §8)."""

TOLERANCE = 0.1
"""Seconds by which a delay may exceed the upper limit: a busy machine wakes a client late."""

HARD_LIMIT = 0.01
"""Seconds that the delay MUST NOT be less than (RFC 8305 §5)."""

_SAME_FAMILY = 2
"""How many addresses of the preferred family may be tried first (RFC 8305 §8: First Address Family Count 1 or 2)."""

_CLOSES_WITHIN = 1.0
"""Seconds within which a connection that lost must be closed."""


def attempt_delay(races: Sequence[Race]) -> Finding:
    """After an attempt that is not answered, the first one over the other family follows within the limits.

    Of several runs the one with the shortest delay counts for the upper limit, and the one with the longest for the
    lower limit: a busy machine makes single delays wrong, not all of them.

    Args:
        races: The runs of a client whose first address never answers.

    Raises:
        Inconclusive: In a run there was no attempt, or the capture ended too early to show the next one.
    """
    gaps = [_fallback(race) for race in races]
    seconds = [math.inf if gap is None else gap.seconds for gap in gaps]
    least, most = min(seconds, default=math.inf), max(seconds, default=math.inf)
    found = next((gap for gap in gaps if gap is not None), None)
    if found is None:
        how = next((f", and {race.ended}" for race in races if race.ended), "")
        happened = f"it tried no address of the other family{how}"
    else:
        happened = f"{found.after.family.label} follows {found.before.family.label} after {in_ms(seconds)}"
    return Finding(
        ok=least <= MOST_DELAY + TOLERANCE and most >= LEAST_DELAY,
        expected=f"if the first attempt is not answered, the first one over the other family begins "
        f"{LEAST_DELAY * 1000:g} to {MOST_DELAY * 1000:g} ms after it",
        happened=happened,
        packets=races[0].packets,
    )


def _fallback(race: Race) -> Gap | None:
    """Return the gap from the first attempt to the first one over the other family; None if there is none in time.

    Raises:
        Inconclusive: There was no attempt, or the run was stopped before the upper limit was over.
    """
    if not race.attempts:
        raise Inconclusive("no attempt was recorded, so there is no delay to judge")
    gap = race.fallback
    if gap is None and not race.ended and race.until - race.attempts[0].time < MOST_DELAY + TOLERANCE:
        seconds = race.until - race.attempts[0].time
        raise Inconclusive(
            f"the capture ends {seconds:.2f} s after its first attempt: that is too early to tell whether another one "
            f"would have followed within {MOST_DELAY:g} s"
        )
    return gap


def attempts_apart(races: Sequence[Race]) -> Finding:
    """Attempts to different addresses begin at least 10 ms apart, unless an earlier one failed or was answered.

    One run of several in which they do is enough: a busy machine brings two attempts together, but not every time.

    Raises:
        Inconclusive: In a run there was no attempt.
    """
    if not all(race.attempts for race in races):
        raise Inconclusive("no attempt was recorded, so there is no gap to judge")
    race = min(races, key=lambda item: len(_close(item)))
    close, waited = _close(race), [gap.seconds for gap in race.gaps if not gap.free]
    if close:
        first = close[0]
        happened = (
            f"{len(close)} of {len(race.gaps)} gaps are shorter: {first.after.dst} was tried "
            f"{first.seconds * 1000:.2f} ms after {first.before.dst}"
        )
    else:
        happened = f"the gaps are {in_ms(waited)}" if waited else "no attempt followed one that was still unanswered"
    return Finding(
        ok=not close,
        expected=f"attempts begin at least {HARD_LIMIT * 1000:g} ms apart, unless one before failed or was answered",
        happened=happened,
        packets=race.packets,
    )


def _close(race: Race) -> list[Gap]:
    """Return the gaps of a race that are too short."""
    return [gap for gap in race.gaps if not gap.free and gap.seconds < HARD_LIMIT]


def families_alternate(race: Race) -> Finding:
    """The second family is tried after at most two addresses of the first family.

    Raises:
        Inconclusive: Too few addresses were tried to show the order, before the run was stopped.
    """
    families = race.families
    if not (families and race.ended) and len(families) <= _SAME_FAMILY and len(set(families)) <= 1:
        raise Inconclusive(f"it tried {count(len(families), 'address')}, of one family, which shows no order")
    same = next((at for at, family in enumerate(families) if family is not families[0]), len(families))
    never = "" if same < len(families) else f", and no {families[0].other.label} address"
    tried = [item.dst for item in race.attempts]
    then = f"; then {', '.join(tried[same:])}" if tried[same:] else ""
    return Finding(
        ok=same <= _SAME_FAMILY and same < len(families),
        expected=f"the other family is tried after at most {_SAME_FAMILY} addresses of the first one",
        happened=f"it tried {same} {families[0].label} address{'es' if same > 1 else ''} first{never}: "
        f"{', '.join(tried[:same])}{then}",
        packets=race.packets,
    )


def losers_quiet(race: Race) -> Finding:
    """Only one of the concurrent attempts, the winner, carries data of the client.

    Raises:
        Inconclusive: No attempt succeeded, or there was only one.
    """
    winner, losers = _decided(race)
    loud = [item for item in losers if item.sent]
    lost = _lost(losers, winner)
    return Finding(
        ok=not loud,
        expected="of the attempts that lost the race none carries bytes of the client",
        happened=f"{lost}; bytes were sent to {_targets(loud)} too" if loud else f"{lost}, and carried no byte",
        packets=race.packets,
    )


def losers_closed(race: Race) -> Finding:
    """A connection that is made although it has lost is closed by the client within a second.

    Raises:
        Inconclusive: No attempt succeeded, there was only one, or the capture ended too early.
    """
    winner, losers = _decided(race)
    made = [item for item in losers if item.attempt.fate is Fate.ANSWERED and item.attempt.decided is not None]
    left = [item for item in made if _open_for(item, race) > _CLOSES_WITHIN]
    if not left and any(item.client_ended is None for item in made):
        raise Inconclusive("the capture ended before the client had a second to close a connection that lost")
    lost = _lost(losers, winner)
    return Finding(
        ok=not left,
        expected=f"a connection that is made although it has lost is closed within {_CLOSES_WITHIN:g} s",
        happened=f"{lost}; the connection to {_targets(left)} stayed open" if left else f"{lost}; none stayed open",
        packets=race.packets,
        symptoms=(Symptom.GROWTH,) if left else (),
    )


def _lost(losers: Sequence[Flow], winner: Flow) -> str:
    """Return which attempts lost to which one, as a sentence."""
    return f"the attempt{'s' if len(losers) > 1 else ''} to {_targets(losers)} lost to the one to {winner.attempt.dst}"


def _open_for(flow: Flow, race: Race) -> float:
    """Return for how many seconds a connection was open before the client ended it, as far as it was recorded."""
    assert flow.attempt.decided is not None  # noqa: S101 - the caller has checked it
    return (race.until if flow.client_ended is None else flow.client_ended) - flow.attempt.decided


def _decided(race: Race) -> tuple[Flow, tuple[Flow, ...]]:
    """Return the winner and the losers of a race.

    Raises:
        Inconclusive: There is none of them.
    """
    winner, losers = race.winner, race.losers
    if winner is None:
        raise Inconclusive("no attempt succeeded, so none has lost")
    if not losers:
        raise Inconclusive("no other attempt was under way when one succeeded, so none has lost")
    return winner, losers


def _targets(made: Iterable[Flow]) -> str:
    """Return the addresses of some attempts as text."""
    return ", ".join(item.attempt.dst for item in made)


def in_ms(seconds: Iterable[float]) -> str:
    """Return times as text, in milliseconds: ``200.3, 201.1 ms``; a missing one is ``none``."""
    return ", ".join("none" if item == math.inf else f"{item * 1000:.1f}" for item in seconds) + " ms"
