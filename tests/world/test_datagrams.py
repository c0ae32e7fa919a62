"""The answers to a datagram client, and unexpected datagrams."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.prober.messages import Dial, ReceivedDatagram
from dualstack.protocols.registry import client_for
from dualstack.transport import AppProtocol, Transport
from dualstack.world.datagrams import DatagramClient, DatagramResult, said
from tests.world.test_suite_judgements import suite

S6, C6 = "2001:db8::1", "2001:db8::2"


def result_of(protocol: AppProtocol, *texts: str, asked: int = 2, **fields: str) -> DatagramResult:
    """Return a client that sent requests and received these texts; ``{0}`` is the answer to its first request."""
    dial = Dial(Family.IPV6, S6, 8000, Transport.UDP, protocol, **fields)  # type: ignore[arg-type]  # texts only
    requests = tuple(said(client_for(dial)) for _ in range(asked))
    answers = [one.request.upper().decode() for one in requests]
    received = tuple(ReceivedDatagram(S6, 8000, text.format(*answers)) for text in texts)
    return DatagramResult(DatagramClient(S6, C6), 4000, requests, received, asked)


def test_answered_in_any_order() -> None:
    """Every request has its answer, in any order."""
    client = result_of(AppProtocol.UPPER, "{1}", "{0}")
    assert (client.unanswered, client.unexpected) == (0, ())
    assert client.name == "[2001:db8::2]:4000"


def test_lost_and_stray_answers_are_counted() -> None:
    """Missing answers and datagrams that answer no request are counted, even if their numbers are equal."""
    assert result_of(AppProtocol.UPPER, "{0}").unanswered == 1
    client = result_of(AppProtocol.UPPER, "{0}", "SOMEBODY ELSE'S\n")
    assert client.unanswered == 1
    assert [received.text for received in client.unexpected] == ["SOMEBODY ELSE'S\n"]
    assert result_of(AppProtocol.UPPER).unanswered == 2


def test_what_is_wrong_with_answers() -> None:
    """A missing answer, or one from another address, is a fault; another port is not."""
    assert result_of(AppProtocol.UPPER, "{0}", "{1}").fault == ""
    assert result_of(AppProtocol.UPPER, "{0}").fault == "1 of 2 requests was not answered"
    client = result_of(AppProtocol.UPPER, "{0}", asked=1)
    assert replace(client, received=(replace(client.received[0], port=4711),)).fault == ""
    elsewhere = replace(client, received=(replace(client.received[0], address="2001:db8::3"),))
    assert elsewhere.fault == "it asked 2001:db8::1 and was answered from 2001:db8::3"


def test_without_tokens_what_matches_is_an_answer() -> None:
    """With protocol exchange every text that matches is an answer, and any other is a stray."""
    client = result_of(AppProtocol.EXCHANGE, "you are 4000", "who?", send="who", expect=r"you are \d+")
    assert client.unanswered == 0
    assert [received.text for received in client.unexpected] == ["who?"]


def test_ids_of_requests_differ() -> None:
    """With protocol exchange each {id} of a request is a letter or digit, and together they differ in each request."""
    client = result_of(AppProtocol.EXCHANGE, asked=200, send="\x40{id}{id}", expect="y")
    assert len({one.request for one in client.requests}) == 200
    assert all(one.request[:1] == b"\x40" and one.request[1:].isalnum() for one in client.requests)
    assert all(len(one.request) == 3 for one in client.requests)


@pytest.mark.parametrize(
    ("control", "new", "ended", "limits"),
    [
        pytest.param(["{0}"], ["{0}"], "", True, id="the answers of one client end too"),
        pytest.param(["{0}"], ["{0}", "{1}"], "", False, id="a new client at its address is answered at once"),
        pytest.param(["{0}", "{1}"], [], "", False, id="one client gets all answers"),
        pytest.param([], [], "", False, id="nothing is answered any more"),
        pytest.param(["{0}"], [], "; the service exited with code 1", False, id="the service has ended"),
    ],
)
def test_a_limit_of_answers_is_not_judged(
    monkeypatch: pytest.MonkeyPatch,
    control: list[str],
    new: list[str],
    ended: str,
    limits: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """If answers are missing, the client that got most of them asks as much alone, from another port."""
    module, asked = suite("udp.test_clients"), []

    def exchange(_: object, clients: list[DatagramClient], rounds: int) -> list[DatagramResult]:
        asked.append((clients, rounds))
        return [result_of(AppProtocol.UPPER, *(new if clients[0].source_port == module.NEW else control))]

    monkeypatch.setattr(module, "exchange_datagrams", exchange)
    monkeypatch.setattr(module, "wait_out_limits", lambda: None)
    world = SimpleNamespace(note=lambda _: None, service=SimpleNamespace(exit_status_text=lambda: ended))
    answered = result_of(AppProtocol.UPPER, "{0}", "{1}")
    lost = replace(result_of(AppProtocol.UPPER, "{0}"), client=DatagramClient("192.0.2.1", "192.0.2.2"))
    if limits:
        with pytest.raises(NothingToJudge, match="it limits its answers: of one client alone it answers 1 request"):
            module.require_no_limit(world, [lost, answered])
    else:
        module.require_no_limit(world, [lost, answered])
    alone = DatagramClient(S6, C6, module.ALONE)
    assert asked[0] == ([alone], 2 * module.ROUNDS)
    again = [([one], 1) for one in (alone, DatagramClient(S6, C6, module.NEW))]
    assert asked[1:] == (again if control == ["{0}"] and not ended else [])
