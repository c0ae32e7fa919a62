"""What is concluded from the DNS queries, the DNS answers and the attempts of a connector's runs."""

import importlib
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import TCP, UDP

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.facts import How
from dualstack.families import Family
from dualstack.manifest import Connect
from dualstack.prober.messages import Exit
from dualstack.requirement import Level
from dualstack.transport import Transport
from dualstack.world.observed import runs_of
from dualstack.world.run_attempts import attempts_by_run
from dualstack.world.runs import ConnectorRuns, Run
from tests.wire.conftest import START
from tests.wire.packets import F6, MakeCapture, Timed, asked, net, syn, told

NAME = "a-ok.aaaa-drop.7f3a.lab.test"
CONNECTOR = Connect.model_validate({"name": "x", "command": ["./x", "{host}"], "port": 8080})


def query(at: float, name: str = NAME, record: str = "A") -> Timed:
    """Return a query over UDP."""
    return at, net(Family.IPV4) / UDP(sport=40000, dport=53) / DNS(id=5, qd=[DNSQR(qname=name, qtype=record)])


def answer(at: float, *, tc: int = 0, record: str = "A") -> Timed:
    """Return an answer to it without a record."""
    message = DNS(id=5, qr=1, tc=tc, qd=[DNSQR(qname=NAME, qtype=record)])
    return at, net(Family.IPV4, back=True) / UDP(sport=53, dport=40000) / message


def over_tcp(at: float) -> Timed:
    """Return the query over TCP."""
    message = bytes(DNS(id=5, qd=[DNSQR(qname=NAME, qtype="A")]))
    segment = TCP(sport=40001, dport=53, flags="PA", seq=8, ack=100)
    return at, net(Family.IPV4) / segment / (len(message).to_bytes(2, "big") + message)


def suite(name: str) -> Any:
    """Return a module of the suite "connect"."""
    return importlib.import_module(f"dualstack.content.suites.connect.{name}")


def dials_within(wire: Any, limit: float) -> Any:
    """Judge a capture as DNS-007 does."""
    return suite("test_resolution").dials_within(wire, CONNECTOR, NAME, limit, Level.SHOULD)


def test_the_delay_is_from_the_first_query_to_the_first_attempt_after_it(make_capture: MakeCapture) -> None:
    """Queries that are repeated, queries for other names, earlier attempts and IPv6 attempts change nothing."""
    frames = [
        (0.0, syn(Family.IPV4, 40000)),
        query(0.5, "other.lab.test"),
        query(1.0),
        query(2.0),
        (2.5, syn(Family.IPV6, 40001)),
        (4.0, syn(Family.IPV4, 40002)),
        (5.0, syn(Family.IPV4, 40003)),
    ]
    finding = dials_within(make_capture(*frames), 6)
    assert (finding.ok, finding.happened, finding.level) == (True, "it began after 3.0 s", "SHOULD")
    assert not dials_within(make_capture(*frames), 2.9).ok


@pytest.mark.parametrize("frames", [[query(1.0), (0.0, syn(Family.IPV4))], [(1.0, syn(Family.IPV4))], [query(1.0)]])
def test_without_a_query_and_an_attempt_nothing_is_known(make_capture: MakeCapture, frames: list[Timed]) -> None:
    """A capture without the query, or without an attempt after it, is inconclusive."""
    with pytest.raises(Inconclusive):
        dials_within(make_capture(*frames), 6)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([query(0), answer(0.1)], (False, False)),
        ([query(0), answer(0.1, tc=1)], (True, False)),
        ([query(0), answer(0.1, tc=1), over_tcp(0.2)], (True, True)),
    ],
)
def test_truncation_and_tcp_are_facts(
    make_capture: MakeCapture, frames: list[Timed], expected: tuple[bool, bool]
) -> None:
    """The facts of a run say whether an answer was truncated, and whether a query was sent over TCP."""
    run = Run("it failed", Exit(1), 1.0, said=True)
    runs = SimpleNamespace(done=[(NAME, START - 1, run)], connector=SimpleNamespace(port=8080, transport=Transport.TCP))
    (found,) = runs_of(cast("ConnectorRuns", runs), make_capture(*frames))
    assert (found.truncated, found.asked_over_tcp) == expected


