"""Deadlines count down once, never below zero, and name what was waited for."""

import pytest

from dualstack import deadline as module
from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        """Begin at an arbitrary point."""
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give deadlines a clock that stands still."""
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_counts_down(clock: Clock) -> None:
    """The remaining time shrinks with the clock and is never negative."""
    deadline = Deadline(2.0, "the port")
    assert (deadline.remaining, deadline.expired) == (2.0, False)
    clock.now += 1.5
    assert (deadline.remaining, deadline.expired) == (0.5, False)
    clock.now += 10
    assert (deadline.remaining, deadline.expired) == (0.0, True)


def test_checks_quietly_until_it_expires(clock: Clock) -> None:
    """A check raises only when no time is left, and names the wait and what was seen instead."""
    deadline = Deadline(0.25, "the port to open")
    deadline.check("closed")
    clock.now += 0.25
    with pytest.raises(DeadlineExpired, match=r"^waited 0\.25 s for the port to open; it is closed$"):
        deadline.check("it is closed")


def test_error_without_detail(clock: Clock) -> None:
    """Without a detail the error ends with what was waited for."""
    assert str(Deadline(3.0, "x").error()) == "waited 3 s for x"


def test_of_no_time_is_expired() -> None:
    """A deadline of zero seconds has expired when it is made."""
    assert Deadline(0.0, "nothing").expired


def test_cannot_be_prolonged() -> None:
    """A deadline is a value: it cannot be moved."""
    with pytest.raises(AttributeError):
        Deadline(1.0, "x").seconds = 5.0  # type: ignore[misc]  # that this is refused is what is tested


def test_until_polls_at_least_once() -> None:
    """A condition that is true already is found without any time left; one that is never true is not."""
    assert Deadline(0, "nothing").until(lambda: True)
    assert not Deadline(0.03, "nothing").until(lambda: False)


def test_until_ends_with_the_condition() -> None:
    """The wait ends when the condition is true, long before the deadline."""
    looks = iter([False, False, True])
    deadline = Deadline(60, "the third look")
    assert deadline.until(lambda: next(looks))
    assert not deadline.expired
