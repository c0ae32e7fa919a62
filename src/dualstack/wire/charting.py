"""A race as the data of a timeline."""

from collections.abc import Iterator

from dualstack.chart import Chart, Lane
from dualstack.wire.attempts import Fate
from dualstack.wire.flows import Flow
from dualstack.wire.racing import Lookup, Race

_MOST = 16
"""How many lanes a timeline has at most."""

_RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}

_FATES = {
    Fate.ANSWERED: "connected",
    Fate.REFUSED: "refused",
    Fate.UNANSWERED: "no answer",
}


def chart(race: Race, title: str) -> Chart | None:
    """Return the timeline of a race; None if nothing was sent. Its times count from the first packet."""
    began = [item.time for item in race.lookups] + [item.attempt.time for item in race.flows]
    if not began:
        return None
    start = min(began)
    return Chart(title, (*_questions(race, start), *_attempts(race, start))[:_MOST])


def _questions(race: Race, start: float) -> Iterator[Lane]:
    """Yield a lane for each record type."""
    for item in race.lookups:
        first, *others = item.asked
        yield Lane(
            label=item.type,
            family="",
            began=_since(first, start),
            again=tuple(_since(time, start) for time in others),
            ended=None if item.answered is None else _since(item.answered, start),
            result=_answer(item),
        )


def _answer(item: Lookup) -> str:
    """Return how a question was answered, as text."""
    if item.answered is None:
        return "no answer"
    if item.rcode:
        return _RCODES.get(item.rcode, f"RCODE {item.rcode}")
    return "answered" if item.answers else "no such record"


def _attempts(race: Race, start: float) -> Iterator[Lane]:
    """Yield a lane for each attempt."""
    winner = race.winner
    for item in race.flows:
        first, *others = item.attempt.times
        yield Lane(
            label=item.attempt.dst,
            family=item.family.value,
            began=_since(first, start),
            again=tuple(_since(time, start) for time in others),
            ended=None if item.attempt.decided is None else _since(item.attempt.decided, start),
            result=_fate(item),
            won=item is winner,
            closed=None if item.client_ended is None else _since(item.client_ended, start),
        )


def _fate(flow: Flow) -> str:
    """Return how an attempt ended, as text."""
    return _FATES.get(flow.attempt.fate) or flow.attempt.error


def _since(time: float, start: float) -> float:
    """Return seconds since ``start``, to the microsecond."""
    return round(time - start, 6)
