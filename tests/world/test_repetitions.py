"""A service that answers a repeated request from where it answered it first breaks no requirement."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.manifest import Listen
from dualstack.prober.messages import ReceivedDatagram
from dualstack.world.datagrams import DatagramClient, DatagramResult
from tests.world.test_suite_judgements import suite

FIRST, SECOND = "2001:db8::1", "2001:db8::2"


def findings_about(monkeypatch: pytest.MonkeyPatch, **keys: str) -> list[Finding]:
    """Return what UDP-002 finds about a listener that answers each port from where it answered it first."""
    module, found = suite("udp.test_reply_addresses"), list[Finding]()
    ports: dict[int, str] = {}

    def exchange(_: object, clients: list[DatagramClient], __: int) -> list[DatagramResult]:
        results = []
        for number, client in enumerate(clients, start=1):
            port = client.source_port or number
            answered = ReceivedDatagram(ports.setdefault(port, client.address), 5683, "answer")
            results.append(DatagramResult(client, port, (), (answered,)))
        return results

    def shows(predicate: Callable[[object], Finding]) -> None:
        found.append(predicate(None))

    monkeypatch.setattr(module, "exchange_datagrams", exchange)
    monkeypatch.setattr(module, "udp_reply_address", lambda *_: Finding(False, "from there", "not answered from there"))
    world = SimpleNamespace(
        service=SimpleNamespace(start=lambda: None),
        peer=SimpleNamespace(plan=SimpleNamespace(configured={Family.IPV6: ["2001:db8::9"]})),
        addresses=lambda _: [FIRST, SECOND],
        listener=Listen.model_validate({"name": "main", "port": 5683, "transport": "udp", **keys}),
        findings=found,
        require=found.append,
        shows=shows,
    )
    module.answers_from_where_asked(world, Family.IPV6)
    return [item for item in found if not item.ok]


def test_a_request_of_the_same_bytes_may_be_a_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests of the same bytes to several addresses lead to recommendations, which name the key that helps."""
    found = findings_about(monkeypatch, protocol="exchange", send="ask", expect="answer")
    assert [(item.level, item.symptoms) for item in found] == [("SHOULD", ())] * 2
    assert all('write it as {id} in "send" of [[listen]] "main"' in item.happened for item in found)


@pytest.mark.parametrize("keys", [{"protocol": "exchange", "send": "a{id}", "expect": "answer"}, {"protocol": "echo"}])
def test_different_requests_are_no_repetitions(monkeypatch: pytest.MonkeyPatch, keys: dict[str, str]) -> None:
    """If requests differ, by {id} or by a token of the protocol, an answer from another address breaks UDP-002."""
    first, wire = findings_about(monkeypatch, **keys)
    assert (first.level, first.symptoms, wire.level) == ("", (Symptom.OTHER_SOURCE,), "")
    assert "repetition" not in first.happened
