"""The exact timer of the event loop."""

import asyncio
from time import monotonic

import pytest

from dualstack.prober.timer import Timer


def test_actions_are_called_in_the_order_of_their_times() -> None:
    """Whatever the order in which they are given, actions are called by time, never early, and at once if late."""
    called: list[tuple[str, float]] = []

    async def wait() -> None:
        """Give three actions."""
        timer, start = Timer(), monotonic()
        for name, seconds in (("last", 0.6), ("first", 0.2), ("second", 0.4), ("past", -1.0)):
            timer.at(start + seconds, lambda name=name: called.append((name, monotonic() - start)))  # type: ignore[misc]
        await timer.until(start + 0.7)
        timer.close()

    asyncio.run(wait())
    assert [name for name, _ in called] == ["past", "first", "second", "last"]
    for (_, seconds), due in zip(called, (0, 0.2, 0.4, 0.6), strict=True):
        assert seconds >= due


def test_it_is_not_rounded_up_to_milliseconds() -> None:
    """The promptest of several waits for a fraction of a millisecond is late by less than a millisecond."""

    async def lateness() -> float:
        """Return by how many seconds a wait of 2.1 ms was late."""
        timer, due = Timer(), monotonic() + 0.0021
        await timer.until(due)
        timer.close()
        return monotonic() - due

    late = [asyncio.run(lateness()) for _ in range(20)]
    assert min(late) >= 0
    assert min(late) < 0.0007


def test_a_closed_timer_calls_nothing() -> None:
    """What still waits when it is closed is forgotten; closing twice is no error."""
    called: list[int] = []

    async def wait() -> None:
        """Close a timer before its time."""
        timer = Timer()
        timer.at(monotonic() + 0.01, lambda: called.append(1))
        timer.close()
        timer.close()
        await asyncio.sleep(0.03)

    asyncio.run(wait())
    assert called == []


@pytest.mark.parametrize("count", [1, 200])
def test_many_can_wait(count: int) -> None:
    """Every action is called once, however many wait for the same time."""
    called: list[int] = []

    async def wait() -> None:
        """Give them all one time."""
        timer, due = Timer(), monotonic() + 0.005
        for number in range(count):
            timer.at(due, lambda number=number: called.append(number))  # type: ignore[misc]
        async with asyncio.timeout(5):
            while len(called) < count:  # the time may be over before all wait for it
                await timer.until(monotonic() + 0.001)
        timer.close()

    asyncio.run(wait())
    assert sorted(called) == list(range(count))
