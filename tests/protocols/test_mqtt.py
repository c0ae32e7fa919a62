"""Both ends of MQTT."""

import pytest

from dualstack.protocols.judgement import Outcome
from dualstack.protocols.mqtt import MqttClient, MqttServer

OVER = "nothing more came"
CONNECT = b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0"
OLD = b"\x10\x0e\0\6MQIsdp\3\2\0\x3c\0\0"
NEW = b"\x10\x0d\0\4MQTT\5\2\0\x3c\0\0\0"
ACCEPTED = b"\x20\2\0\0"


def test_a_client_pings() -> None:
    """CONNECT and PINGREQ are sent at once; PINGRESP is the answer, also after a message that the broker publishes."""
    client = MqttClient()
    assert client.start() == CONNECT + b"\xc0\0"
    for piece in (ACCEPTED[:2], ACCEPTED[2:], b"\x30\3\0\1a"):
        assert client.receive(piece).judgement is None
    judgement = client.receive(b"\xd0\0").judgement
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "'HTTP/1.1 400 Bad Request"),
        (b"\x20\2\0\5", "CONNECT was refused with code 5 (not authorized)"),
        (b"\x20\1\0", "CONNECT was answered by CONNACK with 1 bytes"),
        (b"\x20\xff\xff\xff\xff\1", "more than 4 bytes"),
        (b"\x20\xff\xff\xff\1", "a packet has 4194303 bytes"),
        (b"\x20\2", "is not complete: nothing more came"),
        (ACCEPTED, "PINGREQ was not answered: nothing more came"),
    ],
    ids=range(7),
)
def test_other_answers_are_wrong(answer: bytes, text: str) -> None:
    """Another protocol, a refusal, or a part of the answers is wrong; nothing is silence."""
    client = MqttClient()
    client.start()
    assert client.end(OVER).outcome is Outcome.SILENT
    judgement = client.receive(answer).judgement or client.end(OVER)
    assert judgement.outcome is Outcome.WRONG
    assert text in judgement.detail


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (CONNECT, ACCEPTED),
        (OLD, ACCEPTED),
        (NEW, b"\x20\3\0\0\0"),
        (CONNECT + b"\x30\4\0\1ab", ACCEPTED),
        (CONNECT + b"\x32\6\0\1a\0\7b", ACCEPTED + b"\x40\2\0\7"),
        (CONNECT + b"\x34\5\0\1a\0\7\x62\2\0\7", ACCEPTED + b"\x50\2\0\7\x70\2\0\7"),
        (CONNECT + b"\x82\6\0\7\0\1a\0", ACCEPTED + b"\x90\3\0\7\0"),
        (NEW + b"\x82\7\0\7\0\0\1a\0", b"\x20\3\0\0\0\x90\4\0\7\0\0"),
        (CONNECT + b"\xa2\5\0\7\0\1a", ACCEPTED + b"\xb0\2\0\7"),
        (CONNECT + b"\xc0\0", ACCEPTED + b"\xd0\0"),
    ],
    ids=range(10),
)
def test_the_broker_accepts_everything(sent: bytes, answer: bytes) -> None:
    """Each packet of a client has its answer, in the form of the client's version."""
    broker = MqttServer()
    assert broker.receive(sent).send == answer
    assert broker.end(OVER).outcome is Outcome.ANSWERED


def test_disconnect_closes() -> None:
    """DISCONNECT ends the connection, and what follows is not answered."""
    broker = MqttServer()
    turn = broker.receive(CONNECT + b"\xe0\0\xc0\0")
    assert (turn.send, turn.close) == (ACCEPTED, True)
    assert broker.end(OVER).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("sent", "outcome", "text"),
    [
        (b"", Outcome.SILENT, "the client sent nothing"),
        (CONNECT[:5], Outcome.SILENT, "not complete"),
        (b"\xc0\0", Outcome.WRONG, "packet 1 is PINGREQ; CONNECT is the first one"),
        (CONNECT + CONNECT, Outcome.WRONG, "packet 2 is CONNECT"),
        (CONNECT + b"\xd0\0", Outcome.WRONG, "a client sends no PINGRESP"),
        (CONNECT + b"\x82\1\0", Outcome.WRONG, "a packet has no number"),
        (b"\x10\6\0\4HTTP", Outcome.WRONG, "expected the name MQTT"),
        (b"GET / HTTP/1.1\r\n\r\n" + b"x" * 90, Outcome.WRONG, "packet 1 is a packet of type 4"),
    ],
    ids=range(8),
)
def test_the_broker_knows_what_it_did_not_understand(sent: bytes, outcome: Outcome, text: str) -> None:
    """What is no MQTT of a client is not understood, and a part of a packet is no packet."""
    broker = MqttServer()
    if sent:
        broker.receive(sent)
    judgement = broker.end(OVER)
    assert judgement.outcome is outcome
    assert text in judgement.detail
