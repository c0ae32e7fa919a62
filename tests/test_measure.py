"""Measured times: the minimum counts, and the true time is in the interval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.measure import Measure

TIMES = st.lists(st.floats(0.0, 100.0), min_size=1, max_size=9)


def test_a_measure_is_text() -> None:
    """It is shown in milliseconds with one decimal, and its repetitions beside it."""
    found = Measure.of("attempt delay", [0.2531, 0.2509, 0.2533], error=0.0013, reference="RFC 8305 §8")
    assert str(found) == "attempt delay 250.9 ms (249.6 to 250.9)"
    assert found.details == "3 runs, median 253.1 ms, spread 2.4 ms"
    assert Measure.of("attempt delay", [0.25], error=0).details == "1 run"


@given(seconds=TIMES, error=st.floats(0, 5))
def test_the_order_of_its_numbers(seconds: list[float], error: float) -> None:
    """The numbers are in order: low ≤ value = high ≤ median ≤ value + spread, and low is 0 or more."""
    found = Measure.of("x", seconds, error=error)
    assert 0 <= found.low <= found.value == found.high <= found.median <= found.value + found.spread + 1e-6
    assert found.high - found.low <= error * 1000 + 1e-3
    assert found.repetitions == len(seconds)


@given(true=st.floats(0, 5), late=st.lists(st.floats(0, 1), min_size=1, max_size=9), margin=st.floats(0, 1))
def test_the_true_time_is_in_the_interval(true: float, late: list[float], margin: float) -> None:
    """If times are only ever too long, and the shortest by at most the error, the interval has the true time."""
    found = Measure.of("x", [true + item for item in late], error=min(late) + margin)
    assert found.low - 1e-3 <= true * 1000 <= found.high + 1e-3


def test_without_a_repetition_there_is_none() -> None:
    """Nothing was measured: that is an error of the caller."""
    with pytest.raises(ValueError, match="empty"):
        Measure.of("x", [], error=0)
