"""Which exchanges and attempts fit an impairment: without a lab."""

import pytest

from dualstack.errors import BrokenLab
from dualstack.families import Family
from dualstack.lab.impairments import Impairment, Kind
from dualstack.prober.messages import Dialled, Outcome
from dualstack.transport import Transport
from dualstack.wire.attempts import Attempt, Fate
from dualstack.world.impaired import is_impaired, require_effect

ADDRESS = "2001:db8::2"


def impairment(kind: Kind) -> Impairment:
    """Return an impairment of a kind: 0.4 s, one SYN, administratively prohibited."""
    return Impairment(kind, ADDRESS, 80, seconds=0.4, count=1, code=1)


def attempt(fate: Fate, after: float | None = None, times: tuple[float, ...] = (1.0,)) -> Attempt:
    """Return an attempt to reach the address."""
    ends = ("2001:db8::1", 4321, ADDRESS, 80)
    return Attempt(Family.IPV6, Transport.TCP, *ends, 1, times, fate, after, "", ())


def dialled(outcome: Outcome, *, connected: bool = False, errno: str = "", seconds: float = 0.0) -> Dialled:
    """Return the result of an exchange."""
    return Dialled(outcome, errno, connected, "", 0, "", "", seconds, "")


NOTHING = dialled(Outcome.SILENT)
LATE = dialled(Outcome.ANSWERED, connected=True, seconds=0.4)
EARLY = dialled(Outcome.ANSWERED, connected=True, seconds=0.3)
STALLED = dialled(Outcome.SILENT, connected=True)
REFUSED = dialled(Outcome.REFUSED, errno="ECONNREFUSED")
PROHIBITED = dialled(Outcome.UNREACHABLE, errno="EACCES")
NO_ROUTE = dialled(Outcome.UNREACHABLE, errno="ENETUNREACH")

RESULTS = {
    Kind.DROP: NOTHING,
    Kind.LOSE: NOTHING,
    Kind.HOLD: LATE,
    Kind.STALL: STALLED,
    Kind.RESET: REFUSED,
    Kind.UNREACHABLE: PROHIBITED,
    Kind.NO_ROUTE: NO_ROUTE,
}


@pytest.mark.parametrize("kind", Kind)
def test_only_its_own_result_proves_an_impairment(kind: Kind) -> None:
    """Each result of an exchange proves the kinds that cause it, and no other kind."""
    every = (NOTHING, LATE, EARLY, STALLED, REFUSED, PROHIBITED, NO_ROUTE)
    assert [item for item in every if is_impaired(impairment(kind), item)] == [RESULTS[kind]]


FATES = {
    Kind.DROP: [],
    Kind.HOLD: [attempt(Fate.ANSWERED, 0.4), attempt(Fate.ANSWERED, 0.1, (1.0, 2.0))],
    Kind.LOSE: [attempt(Fate.ANSWERED, 0.1, (1.0, 2.0))],
    Kind.STALL: [attempt(Fate.ANSWERED, 0.4), attempt(Fate.ANSWERED, 0.3), attempt(Fate.ANSWERED, 0.1, (1.0, 2.0))],
    Kind.RESET: [attempt(Fate.REFUSED, 0.1)],
    Kind.UNREACHABLE: [attempt(Fate.ICMP_ERROR, 0.1)],
    Kind.NO_ROUTE: [],
}


@pytest.mark.parametrize("kind", Kind)
def test_packets_contradict_an_impairment_without_effect(kind: Kind) -> None:
    """An attempt that ended otherwise is a broken lab; one without an answer fits, unless there was no route."""
    every = [item for items in FATES.values() for item in items]
    for item in every:
        if item in FATES[kind]:
            require_effect(impairment(kind), [item], 0.5, 5.0)
        else:
            with pytest.raises(BrokenLab, match="impairment without effect"):
                require_effect(impairment(kind), [item], 0.5, 5.0)
    if kind is Kind.NO_ROUTE:
        with pytest.raises(BrokenLab):
            require_effect(impairment(kind), [attempt(Fate.UNANSWERED)], 0.5, 5.0)
    else:
        require_effect(impairment(kind), [attempt(Fate.UNANSWERED)], 0.5, 5.0)


def test_other_times_do_not_count() -> None:
    """An attempt that began before the block, or was answered after it, says nothing about it."""
    answered = attempt(Fate.ANSWERED, 0.1)
    require_effect(impairment(Kind.DROP), [answered], 1.05, 5.0)
    require_effect(impairment(Kind.DROP), [answered], 0.5, 1.05)
