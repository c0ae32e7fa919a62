"""When a client counts as served, and how the client's address that a service shows is read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive, NothingToJudge, ServiceError
from dualstack.families import Family
from dualstack.prober.messages import Dial, Dialled, Exit, Log, Outcome
from dualstack.world.listening import ListenerWorld
from dualstack.world.readiness import await_exchange

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

MakeWorld = Callable[..., "MadeUp"]

HTTP = '[[listen]]\nname = "main"\nport = 8080\nprotocol = "http"\n'
ONEWAY = (
    '[[listen]]\nname = "main"\nport = 8080\ntransport = "udp"\nprotocol = "oneway"\nsend = "<13>{token}"\n'
    'received_log = "got <13>{token}"\n'
)
SHOWS = "peer_reply = 'you are (.+)'\n"
OUT = Ether(src="02:00:5e:10:00:01", dst="02:00:5e:10:00:02")


def by_family(monkeypatch: pytest.MonkeyPatch, made: "MadeUp", statuses: dict[Family, int]) -> None:
    """Make clients of each family get a status."""
    plain = made.prober.dialled

    def dial(one: Dial) -> Dialled:
        return replace(plain, status=statuses[one.family], detail=f"the status is {statuses[one.family]}")

    monkeypatch.setattr(made.prober, "dial", dial)


@pytest.mark.parametrize("order", [(Family.IPV4, Family.IPV6), (Family.IPV6, Family.IPV4)])
def test_another_class_of_status_over_ipv6_is_no_service(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, order: tuple[Family, Family]
) -> None:
    """400 for IPv6 clients and 200 for IPv4 clients breaks the case, whichever family is dialled first."""
    made = make_world(ListenerWorld, HTTP)
    by_family(monkeypatch, made, {Family.IPV4: 200, Family.IPV6: 400})
    for family in order:
        made.world.answers(family, made.world.addresses(family)[0])
    assert made.world.works == {"ipv4": True, "ipv6": False}
    (broken,) = [finding for finding in made.world.findings if not finding.ok]
    assert "the status is 200" in broken.happened
    assert "the status is 400" in broken.happened


def test_the_same_class_of_status_is_service(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """404 for both families is the same class."""
    made = make_world(ListenerWorld, HTTP)
    by_family(monkeypatch, made, {Family.IPV4: 404, Family.IPV6: 404})
    for family in Family:
        made.world.answers(family, made.world.addresses(family)[0])
    assert all(finding.ok for finding in made.world.findings)


def test_a_family_with_the_worse_status_is_not_counted_as_served(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a family is left to the requirements about reachability: no other requirement fails because of it."""
    made = make_world(ListenerWorld, HTTP)
    by_family(monkeypatch, made, {Family.IPV4: 200, Family.IPV6: 400})
    made.program(None)
    monkeypatch.setattr(made.world.service.sockets, "wait_late", lambda *_: None)
    assert made.world.served() == [Family.IPV4]
    assert "IPv6 is left out: its status is worse than over IPv4" in [step.what for step in made.world.journal.steps]
    made.world.answers(Family.IPV4, made.world.addresses(Family.IPV4)[0])
    assert all(finding.ok for finding in made.world.findings)


@pytest.mark.parametrize(
    ("statuses", "good", "left"),
    [
        ([200, 200, 200, 403, 200, 200], False, 2),
        ([200, 200, 200, 200, 403, 200], False, 1),
        ([200, 200, 200, 200, 204, 201], True, 0),
        ([503, 200, 200, 200, 200, 200], True, 0),
    ],
    ids=["the first", "the second", "none", "before any other"],
)
def test_each_of_several_answers_is_compared(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, statuses: list[int], *, good: bool, left: int
) -> None:
    """A worse status of any IPv6 client breaks the case, and is the last; the other family is compared as it is now."""
    made = make_world(ListenerWorld, HTTP)
    plain = made.prober.dialled
    monkeypatch.setattr(made.prober, "dial", lambda _: replace(plain, status=statuses.pop(0)))
    for family in (Family.IPV4, Family.IPV6):
        made.world.answers(family, made.world.addresses(family)[0], times=3)
    assert all(finding.ok for finding in made.world.findings) is good
    assert len(statuses) == left


@dataclass
class Mortal:
    """A program that an IPv6 client ends."""

    ended: bool = False

    def wait(self, deadline: Deadline) -> Exit:
        """Return how it ended."""
        if not self.ended:
            raise deadline.error()
        return Exit(code=1, signal="")

    def poll(self) -> Exit | None:
        """Return how it ended; None while it runs."""
        return Exit(code=1, signal="") if self.ended else None

    def log(self) -> Log:
        """Return no output."""
        return Log("", 0)