def test_udp_runs_from_one_port_are_told_apart(make_capture: MakeCapture) -> None:
    """Each run has its own attempt, answered or not, although all come from one port; a run may have made none."""
    wire = make_capture((0.1, asked(F6)), (0.2, asked(F6)), (0.3, told(F6)), (1.1, asked(F6)), (3.1, asked(F6)))
    run = Run("", Exit(0), 1.0, said=True)
    runs = SimpleNamespace(
        done=[(NAME, START + at, run) for at in range(4)],
        connector=SimpleNamespace(port=8081, transport=Transport.UDP),
    )
    made = attempts_by_run(wire, cast("ConnectorRuns", runs))
    assert [[(len(item.times), item.fate.value) for item in own] for own in made] == [
        [(2, "answered")],
        [(1, "unanswered")],
        [],
        [(1, "unanswered")],
    ]
    facts = runs_of(cast("ConnectorRuns", runs), wire)
    assert [[item.how for item in own.tried] for own in facts] == [[How.ANSWERED], [How.IGNORED], [], [How.IGNORED]]


def test_the_fastest_run_decides_whether_https_was_waited_for(make_capture: MakeCapture) -> None:
    """One prompt run of several shows that the client does not wait; without one it deviates."""
    begins_promptly = suite("test_slow_answers").begins_promptly
    slow = [query(0.0, "one.lab.test", "HTTPS"), (2.0, syn(Family.IPV6, 40001))]
    quick = [query(5.0, "two.lab.test", "A"), (5.2, syn(Family.IPV6, 40002))]
    finding = begins_promptly(make_capture(*slow), CONNECTOR, ["one.lab.test"])
    assert (finding.ok, finding.happened) == (False, "it began after 2.0 s")
    assert begins_promptly(make_capture(*slow, *quick), CONNECTOR, ["one.lab.test", "two.lab.test"]).ok
    with pytest.raises(Inconclusive):
        begins_promptly(make_capture(*slow), CONNECTOR, ["two.lab.test"])


def test_what_a_client_does_until_a_late_a_answer(make_capture: MakeCapture) -> None:
    """It waits if the A answer comes before its first attempt, and does not wait if it comes later or never."""
    waits_for_a = suite("test_slow_answers").waits_for_a
    prompt = [query(0.0), answer(0.1, record="AAAA"), (0.102, syn(Family.IPV6)), answer(0.6)]
    waiting = [query(0.0), answer(0.1, record="AAAA"), answer(0.6), (0.602, syn(Family.IPV6))]
    for frames, said in (
        (prompt, "it does not wait for the A answer: it tries IPv6 2 ms after the AAAA answer"),
        (prompt[:3], "it does not wait for the A answer: it tries IPv6 2 ms after the AAAA answer"),
        (waiting, "it waits for the A answer: it tries IPv6 502 ms after the AAAA answer"),
    ):
        finding = waits_for_a(make_capture(*frames), CONNECTOR, NAME)
        assert (finding.ok, finding.happened) == (True, said)
    with pytest.raises(NothingToJudge):
        waits_for_a(make_capture(query(0.0), answer(0.1), (0.2, syn(Family.IPV6))), CONNECTOR, NAME)
    with pytest.raises(Inconclusive):
        waits_for_a(make_capture((0.0, syn(Family.IPV6)), answer(0.1, record="AAAA")), CONNECTOR, NAME)


def test_a_stall_between_two_look_ups_counts(make_capture: MakeCapture) -> None:
    """CONNECT-007 counts from the first query of a run to its first IPv4 attempt, in the fastest run."""
    prompt = suite("test_names").prompt
    slow = [query(0.0, "one.lab.test", "AAAA"), query(1.5, "one.lab.test"), (1.6, syn(Family.IPV4, 40000))]
    quick = [query(5.0, "two.lab.test", "AAAA"), query(5.1, "two.lab.test"), (5.2, syn(Family.IPV4, 40001))]
    finding = prompt(make_capture(*slow), CONNECTOR, ["one.lab.test"])
    assert not finding.ok
    assert finding.happened == "it started after 1600.0 ms"
    assert prompt(make_capture(*slow, *quick), CONNECTOR, ["one.lab.test", "two.lab.test"]).ok
    with pytest.raises(Inconclusive, match="no IPv4 attempt followed"):
        prompt(make_capture(*slow), CONNECTOR, ["two.lab.test"])
    with pytest.raises(Inconclusive, match="no IPv4 attempt followed"):
        prompt(make_capture(query(0.0), (0.1, syn(Family.IPV6))), CONNECTOR, [NAME])
