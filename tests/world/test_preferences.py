"""Which family a connector tries first, and which types of addresses it asks for."""

import importlib

import pytest

from dualstack.families import Family
from dualstack.transport import Transport
from dualstack.wire.attempts import Attempt, Fate
from dualstack.wire.dissect import Dns
from dualstack.world.run_attempts import split_by_run

preference = importlib.import_module("dualstack.content.suites.connect.test_preference")
types = importlib.import_module("dualstack.content.suites.connect.test_record_types")

IPV4, IPV6 = Family.IPV4, Family.IPV6


def attempt(time: float, family: Family) -> Attempt:
    """Return an attempt that began at a time."""
    return Attempt(family, Transport.TCP, "", 1, "", 2, 3, (time,), Fate.ANSWERED, 0.0001, "", ())


LATE = float("inf")
"""The AAAA answer comes after the run, or never."""


@pytest.mark.parametrize(
    ("runs", "ok", "words"),
    [
        pytest.param([([(0.0, IPV6)], -0.1)], True, "no IPv4 attempt", id="IPv6 alone"),
        pytest.param([([(0.0, IPV6), (0.25, IPV4)], -0.1)], True, "250.0 ms before", id="IPv6, then IPv4"),
        pytest.param([([(0.0, IPV4), (0.005, IPV6)], -0.1)], True, "5.0 ms after", id="both at once"),
        pytest.param([([(0.0, IPV4)], 0.1), ([(1.0, IPV6)], 0.9)], True, "no IPv4 attempt", id="a late answer"),
        pytest.param([([(0.0, IPV4)], -0.1), ([(1.0, IPV6)], 0.9)], False, "although the AAAA", id="in any order"),
        pytest.param([([(0.0, IPV4)], LATE)], False, "made no IPv6 attempt", id="IPv4 alone"),
        pytest.param(
            [([(0.0, IPV4), (0.3, IPV6)], LATE), ([(1.0, IPV4)], LATE)],
            False,
            "300.0 ms after the first IPv4",
            id="IPv4, then IPv6",
        ),
        pytest.param(
            [([(0.0, IPV4), (0.3, IPV6)], -0.1), ([(1.0, IPV6)], 0.9)],
            False,
            "300.0 ms after the first IPv4 attempt, although the AAAA answer had come before",
            id="IPv4, then IPv6, once",
        ),
    ],
)
def test_ipv6_first(runs: list[tuple[list[tuple[float, Family]], float]], ok: bool, words: str) -> None:  # noqa: FBT001 - a row of the table
    """A run must begin with IPv6, or with both families within 10 ms; one is excused if it had no IPv6 address then."""
    finding = preference.prefers_ipv6([([attempt(*item) for item in run], known) for run, known in runs])
    assert finding.ok is ok
    assert words in finding.happened


def test_attempts_belong_to_the_run_before_them() -> None:
    """An attempt is of the last run that had begun; a run may have made none."""
    made = [attempt(time, IPV6) for time in (1.5, 1.7, 4.0)]
    assert split_by_run(made, [1.0, 2.0, 3.0]) == [tuple(made[:2]), (), tuple(made[2:])]


def query(time: float, kind: str) -> Dns:
    """Return a query."""
    return Dns(time, IPV4, "udp", "198.51.100.1", "198.51.100.33", 1, "a.lab.test", kind, 0, ())


@pytest.mark.parametrize(
    ("asked", "ok", "words"),
    [
        pytest.param([(0.0, "A"), (0.001, "AAAA")], True, "it asked for A, then AAAA; AAAA followed A after 1.0 ms"),
        pytest.param([(0.0, "HTTPS"), (0.1, "AAAA"), (0.2, "A"), (0.9, "A")], True, "A followed AAAA after 100.0 ms"),
        pytest.param([(0.0, "A"), (5.0, "A")], False, "it asked for A"),
        pytest.param([(0.0, "AAAA"), (0.0, "HTTPS")], False, "it asked for AAAA, then HTTPS"),
        pytest.param([], False, "it asked for nothing"),
    ],
    ids=["both", "both and HTTPS", "A twice", "AAAA alone", "nothing"],
)
def test_both_types(asked: list[tuple[float, str]], ok: bool, words: str) -> None:  # noqa: FBT001 - a row of the table
    """Both types must be asked for; their order and the time between them are shown."""
    finding = types.asks_for_both([query(*item) for item in asked])
    assert finding.ok is ok
    assert words in finding.happened
