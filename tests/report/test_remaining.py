"""How long the rest of a run will take."""

import pytest

from dualstack.casekey import CaseKey
from dualstack.report.remaining import Remaining, duration


def key(name: str) -> CaseKey:
    """Return the key of a case."""
    return CaseKey("A-001", "shop", name, "dual-stack")


def test_cases_count_by_what_they_took() -> None:
    """With 1 of 10 s done after 3 s, 27 s are left: a long case counts more, and one that does not apply nothing."""
    remaining = Remaining({key("short"): 1.0, key("long"): 9.0, key("idle"): 0.0})
    remaining.finished(key("short"))
    assert remaining.left(3.0) == pytest.approx(27.0)
    remaining.finished(key("long"))
    assert remaining.left(20.0) == 0.0


def test_cases_that_never_ran() -> None:
    """A case without an earlier result counts like the average of the others; without any, all count alike."""
    remaining = Remaining({key("a"): 2.0, key("b"): 4.0, key("new"): None})
    remaining.finished(key("new"))
    assert remaining.left(6.0) == pytest.approx(12.0)
    unknown = Remaining({key(name): None for name in "abcd"})
    unknown.finished(key("a"))
    assert unknown.left(5.0) == pytest.approx(15.0)


def test_nothing_is_said_too_early() -> None:
    """Before the first case has ended, and in the first two seconds, no time is said; others are ignored."""
    remaining = Remaining({key("a"): 2.0, key("b"): 2.0})
    remaining.finished(key("other"))
    assert remaining.left(9.0) is None
    remaining.finished(key("a"))
    assert remaining.left(1.9) is None
    assert remaining.left(2.0) == pytest.approx(2.0)


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0:00"), (67.9, "1:07"), (760, "12:40"), (7200, "120:00")])
def test_durations(seconds: float, text: str) -> None:
    """Durations are minutes and seconds."""
    assert duration(seconds) == text
