"""Races: what one run of a client put on the wire, and the delays in it."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import UDP

from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.transport import Transport
from dualstack.wire import expect
from dualstack.wire.attempts import Attempt, Fate
from dualstack.wire.flows import Flow
from dualstack.wire.racing import Lookup, Race, lateness
from tests.wire.cases.eyeballs import ANOTHER
from tests.wire.packets import F4, F6, S4, S6, MakeCapture, handshake, net, reply, sent, syn

NAME = "a-ok.aaaa-ok.x1.lab.test"


def asks(record: str, name: str = NAME, sport: int = 5000) -> Any:
    """Return a DNS query of the client."""
    return net(F4) / UDP(sport=sport, dport=53) / DNS(id=1, qd=DNSQR(qname=name, qtype=record))


def tells(record: str, *data: str, name: str = NAME, rcode: int = 0) -> Any:
    """Return the answer to it."""
    found = [DNSRR(rrname=name, type=record, rdata=item) for item in data]
    message = DNS(id=1, qr=1, rcode=rcode, qd=DNSQR(qname=name, qtype=record), an=found)
    return net(F4, back=True) / UDP(sport=53, dport=5000) / message


def test_a_race_is_read(make_capture: MakeCapture) -> None:
    """Questions, answers, attempts, the winner, the loser and each delay are those of the packets."""
    wire = make_capture(
        (0, asks("AAAA")),
        (0.001, asks("A")),
        (0.002, tells("A", S4)),
        (0.5, asks("AAAA")),
        (0.75, tells("AAAA", S6)),
        (1, syn(F6)),
        (1.25, syn(F4)),
        (1.26, reply(F4, "SA")),
        (1.27, sent(F4, "PA", b"hello")),
    )
    found = expect.race(wire, 8080, NAME)
    aaaa, a = found.lookups
    assert (aaaa.type, len(aaaa.asked), aaaa.answers, a.type, len(a.asked)) == ("AAAA", 2, (S6,), "A", 1)
    assert found.families == (F6, F4)
    assert found.resolution_delay == pytest.approx(0.25)
    assert found.fallback is not None
    assert found.fallback.seconds == pytest.approx(0.25)
    assert found.winner is not None
    assert found.winner.family is F4
    assert [item.family for item in found.losers] == [F6]


def test_only_questions_about_the_name_count(make_capture: MakeCapture) -> None:
    """Questions for other names are ignored; those below the name (RFC 9460 §2.3) are about it."""
    wire = make_capture(
        (0, asks("A", "update.example")),
        (1, asks("HTTPS", f"_8080._https.{NAME}")),
        (2, asks("AAAA", NAME.upper())),
        (3, tells("AAAA", S6, name="update.example")),
    )
    assert [item.type for item in expect.race(wire, 8080, NAME).lookups] == ["HTTPS", "AAAA"]
    assert [item.type for item in expect.race(wire, 8080).lookups] == ["A", "HTTPS", "AAAA"]
    assert expect.race(wire, 8080, NAME).lookups[1].answered is None


def test_an_answer_with_records_counts_before_one_without(make_capture: MakeCapture) -> None:
    """A truncated or failed answer is replaced by the later one that has records."""
    wire = make_capture((0, asks("A")), (0.1, tells("A", rcode=2)), (0.2, asks("A")), (0.5, tells("A", S4)))
    (found,) = expect.race(wire, 8080).lookups
    assert found.answered is not None
    assert found.answered - found.time == pytest.approx(0.5)
    assert (found.rcode, found.answers) == (0, (S4,))
    (failed,) = expect.race(make_capture((0, asks("A")), (0.1, tells("A", rcode=2))), 8080).lookups
    assert (failed.rcode, failed.answers) == (2, ())


def test_runs_are_apart(make_capture: MakeCapture) -> None:
    """A race has only the packets of one run."""
    wire = make_capture((0, asks("A")), (1, syn(F6)), (10, asks("AAAA")), (11, syn(F4)), (12, reply(F4, "SA")))
    start = wire.frames[0].time
    first, second = expect.race(wire, 8080, until=start + 10), expect.race(wire, 8080, since=start + 10)
    assert ([item.type for item in first.lookups], first.families) == (["A"], (F6,))
    assert ([item.type for item in second.lookups], second.families) == (["AAAA"], (F4,))
    assert [item.until - start for item in (first, second)] == pytest.approx([1, 12])
    assert (len(first.packets), len(second.packets)) == (1, 2)


def test_an_empty_race(make_capture: MakeCapture) -> None:
    """Without any packet there is no winner, no gap and no delay."""
    found = expect.race(make_capture(), 8080)
    assert (found.lookups, found.flows, found.gaps, found.losers) == ((), (), (), ())
    assert (found.winner, found.fallback, found.resolution_delay) == (None, None, None)
    assert expect.race(make_capture((0, syn(F6))), 8080).resolution_delay is None


@pytest.mark.parametrize("damage", [{"drops": 3}, {"cut": 5}])
def test_an_incomplete_capture_has_no_race(make_capture: MakeCapture, damage: dict[str, int]) -> None:
    """If the kernel dropped frames, or the file is truncated, nothing is said about a race."""
    with pytest.raises(Inconclusive):
        expect.race(make_capture((0, syn(F6)), (0.25, syn(F4)), **damage), 8080)


JUDGES: list[Callable[[Race], Finding]] = [expect.losers_quiet, expect.losers_closed]


@pytest.mark.parametrize("judge", JUDGES)
def test_only_one_attempt_is_no_race(make_capture: MakeCapture, judge: Callable[[Race], Finding]) -> None:
    """Without concurrent attempts there is no loser; without a winner neither."""
    with pytest.raises(Inconclusive, match="no other attempt was under way"):
        judge(expect.race(make_capture(*handshake(F6)), 8080))
    with pytest.raises(Inconclusive, match="no other attempt was under way"):
        judge(expect.race(make_capture((0, syn(F6)), (0.1, reply(F6, "RA")), *handshake(F4, 0.2)), 8080))
    with pytest.raises(Inconclusive, match="no attempt succeeded"):
        judge(expect.race(make_capture((0, syn(F6)), (1, syn(F4))), 8080))


def test_a_connection_that_lost_has_a_second_to_be_closed(make_capture: MakeCapture) -> None:
    """If the capture ends before that second is over, nothing is said."""
    lost = [(0, syn(F6)), *handshake(F4, 0.25, 40001), (0.3, sent(F4, "PA", b"x", 40001)), (0.6, reply(F6, "SA"))]
    with pytest.raises(Inconclusive, match="before the client had a second"):
        expect.losers_closed(expect.race(make_capture(*lost), 8080))


def test_a_run_that_ends_early_shows_no_missing_attempt(make_capture: MakeCapture) -> None:
    """That no attempt followed is said only if the capture covers the two seconds in which one could have followed."""
    with pytest.raises(Inconclusive, match="too early"):
        expect.attempt_delay([expect.race(make_capture((0, syn(F6)), (2, syn(F6))), 8080)])
    assert not expect.attempt_delay([expect.race(make_capture((0, syn(F6)), (2.125, syn(F6))), 8080)]).ok


def test_a_client_that_has_ended_makes_no_attempt_later(make_capture: MakeCapture) -> None:
    """If the client ended by itself, an attempt that is missing will not follow; if it was stopped, one might."""
    early = expect.race(make_capture((0, syn(F6)), (1, syn(F6))), 8080)
    found = expect.attempt_delay([replace(early, ended="exited with code 1")])
    assert (found.ok, found.happened) == (False, "it tried no address of the other family, and exited with code 1")
    two = expect.race(make_capture((0, syn(F6)), (0.25, ANOTHER)), 8080)
    order = expect.families_alternate(replace(two, ended="exited with code 1"))
    assert not order.ok
    assert order.happened.startswith("it tried 2 IPv6 addresses first, and no IPv4 address: ")
    with pytest.raises(Inconclusive):
        expect.families_alternate(expect.race(make_capture((0, asks("A"))), 8080))


def test_two_addresses_of_one_family_show_no_order(make_capture: MakeCapture) -> None:
    """The third attempt would show whether the families alternate; without it nothing is said."""
    with pytest.raises(Inconclusive, match="it tried 2 addresses, of one family"):
        expect.families_alternate(expect.race(make_capture((0, syn(F6)), (0.25, ANOTHER)), 8080))


@pytest.mark.parametrize(("gap", "ok"), [(0.09375, False), (0.125, True), (2.09375, True), (2.125, False)])
def test_the_limits_of_the_attempt_delay(make_capture: MakeCapture, gap: float, ok: bool) -> None:  # noqa: FBT001 - a row of the table
    """At least 100 ms; at most 2 s and the tenth of a second by which a busy machine may be late."""
    assert expect.attempt_delay([expect.race(make_capture((0, syn(F6)), (gap, syn(F4))), 8080)]).ok is ok


def test_one_run_with_gaps_is_enough(make_capture: MakeCapture) -> None:
    """Attempts come together in every run of a client that does not wait; of another one, in some at most."""
    wire = make_capture((0, syn(F6)), (0.001, syn(F4)), (10, syn(F6, 40001)), (10.2, syn(F4, 40001)))
    start = wire.frames[0].time
    close, apart = expect.race(wire, 8080, until=start + 5), expect.race(wire, 8080, since=start + 5)
    assert expect.attempts_apart([close, apart]).ok
    assert not expect.attempts_apart([close, close]).ok
    delays = expect.attempt_delay([close, apart])
    assert delays.ok
    assert "1.0, 200.0 ms" in delays.happened


def test_the_lateness_of_a_client_of_known_delay(make_capture: MakeCapture) -> None:
    """Each pair of connections shows how late the second one was; a last single one shows nothing."""
    wire = make_capture(
        (0, syn(F6, 40000, dport=9)),
        (0.25, syn(F4, 40000, dport=9)),
        (1, syn(F6, 40001, dport=9)),
        (1.125, syn(F4)),
        (1.375, syn(F4, 40001, dport=9)),
        (2, syn(F6, 40002, dport=9)),
    )
    assert lateness(wire, 9, 0.25) == pytest.approx((0, 0.125), abs=MICRO)
    with pytest.raises(Inconclusive):
        lateness(make_capture(drops=1), 9, 0.25)


def test_connections_to_one_address_are_no_race(make_capture: MakeCapture) -> None:
    """A second connection to an address does not count in the order of addresses."""
    wire = make_capture((0, syn(F6)), (0.001, syn(F6, 40001)), (0.3, syn(F4)))
    found = expect.race(wire, 8080)
    assert (len(found.flows), found.families, len(found.gaps)) == (3, (F6, F4), 1)


# -- properties ------------------------------------------------------------------------------------------------------

MICRO = 1e-6


def flow(at: float, address: int, fate: Fate, after: float, first_sent: float | None) -> Flow:
    """Return a connection to one of eight addresses, the even ones IPv6."""
    family = Family.IPV6 if address % 2 == 0 else Family.IPV4
    decided = None if fate is Fate.UNANSWERED else at + after
    attempt = Attempt(
        family, Transport.TCP, "client", 40000, f"address-{address}", 8080, 7, (at,), fate, after, "", (), decided
    )
    speaks = fate is Fate.ANSWERED and first_sent is not None
    return Flow(attempt, sent=5 * speaks, first_sent=at + after + first_sent if speaks and first_sent else None)


FLOWS = st.lists(
    st.builds(
        flow,
        at=st.floats(0, 20),
        address=st.integers(0, 7),
        fate=st.sampled_from(Fate),
        after=st.floats(MICRO, 5),
        first_sent=st.none() | st.floats(MICRO, 5),
    ),
    max_size=8,
).map(lambda made: tuple(sorted(made, key=lambda item: item.attempt.time)))


@given(made=FLOWS)
def test_the_winner_is_no_loser(made: tuple[Flow, ...]) -> None:
    """No loser has the winner's address or began after the winner spoke; without a winner there is no loser."""
    found = Race((), made)
    winner, losers = found.winner, found.losers
    assert winner is None or all(item.attempt.dst != winner.attempt.dst for item in losers)
    assert (winner is None) == (not any(item.established for item in made))
    if winner is None:
        assert losers == ()
    else:
        end = math.inf if winner.first_sent is None else winner.first_sent
        assert all(item.attempt.time <= end for item in losers)
        assert all(item.first_sent is None or item.first_sent >= end for item in made)


