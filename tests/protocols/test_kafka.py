"""Both ends of Kafka's ApiVersions and Metadata."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.protocols.advertised import Advertised
from dualstack.protocols.application import Trait
from dualstack.protocols.judgement import Judgement, Outcome
from dualstack.protocols.kafka import Bootstrapping, Broker, Kafka
from dualstack.protocols.kafka_messages import Damaged, Reader, framed, request, text
from tests.fuzz.damage import damaged

OVER = "nothing more came"
API_VERSIONS, METADATA = 18, 3
SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=8)


def versions(*ranges: tuple[int, int, int], error: int = 0, number: int = 0) -> bytes:
    """Return an answer to ApiVersions: key, lowest and highest version of each request."""
    rows = b"".join(struct.pack(">hhh", *item) for item in ranges)
    return framed(struct.pack(">ihi", number, error, len(ranges)) + rows)


def metadata(*brokers: tuple[int, str, int], version: int = 8, number: int = 1) -> bytes:
    """Return an answer to Metadata about no topic, as the broker of version 4.4 writes it."""
    rows = [
        struct.pack(">i", node) + text(host.encode()) + struct.pack(">i", port) + (text(None) if version >= 1 else b"")
        for node, host, port in brokers
    ]
    fields = [
        struct.pack(">i", 0) if version >= 3 else b"",
        struct.pack(">i", len(rows)) + b"".join(rows),
        text(b"AAAAAAAAAAAAAAAAAAAAAA") if version >= 2 else b"",
        struct.pack(">i", 1) if version >= 1 else b"",
        struct.pack(">i", 0),
        struct.pack(">i", -(1 << 31)) if version >= 8 else b"",
    ]
    return framed(struct.pack(">i", number) + b"".join(fields))


REAL = bytes.fromhex(
    "000001d80000000000000000004d00000000000d00010004001200020001000b00030000000d00080002000a00090001000a000a0000"
    "0006000b00000009000c00000004000d00000005000e00000005000f0000000600100000000500110000000100120000000500130002"
    "0007001400010006001500000002001600000005001700020004001800000005001900000004001a00000005001b00010002001c0000"
    "0006001d00010003001e00010003001f0001000300200001000400210000000200220001000200230001000500240000000200250000"
    "0003002600010003002700010002002800010002002900010003002a00000003002b00000002002c00000001002d00000001002e0000"
    "0000002f00000000003000000001003100000001003200000000003300000000003700000002003900000002003c00000002003d0000"
    "0000004000000000004100000000004200000002004400000001004500000001004a00000001004b00000000004c00010001004d0001"
    "0001004e00010002004f0001000200500000000100510000000000530000000000540000000000550000000100560000000000570000"
    "0001005800000001005900000001005a00000001005b00000000005c00000000005d00000000005e0000000000000047000000010000"
    "00000000000100000001000b323030313a6462383a3a3100004a94ffff00164141414141414141414141414141414141414141414100"
    "0000010000000080000000"
)
"""What Kafka 4.4.0 answers; it advertises [2001:db8::1]:19092."""

REAL_VERSIONS = 4 + 0x1D8  # bytes of its answer to ApiVersions


def judged(answer: bytes, *, count: int = 1, size: int = 1 << 20) -> Judgement:
    """Return how a client judges an answer that comes in pieces of this size and ends with the connection."""
    client = Bootstrapping(count)
    for place in range(0, len(answer), size):
        judgement = client.receive(answer[place : place + size]).judgement
        if judgement is not None:
            return judgement
    return client.end(OVER, closed=True)


def advertised(answer: bytes) -> list[tuple[str, int]]:
    """Return the hosts and ports in the frame that answers Metadata, version 8."""
    reader = Reader(answer[4:])
    reader.number()
    reader.number()

    def broker() -> tuple[str, int]:
        reader.number()
        host, port, rack = reader.text(), reader.number(), reader.text()
        assert host is not None
        assert rack is None
        return host.decode(), port

    return reader.array(broker)


def test_the_client_asks_for_versions_then_for_brokers() -> None:
    """The first request is ApiVersions, version 0; the second is Metadata in the highest version of both ends."""
    assert Trait.TURNS in Kafka.traits
    client = Bootstrapping()
    assert client.start() == bytes.fromhex("00000013 0012 0000 00000000 0009") + b"dualstack"
    turn = client.receive(versions((METADATA, 0, 13)))
    assert turn.judgement is None
    assert turn.send == framed(struct.pack(">hhi", METADATA, 8, 1) + text(b"dualstack") + b"\0" * 7)
    judgement = client.receive(metadata((1, "2001:db8::1", 9092))).judgement
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED
    assert judgement.detail == (
        "ApiVersions and Metadata (version 8) were answered; brokers: host '2001:db8::1' port 9092"
    )


@pytest.mark.parametrize("version", range(9))
def test_every_version_of_a_fixed_form(version: int) -> None:
    """With an older broker the request and the answer have the fields of its version."""
    client = Bootstrapping()
    sent = client.receive(versions((METADATA, 0, version))).send
    assert sent[6:8] == struct.pack(">h", version)
    assert len(sent) == 27 + (version >= 4) + 2 * (version >= 8)
    judgement = client.receive(metadata((5, "broker.test", 9092), version=version)).judgement
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED
    assert client.brokers == (Advertised("broker.test", 9092, "broker 5"),)


def test_a_real_broker() -> None:
    """The bytes of a real broker are an answer, and its only broker is read."""
    assert Kafka.advertised(REAL) == (Advertised("2001:db8::1", 19092, "broker 1"),)
    assert judged(REAL).outcome is Outcome.ANSWERED
    client = Bootstrapping()
    assert client.receive(REAL[:REAL_VERSIONS]).send[4:8] == struct.pack(">hh", METADATA, 8)
    assert client.brokers == ()


def test_several_requests_at_once() -> None:
    """Each of several ApiVersions needs its answer, in order, before the answer to Metadata."""
    answers = b"".join(versions((METADATA, 0, 13), number=number) for number in range(3))
    assert len(Bootstrapping(3).start()) == 3 * 23
    assert judged(answers + metadata((1, "h", 1), number=3), count=3).outcome is Outcome.ANSWERED
    assert judged(answers[:30], count=3).detail.startswith(f"{OVER}, and the answer to ApiVersions 2 of 3 is not")
    assert "its correlation id is 0; expected 1" in judged(2 * answers[:20], count=3).detail


def test_addresses_are_read_as_they_are_written() -> None:
    """The addresses of all brokers are read from what an ordinary client received; damaged answers have none."""
    hosts = [(1, "::", 9092), (2, "192.0.2.1", 9192), (7, "kafka", 9292), (8, "[2001:db8::1]", 1)]
    answer = versions((METADATA, 0, 13)) + metadata(*hosts)
    assert Kafka.advertised(answer) == tuple(Advertised(host, port, f"broker {node}") for node, host, port in hosts)
    assert Kafka.advertised(answer[:-1]) == Kafka.advertised(b"") == Kafka.advertised(b"HTTP/1.1 200 OK") == ()
    assert judged(answer + answer[:9]).detail.endswith("port 1")
    more = metadata(*[(node, "h", 1) for node in range(9)])
    assert judged(versions((METADATA, 0, 13)) + more).detail.endswith("host 'h' port 1 and 5 more")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "ApiVersions is wrong: it is HTTP, not Kafka"),
        (b"\x15\x03\x03\x00\x02\x02\x32", "it is a TLS alert, not Kafka: the port speaks TLS"),
        (b"\x16\x03\x03\x00\x02\x02\x32", "it is a TLS handshake, not Kafka"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it begins with 'SSH-', as a message of 1397966893 bytes would"),
        (b"\x7f\xff\xff\xff", "a message of 2147483647 bytes"),
        (b"\xff\xff\xff\xff", "a message of -1 bytes"),
        (b"\0\0\0\0", "a message of 0 bytes"),
        (framed(b"\0\0\0"), "it ends after 3 bytes, inside a field"),
        (versions((METADATA, 0, 9), number=7), "its correlation id is 7; expected 0"),
        (versions(error=35), "it has the error code 35"),
        (versions((0, 0, 9)), "it offers no Metadata of a version up to 8"),
        (versions((METADATA, 9, 13)), "it offers no Metadata of a version up to 8"),
        (versions((METADATA, 3, 2)), "it offers no Metadata of a version up to 8"),
        (framed(struct.pack(">ihi", 0, 0, 1 << 30)), "it ends after 10 bytes"),
        (REAL[:REAL_VERSIONS], "ApiVersions was answered, but Metadata (version 8) was not"),
        (REAL[:-1], "the answer to Metadata (version 8) is not complete; it begins with"),
        (versions((METADATA, 0, 8)) + metadata(), "the answer to Metadata (version 8) is wrong: it names no broker"),
        (versions((METADATA, 0, 8)) + metadata((1, "", 9092)), "broker 1 has the host '' and the port 9092"),
        (versions((METADATA, 0, 8)) + metadata((1, "h", 70000)), "broker 1 has the host 'h' and the port 70000"),
        (versions((METADATA, 0, 8)) + metadata((1, "h", 1), number=2), "its correlation id is 2; expected 1"),
        (versions((METADATA, 0, 8)) + b"HTTP/1.1 500", "Metadata (version 8) is wrong: it is HTTP"),
        (b"no", "the answer to ApiVersions is not complete; it begins with 'no'"),
    ],
)
def test_other_answers_are_wrong(answer: bytes, text: str) -> None:
    """Another protocol, a damaged message, a wrong size, an error or a part of the answers: each is named."""
    whole = judged(answer)
    assert whole.outcome is Outcome.WRONG
    assert text in whole.detail
    assert judged(answer, size=1) == whole


def test_no_answer_is_silence() -> None:
    """Nothing at all is silence, with the reason."""
    assert judged(b"") == Judgement(Outcome.SILENT, f"no answer: {OVER}")


@given(data=st.data(), sizes=SIZES)
def test_no_split_changes_a_judgement(data: st.DataObject, sizes: list[int]) -> None:
    """Outcome, sentence and brokers are the same for each split of right, damaged and random answers."""
    right = st.sampled_from([REAL, versions((METADATA, 1, 3)) + metadata((1, "a", 1), (2, "b", 2), version=3)])
    answer = data.draw(right | right.flatmap(damaged) | st.binary(max_size=80))
    whole, split = Bootstrapping(), Bootstrapping()
    expected = whole.receive(answer).judgement or whole.end(OVER)
    found, place = None, 0
    while found is None and place < len(answer):
        size = sizes[place % len(sizes)]
        found = split.receive(answer[place : place + size]).judgement
        place += size
    assert (found or split.end(OVER), split.brokers) == (expected, whole.brokers)
    assert Kafka.advertised(answer) == whole.brokers


@pytest.mark.parametrize("version", range(9))
def test_the_server_advertises_where_it_was_reached(version: int) -> None:
    """The only broker has the address that the client connected to, in each version of Metadata."""
    server, client = Broker("2001:db8::1", 9093), Bootstrapping()
    client.receive(versions((METADATA, 0, version)))
    asked = struct.pack(">i", 0) + b"\0" * ((version >= 4) + 2 * (version >= 8))
    assert client.receive(server.receive(request(METADATA, version, 1, asked)).send).judgement is not None
    assert client.brokers == (Advertised("2001:db8::1", 9093, "broker 1"),)
    assert server.end(OVER).outcome is Outcome.ANSWERED


def test_answers_to_versions() -> None:
    """ApiVersions has the form of its version; a newer one is answered with error 35 in the form of version 0."""
    spoken = struct.pack(">ihhhhhh", 2, METADATA, 0, 8, API_VERSIONS, 0, 2)
    server = Broker("192.0.2.1", 9092)
    for version, body in ((0, b"\0\0" + spoken), (2, b"\0\0" + spoken + b"\0" * 4), (4, b"\0\x23" + spoken)):
        answer = server.receive(request(API_VERSIONS, version, 9, b"anything")).send
        assert answer == framed(struct.pack(">i", 9) + body)
    assert server.end(OVER) == Judgement(Outcome.SILENT, "the client asked for ApiVersions, and not for Metadata")


@pytest.mark.parametrize("version", [0, 1, 3, 8])
def test_no_topic_exists(version: int) -> None:
    """Each topic that a client names is unknown, also one whose name is no UTF-8; no topic is all that there are."""
    ask = struct.pack(">i", 2) + text(b"orders") + text(b"\xff") + b"\0\0\0"
    answer = Broker("192.0.2.1", 9092).receive(request(METADATA, version, 1, ask)).send
    internal, operations = b"\0" * (version >= 1), struct.pack(">i", -(1 << 31)) * (version >= 8)
    rows = [b"\0\3" + text(name) + internal + b"\0" * 4 + operations for name in (b"orders", b"\xff")]
    assert answer.endswith(struct.pack(">i", 2) + b"".join(rows) + operations)
    everything = struct.pack(">i", -1) + b"\0\0\0"
    answer = Broker("192.0.2.1", 9092).receive(request(METADATA, 8, 1, everything)).send
    assert advertised(answer) == [("192.0.2.1", 9092)]
    assert answer.endswith(b"\0" * 4 + struct.pack(">i", -(1 << 31)))


@pytest.mark.parametrize(
    ("sent", "outcome", "text"),
    [
        (b"", Outcome.SILENT, "the client sent nothing"),
        (request(METADATA, 8, 1, b"\0" * 7)[:-1], Outcome.SILENT, "not complete"),
        (request(METADATA, 9, 1, b"\0" * 7), Outcome.WRONG, "the unknown request with the key 3 in version 9"),
        (request(METADATA, -1, 1, b"\0" * 7), Outcome.WRONG, "the unknown request with the key 3 in version -1"),
        (request(1, 13, 1, b"\0" * 7), Outcome.WRONG, "the unknown request with the key 1 in version 13"),
        (request(METADATA, 8, 1), Outcome.WRONG, "it ends after 19 bytes, inside a field"),
        (b"\x16\x03\x01\x02\x00\x01\x00", Outcome.WRONG, "it is a TLS handshake, not Kafka"),
        (b"GET / HTTP/1.1\r\n\r\n", Outcome.WRONG, "it begins with 'GET '"),
        (request(METADATA, 8, 1, b"\0" * 7), Outcome.ANSWERED, "requests that were answered: 1"),
    ],
)
def test_the_server_knows_what_it_did_not_understand(sent: bytes, outcome: Outcome, text: str) -> None:
    """Requests that the server does not know end the connection, and it says which; a part of one does not."""
    server = Broker("192.0.2.1", 9092)
    turn = server.receive(sent)
    judgement = server.end(OVER)
    assert (judgement.outcome, turn.close) == (outcome, outcome is Outcome.WRONG)
    assert text in judgement.detail
    assert server.receive(b"\0").close is turn.close


def test_answers_are_bounded() -> None:
    """Requests whose answers are much longer end the connection; one request takes time that grows with its size."""
    many = request(METADATA, 8, 1, struct.pack(">i", 30_000) + b"\0" * 60_003)
    began = time.process_time()
    assert len(Broker("192.0.2.1", 9092).receive(many).send) > 390_000
    assert time.process_time() - began < 1
    turn = Broker("192.0.2.1", 9092).receive(5 * many)
    assert turn.close
    assert len(turn.send) < 2 << 20


def test_a_message_that_ends_too_early_is_damaged() -> None:
    """No field is read past the end of a message; null texts and arrays are empty."""
    reader = Reader(b"\xff\xff\xff\xff\xff\xff\0\5abc")
    assert reader.text() is None
    assert reader.array(reader.text) == []
    with pytest.raises(Damaged, match="it ends after 11 bytes, inside a field"):
        reader.text()
