"""Timelines of races."""

import pytest

from dualstack.chart import Chart, Lane
from dualstack.wire import expect
from dualstack.wire.charting import chart
from tests.wire.packets import F4, F6, S4, S6, MakeCapture, reply, sent, syn, unreachable
from tests.wire.test_racing import NAME, asks, tells


def test_a_timeline_has_a_lane_for_each_question_and_attempt(make_capture: MakeCapture) -> None:
    """Times count from the first packet; the connection that was used is marked."""
    wire = make_capture(
        (1, asks("AAAA")),
        (1.5, asks("A")),
        (1.75, tells("A", rcode=2)),
        (2, tells("AAAA", S6)),
        (2.5, syn(F6)),
        (3.5, syn(F6)),
        (4, syn(F4)),
        (4.25, reply(F4, "SA")),
        (4.5, sent(F4, "PA", b"hello")),
        (5, sent(F4, "FA")),
    )
    found = chart(expect.race(wire, 8080, NAME), "run 1")
    assert found == Chart(
        "run 1",
        (
            Lane("AAAA", "", 0.0, (), 1.0, "answered"),
            Lane("A", "", 0.5, (), 0.75, "SERVFAIL"),
            Lane(S6, "ipv6", 1.5, (2.5,), None, "no answer"),
            Lane(S4, "ipv4", 3.0, (), 3.25, "connected", won=True, closed=4.0),
        ),
    )
    assert found.end == 4.0
    assert found.words == (
        "AAAA question: sent at 0.0 ms, answered at 1000.0 ms. A question: sent at 500.0 ms, SERVFAIL at 750.0 ms. "
        f"IPv6 {S6}: sent at 1500.0 ms, sent 2 times, no answer. "
        f"IPv4 {S4}: sent at 3000.0 ms, connected at 3250.0 ms, used by the client."
    )


@pytest.mark.parametrize(
    ("back", "result"),
    [
        (reply(F6, "RA"), "refused"),
        (unreachable(F6, syn(F6), 1), "ICMPv6 administratively prohibited"),
        (reply(F6, "SA"), "connected"),
    ],
)
def test_an_attempt_has_its_result(make_capture: MakeCapture, back: object, result: str) -> None:
    """A refusal and an ICMP error are named."""
    found = chart(expect.race(make_capture((0, syn(F6)), (0.5, back)), 8080), "x")
    assert found is not None
    assert [(lane.result, lane.ended) for lane in found.lanes] == [(result, 0.5)]


def test_questions_without_an_answer(make_capture: MakeCapture) -> None:
    """A question without any answer, one whose record does not exist, and an unknown response code."""
    wire = make_capture(
        (0, asks("AAAA")), (0, asks("A")), (0, asks("HTTPS")), (1, tells("A")), (1, tells("HTTPS", rcode=9))
    )
    found = chart(expect.race(wire, 8080), "x")
    assert found is not None
    assert [lane.result for lane in found.lanes] == ["no answer", "no such record", "RCODE 9"]


def test_nothing_has_no_timeline(make_capture: MakeCapture) -> None:
    """A run that sent nothing has none; one that sent a hundred SYNs has sixteen lanes."""
    assert chart(expect.race(make_capture(), 8080), "x") is None
    many = [(at / 100, syn(F6, 40000 + at)) for at in range(100)]
    found = chart(expect.race(make_capture(*many), 8080), "x")
    assert found is not None
    assert len(found.lanes) == 16