@given(made=FLOWS)
def test_gaps_add_up(made: tuple[Flow, ...]) -> None:
    """The gaps are never negative, one less than the addresses, and add up to the time from the first to the last."""
    found = Race((), made)
    tried = found.attempts
    assert len({item.dst for item in tried}) == len(tried)
    assert len(found.gaps) == max(0, len(tried) - 1)
    assert all(gap.seconds >= 0 for gap in found.gaps)
    if tried:
        assert sum(gap.seconds for gap in found.gaps) == pytest.approx(tried[-1].time - tried[0].time)
    fallback = found.fallback
    assert (fallback is None) == (len(set(found.families)) <= 1)
    if fallback is not None:
        assert fallback.before is tried[0]
        assert fallback.after.family is tried[0].family.other


def delay_of_one(found: Race) -> Finding:
    """Judge the attempt delay of one run."""
    return expect.attempt_delay([found])


def gaps_of_one(found: Race) -> Finding:
    """Judge the gaps of one run."""
    return expect.attempts_apart([found])


@given(made=FLOWS)
def test_every_race_is_judged_or_inconclusive(made: tuple[Flow, ...]) -> None:
    """Whatever was recorded, each predicate gives a finding with different sentences, or is inconclusive."""
    found = Race((), made, until=25.0)
    for judge in (
        *JUDGES,
        expect.families_alternate,
        delay_of_one,
        gaps_of_one,
    ):
        try:
            finding = judge(found)
        except Inconclusive:
            continue
        assert finding.expected != finding.happened