def test_a_client_that_ends_the_service_costs_only_its_family(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is started again, so that the other family can be judged; it may not start a second time."""
    made = make_world(ListenerWorld, HTTP)
    programs = [Mortal(), Mortal()]
    service = made.world.service

    def dial(one: Dial) -> Dialled:
        if service.current.ended:
            return replace(made.prober.dialled, outcome=Outcome.REFUSED)
        service.current.ended = one.family is Family.IPV6
        return replace(made.prober.dialled, outcome=Outcome.WRONG if service.current.ended else Outcome.ANSWERED)

    def restart() -> None:
        if not programs:
            raise ServiceError("the service did not become ready")
        service._program = programs.pop()

    monkeypatch.setattr(made.prober, "dial", dial)
    monkeypatch.setattr(service, "restart", restart)
    restart()
    assert made.world.served() == [Family.IPV4]
    assert not service.current.ended
    with pytest.raises(NothingToJudge, match="an ordinary client ends the service; after that the service did not"):
        made.world.served()


def test_no_client_is_served(make_world: MakeWorld) -> None:
    """If no family is served before anything is done, there is nothing to judge."""
    made = make_world(ListenerWorld, HTTP)
    made.outcome(Outcome.SILENT)
    made.world.service._program = Mortal()
    with pytest.raises(NothingToJudge, match="the requirements on reachability"):
        made.world.served()


def test_an_error_that_others_do_not_get_is_no_service(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every client gets 404, that is service; beside a client that gets 200 it is none."""
    made = make_world(ListenerWorld, HTTP)
    by_family(monkeypatch, made, {Family.IPV4: 200, Family.IPV6: 404})
    client = made.world.client
    missing = client.dial(Family.IPV6, made.world.addresses(Family.IPV6)[0])
    assert client.is_served(missing)
    found = client.dial(Family.IPV4, made.world.addresses(Family.IPV4)[0])
    assert client.is_served(found)
    assert not client.is_served(missing)
    assert not client.is_served(replace(found, outcome=Outcome.SILENT))


def test_a_wrong_answer_is_contrasted_with_the_right_one(make_world: MakeWorld) -> None:
    """If one family gets a wrong answer, the finding shows the answer of the other."""
    made = make_world(ListenerWorld, HTTP)
    made.world.answers(Family.IPV4, made.world.addresses(Family.IPV4)[0])
    made.outcome(Outcome.WRONG)
    made.world.answers(Family.IPV6, made.world.addresses(Family.IPV6)[0])
    assert made.world.findings[-1].happened.endswith("; over IPv4: so it went")


def test_the_address_that_is_shown_has_no_port(make_world: MakeWorld) -> None:
    """Group 1 may contain a port; if it contains something else the case is inconclusive and shows it."""
    made = make_world(ListenerWorld, HTTP + SHOWS)
    shown = made.world.client.shown_address(
        replace(made.prober.dialled, answer="you are [2001:db8::2]:99", source="2001:db8::2")
    )
    assert shown == "2001:db8::2"
    with pytest.raises(Inconclusive, match=r"service\.toml: listen 'main', peer_reply: group 1 matched 'nice'"):
        made.world.client.shown_address(replace(made.prober.dialled, answer="you are nice"))


def test_an_address_in_a_header_is_not_that_of_a_socket(make_world: MakeWorld) -> None:
    """What a service shows for a client that a header names says nothing about how it reads a socket's address."""
    made = make_world(ListenerWorld, HTTP + SHOWS)
    client, dialled = made.world.client, replace(made.prober.dialled, answer="you are 192.0.2.7", source="2001:db8::2")
    assert client.shown_address(dialled, "2001:db8::c1") == "192.0.2.7"
    assert client.shown == []
    client.shown_address(dialled, "2001:db8::2")
    assert client.shown == [("2001:db8::2", "192.0.2.7")]


class Logger:
    """A service that logs some of the datagrams that it gets."""

    def __init__(self, line: str | None) -> None:
        """Write this line, with the datagram in it, or none."""
        self.line, self.patterns, self.since = line, list[str](), list[int]()

    def log(self) -> Log:
        """Return what was written."""
        return Log("before\n", 7)

    def poll(self) -> None:
        """Run."""

    def wait_log(self, pattern: str, _: Any, since: int) -> str | None:
        """Note the pattern and where the search starts."""
        self.patterns.append(pattern)
        self.since.append(since)
        return self.line


@pytest.mark.parametrize(("line", "outcome"), [("got it", Outcome.ANSWERED), (None, Outcome.SILENT)])
def test_a_datagram_without_an_answer_is_served_if_the_log_shows_it(
    make_world: MakeWorld, line: str | None, outcome: Outcome
) -> None:
    """The datagram itself must appear in the output after it was sent."""
    made = make_world(ListenerWorld, ONEWAY)
    made.world.service._program = logger = Logger(line)
    dialled = made.world.client.dial(Family.IPV6, made.world.addresses(Family.IPV6)[0])
    assert dialled.outcome is outcome
    (sent,) = made.prober.dials
    assert logger.patterns == [f"got {sent.send}"]
    assert logger.since == [7]
    assert "{token}" not in (sent.send or "{token}")


def test_a_refused_datagram_is_not_waited_for(make_world: MakeWorld) -> None:
    """After ICMP port unreachable the log is not searched."""
    made = make_world(ListenerWorld, ONEWAY)
    made.world.service._program = logger = Logger("got it")
    made.outcome(Outcome.REFUSED)
    assert made.world.client.dial(Family.IPV6, made.world.addresses(Family.IPV6)[0]).outcome is Outcome.REFUSED
    assert logger.patterns == []


def test_on_the_wire_a_oneway_datagram_arrives(make_world: MakeWorld) -> None:
    """An arrived datagram is enough if none was refused."""
    made = make_world(ListenerWorld, ONEWAY)
    service, client = made.world.addresses(Family.IPV6)[0], made.world.sources(Family.IPV6)[0]
    made.wire(OUT / IPv6(src=client, dst=service) / UDP(sport=4000, dport=8080) / b"x")
    made.world.shows_served(Family.IPV6)
    assert [finding.ok for finding in made.world.findings] == [True]


def test_answers_from_any_port_are_seen_where_the_manifest_says_so(make_world: MakeWorld) -> None:
    """An answer from a new port counts only with reply_port = "any"."""
    text = '[[listen]]\nname = "main"\nport = 8080\ntransport = "udp"\nprotocol = "echo"\n'
    for key, ok in (("", False), ('reply_port = "any"\n', True)):
        made = make_world(ListenerWorld, text + key)
        service, client = made.world.addresses(Family.IPV4)[0], made.world.sources(Family.IPV4)[0]
        asked = OUT / IP(src=client, dst=service) / UDP(sport=4000, dport=8080) / b"x"
        answer = OUT / IP(src=service, dst=client) / UDP(sport=50123, dport=4000) / b"x"
        made.wire(asked, answer)
        made.world.shows_served(Family.IPV4)
        assert [finding.ok for finding in made.world.findings] == [ok]


def ready(made: "MadeUp", program: Any, families: tuple[Family, ...], *, restricted: bool = False) -> Any:
    """Wait for an exchange with the service."""
    return await_exchange(made.world.listener, made.world.lab, program, families, 0.3, restricted=restricted)


def test_ready_when_an_exchange_succeeds(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exchanges are held from the host's own addresses, the loopback ones last, until one succeeds."""
    made = make_world(ListenerWorld, HTTP)
    outcomes = [Outcome.REFUSED, Outcome.SILENT, Outcome.WRONG, Outcome.REFUSED, Outcome.ANSWERED]
    plain = made.prober.dialled

    def dial(one: Dial) -> Dialled:
        made.prober.dials.append(one)
        return replace(plain, outcome=outcomes.pop(0))

    monkeypatch.setattr(made.prober, "dial", dial)
    assert ready(made, Logger(None), tuple(Family)).ready
    own = [made.world.addresses(family)[0] for family in Family]
    assert [one.address for one in made.prober.dials] == [*own, "127.0.0.1", "::1", own[0]]
    assert all(one.source == one.address for one in made.prober.dials)


def test_not_ready_in_time(make_world: MakeWorld) -> None:
    """The detail says how the last exchange ended; with an access list a denied exchange is enough."""
    made = make_world(ListenerWorld, HTTP)
    made.outcome(Outcome.WRONG)
    readiness = ready(made, Logger(None), (Family.IPV6,))
    assert not readiness.ready
    assert "an exchange with 'main' from its own host did not succeed: so it went" in readiness.detail
    assert ready(made, Logger(None), (Family.IPV6,), restricted=True).ready
