"""How the times of exchanges over the two families are compared."""

from dataclasses import replace

import pytest

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family
from dualstack.prober.messages import Dialled, Outcome
from dualstack.world.latency import (
    Unanswered,
    difference,
    equally_fast,
    equally_fast_apart,
    first_in_time,
    is_late_at_first,
    may_hide_a_delay,
    noise,
    seconds_of,
)

F4, F6 = Family.IPV4, Family.IPV6


def test_noise_is_no_difference() -> None:
    """If only the slowest exchanges differ, by seconds, both families are equally fast."""
    times = {F4: [0.002, 0.3, 0.002, 2.0], F6: [1.5, 0.09, 0.101, 0.2]}
    assert difference(times) == pytest.approx(0.088)
    finding = equally_fast(times)
    assert finding.ok
    assert "IPv4: 2.0 ms at least, median 151.0 ms, of 4; IPv6: 90.0 ms at least" in finding.happened


@pytest.mark.parametrize("slow", [F4, F6])
def test_a_family_that_is_always_slower_deviates(slow: Family) -> None:
    """Either family is slower if each exchange takes over 100 ms longer than the fastest of the other."""
    times = {slow: [0.113, 0.2, 0.115], slow.other: [0.002, 0.003, 0.002]}
    finding = equally_fast(times)
    assert not finding.ok
    assert f"{slow.label} is slower by 111.0 ms, the noise is 1.0 ms" in finding.happened


def test_what_is_allowed_grows_with_the_noise() -> None:
    """The noise is the difference between the fastest of the even and of the odd exchanges of one family."""
    times = {F4: [0.1, 0.2, 0.11, 0.3], F6: [0.299, 0.4, 0.5, 0.6]}
    assert noise(times) == pytest.approx(0.1)
    assert equally_fast(times).ok
    assert not equally_fast({**times, F6: [0.301, 0.4, 0.5, 0.6]}).ok


def test_one_exchange_proves_nothing() -> None:
    """With fewer than two exchanges of a family the noise is unknown."""
    with pytest.raises(Inconclusive, match="too few exchanges"):
        equally_fast({F4: [0.1], F6: [0.1]})
    with pytest.raises(Inconclusive):
        equally_fast({F4: [0.1, 0.1], F6: [0.1]})


def test_a_first_exchange_may_be_late_once() -> None:
    """A first exchange that takes far longer than all of the other family deviates if that happens in two starts."""
    late, fine = {F4: [0.01, 0.02], F6: [2.0, 0.01]}, {F4: [0.01, 0.02], F6: [0.9, 0.01]}
    slow_start = {F4: [2.5, 0.02], F6: [2.0, 0.01]}
    assert [is_late_at_first(times) for times in (late, fine, slow_start)] == [True, False, False]
    assert first_in_time(late, fine).ok
    assert first_in_time(fine, late).ok
    finding = first_in_time(late, late)
    assert not finding.ok
    assert finding.happened == "the first exchange: over IPv4 10.0 ms and over IPv6 2000.0 ms"


def test_a_family_that_delays_the_other_is_measured_apart() -> None:
    """If one client waits for another, both families are slow in turn; only clients of one family show which one is."""
    queued = {F4: [0.025, 2.0, 2.0, 2.0], F6: [2.0, 2.0, 2.0, 2.0]}
    assert equally_fast(queued).ok
    assert may_hide_a_delay(queued)
    assert may_hide_a_delay({F4: [2.0, 2.0], F6: [2.0, 2.0]})
    assert not may_hide_a_delay({F4: [0.01, 0.02], F6: [0.01, 0.02]})
    finding = equally_fast_apart({F4: [0.02, 0.03], F6: [2.0, 2.0]})
    assert not finding.ok
    assert finding.happened == (
        "of the exchanges in such starts: over IPv4 20.0 ms at least, 30.0 ms at most; "
        "over IPv6 2000.0 ms at least, 2000.0 ms at most"
    )
    assert equally_fast_apart({F4: [2.0, 2.0], F6: [2.0, 2.0]}).ok
    assert equally_fast_apart({F4: [0.02, 1.5], F6: [2.0, 2.0]}).ok


def test_a_client_that_is_not_served_has_no_time() -> None:
    """A closed connection or a wrong answer is no slow answer: the case is not judged; only a client that waits is."""
    closed = Dialled(Outcome.SILENT, "", True, "", 0, "", "", 0.01, "the service closed the connection", 0)
    with pytest.raises(NothingToJudge, match="IPv6 client is not served: the requirements on reachability cover that"):
        seconds_of(F6, closed, 2.0)
    with pytest.raises(NothingToJudge):
        seconds_of(F6, replace(closed, outcome=Outcome.WRONG, seconds=2.0), 2.0)
    assert seconds_of(F6, replace(closed, outcome=Outcome.ANSWERED), 2.0) == 0.01
    waited = seconds_of(F6, replace(closed, seconds=2.0), 2.0)
    assert isinstance(waited, Unanswered)
    finding = first_in_time({F4: [0.01, 0.02], F6: [waited, 0.01]}, {F4: [0.01, 0.02], F6: [waited, 0.01]})
    assert finding.happened == "the first exchange: over IPv4 10.0 ms and over IPv6 no answer within 2000.0 ms"