@given(shift=st.floats(-1000, 1000), made=FLOWS)
def test_only_differences_of_times_matter(shift: float, made: tuple[Flow, ...]) -> None:
    """A later clock changes no gap by more than its resolution."""
    later = tuple(
        flow(
            item.attempt.time + shift,
            int(item.attempt.dst.removeprefix("address-")),
            item.attempt.fate,
            item.attempt.after or MICRO,
            None if item.first_sent is None else item.first_sent - (item.attempt.decided or 0),
        )
        for item in made
    )
    one, other = Race((), made), Race((), later)
    assert [gap.seconds for gap in one.gaps] == pytest.approx([gap.seconds for gap in other.gaps], abs=MICRO)


@given(
    answers=st.dictionaries(st.sampled_from(["A", "AAAA", "HTTPS"]), st.lists(st.floats(0, 20), max_size=3).map(tuple)),
    made=FLOWS,
)
def test_a_resolution_delay_is_never_negative(answers: dict[str, tuple[float, ...]], made: tuple[Flow, ...]) -> None:
    """It counts from the last address answer before the first attempt; an HTTPS answer is none."""
    found = Race(tuple(Lookup(record, (0.0,), replies=times) for record, times in answers.items()), made)
    delay = found.resolution_delay
    known = [time for record, times in answers.items() if record != "HTTPS" for time in times]
    if not made or not any(time <= made[0].attempt.time for time in known):
        assert delay is None
    else:
        assert delay is not None
        assert delay >= 0
        first = made[0].attempt.time
        assert first - delay == pytest.approx(max(time for time in known if time <= first), abs=MICRO)
