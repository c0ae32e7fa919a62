"""When a connector tries the next address after a refusal."""

import importlib

import pytest

from dualstack.families import Family
from dualstack.transport import Transport
from dualstack.wire.attempts import Attempt, Fate

suite = importlib.import_module("dualstack.content.suites.connect.test_fallback")

IPV4, IPV6 = Family.IPV4, Family.IPV6
WON, LOST = Fate.ANSWERED, Fate.REFUSED


def attempt(time: float, family: Family, fate: Fate) -> Attempt:
    """Return an attempt that began at a time."""
    return Attempt(family, Transport.TCP, "", 1, "", 2, 3, (time,), fate, 0.0001, "", ())


@pytest.mark.parametrize(
    ("made", "ok", "words"),
    [
        pytest.param([(0.0, IPV6, LOST), (0.1, IPV4, WON)], True, "it followed after 100.0 ms", id="in turn"),
        pytest.param([(0.0, IPV4, WON), (0.0, IPV6, LOST)], True, "had begun before", id="all at once"),
        pytest.param([(0.0, IPV6, LOST), (0.0, IPV4, WON)], True, "had begun before", id="all at once, refused first"),
        pytest.param([(0.0, IPV4, WON), (0.25, IPV6, LOST)], True, "had begun before", id="staggered, a late loser"),
        pytest.param([(0.0, IPV6, LOST), (1.5, IPV4, WON)], False, "1500.0 ms", id="too late"),
        pytest.param([(0.0, IPV6, LOST), (0.9, IPV6, LOST), (1.2, IPV4, WON)], False, "1200.0 ms", id="tries again"),
        pytest.param([(0.0, IPV6, LOST)], False, "none followed", id="gives up"),
        pytest.param([(0.0, IPV6, LOST), (0.1, IPV4, LOST)], False, "none followed", id="no success"),
        pytest.param([(0.0, IPV4, WON)], True, "it made no IPv6 attempt", id="nothing refused"),
    ],
)
def test_after_a_refusal(made: list[tuple[float, Family, Fate]], ok: bool, words: str) -> None:  # noqa: FBT001 - a row of the table
    """An attempt over the other family follows in time, or has begun before."""
    finding = suite.follow_up(tuple(attempt(*item) for item in made), IPV6)
    assert finding.ok is ok
    assert words in finding.happened


def test_runs_are_judged_separately() -> None:
    """A success in another run does not follow a refusal."""
    first = [(0.0, IPV6, LOST)]  # where IPv4 is served, and it gives up
    second = [(0.5, IPV6, WON)]  # where IPv6 is served
    made = tuple(attempt(*item) for item in (*first, *second))
    assert not suite.follow_up(made, IPV6).ok
    assert suite.follow_up(made, IPV4).ok
