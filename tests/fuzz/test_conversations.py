"""Conversations of every protocol: how the bytes are split changes nothing, and both ends understand each other."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.families import Family
from dualstack.prober.messages import Dial, Serve
from dualstack.protocols.application import ScriptTurn, Trait
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.judgement import Outcome
from dualstack.protocols.layers import layered
from dualstack.protocols.registry import PROTOCOLS, client_for, server_for
from dualstack.transport import AppProtocol, Transport
from tests.fuzz.damage import damaged
from tests.protocols.http2_bytes import (
    PING,
    PREFACE,
    SETTINGS,
    call,
    data,
    failure,
    frame,
    goaway,
    headers,
    reply,
    setting,
)

HERE = "2001:db8::1"
OVER = "the connection was closed"
TURNS = (
    ScriptTurn(None, "220 ready\r\n"),
    ScriptTurn("^EHLO .*\r\n", "250 mail\r\n"),
    ScriptTurn("^(NOOP|QUIT)\r\n", "2xx OK\r\n"),
)

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

SERVERS = [name for name, item in PROTOCOLS.items() if Transport.TCP in item.serves]
CLIENTS = [name for name, item in PROTOCOLS.items() if Transport.TCP in item.transports]

GET = headers([(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/")], end=True, stream=5)
INPUT: dict[str, list[bytes]] = {
    AppProtocol.HTTP: [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HEAD /redirect/302/2f2f HTTP/1.0\r\n\r\nrest"],
    AppProtocol.HTTP2: [
        PREFACE + setting(4, 3) + GET + frame(PING, b"12345678") + goaway(0, 0),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    AppProtocol.GRPC: [PREFACE + setting(4, 9) + call("/a.B/C", b"hi") + call("/a.B/D", b"x" * 40, stream=3) + GET],
    AppProtocol.REDIS: [b"*2\r\n$4\r\nPING\r\n$2\r\nhi\r\nGET a\r\nincr b\r\n", b"*1\r\n$4\r\nQUIT\r\nPING\r\n"],
    "websocket": [
        UPGRADE + b"\x81\x82\0\0\0\0hi\x01\x81\0\0\0\0a\x89\x80\0\0\0\0\x80\x82\1\2\3\4\xc2\xab\x88\x80\0\0\0\0more",
        UPGRADE + b"\x81\x02hi",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    AppProtocol.KAFKA: [
        bytes.fromhex("0000001300120000000000000009 6475616c737461636b"),
        bytes.fromhex("0000000c00120003000000070002 6162 00000015 0003000100000008 0003616263 00000001 0002 7474"),
    ],
    AppProtocol.EXCHANGE: [b"EHLO x\r\nNOOP\r\nNOOP\r\nQUIT\r\n", b"EHLO x\r\nRSET\r\n"],
    "mqtt": [b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0\x82\6\0\7\0\1a\0\x32\6\0\1a\0\7b\xc0\0\xe0\0"],
    "ftp": [b"USER a\r\nPASS b\r\nFEAT\r\nEPSV\r\nQUIT\r\nNOOP\r\n", b"USER a\r\nFLY\r\n"],
    "sip": [b"OPTIONS sip:[::1] SIP/2.0\r\nVia: SIP/2.0/TCP [::1]\r\n\r\nBYE x SIP/2.0\r\nl: 2\r\n\r\nhi"],
    "rtsp": [
        b"OPTIONS * RTSP/1.0\r\n\r\nDESCRIBE rtsp://[::1]/ RTSP/1.0\r\nContent-Length: 2\r\n\r\nhi",
        b"SETUP x RTSP/1.0\r\nTransport: RTP/AVP;client_port=2-3\r\n\r\nPLAY x RTSP/1.0\r\n\r\n",
        b"PLAY rtsp://h/ RTSP/1.0\r\n\r\n$\0\0\1xTEARDOWN rtsp://h/ RTSP/1.0\r\n\r\n",
    ],
}
_DESCRIBED = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\n"
    b"Content-Length: 54\r\n\r\nv=0\r\no=- 1 1 IN IP6 ::1\r\nm=audio 0 RTP/AVP 0\r\na=x:123\r\n"
)
ANSWERS: dict[str, list[bytes]] = {
    AppProtocol.HTTP: [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    AppProtocol.HTTP2: [
        frame(SETTINGS) + headers([(":status", "200")]) + data(b"hi", end=True) + goaway(0, 0),
        frame(SETTINGS) + goaway(0, 2) + headers([(":status", "500")], end=True),
    ],
    AppProtocol.GRPC: [reply(b"\x08\x01"), failure("12"), failure("5")],
    AppProtocol.REDIS: [b"+PONG\r\n", b"-ERR no\r\n"],
    "websocket": [
        b"HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
        b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
    AppProtocol.KAFKA: [
        bytes.fromhex("00000010 00000000 0000 00000001 000300000001 0000001f 00000001 00000001 00000005")
        + bytes.fromhex("000b 323030313a6462383a3a31 00002384 ffff 00000005 00000000"),
        bytes.fromhex("0000000a 00000000 0023 00000000"),
    ],
    AppProtocol.EXCHANGE: [b"220 ready\r\n250 mail\r\n"],
    "mqtt": [b"\x20\2\0\0\xd0\0", b"\x20\2\0\5"],
    "ftp": [b"220 a\r\n331 b\r\n230-c\r\n230 d\r\n227 e\r\n229 f\r\n", b"220 a\r\n230 b\r\n500 c\r\n500 d\r\n"],
    "sip": [b"SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n"],
    "rtsp": [_DESCRIBED],
    "rtsp-pull": [
        _DESCRIBED + b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 1\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n$\0\0\1x",
    ],
    "rtsp-pull-udp": [
        _DESCRIBED + b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 1\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n",
    ],
    "ftp-active": [b"220 a\r\n331 b\r\n230 c\r\n200 d\r\n150 e\r\n226 f\r\n", b"220 a\r\n230 b\r\n522-c\r\n522 d\r\n"],
}
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def dial(protocol: str, requests: int = 1) -> Dial:
    """Return a client of a protocol."""
    plain = Dial(Family.IPV6, HERE, 80, protocol=protocol, token_size=60, requests=requests)
    is_declared = Trait.DECLARED in PROTOCOLS[protocol].traits
    return replace(plain, send="EHLO x\r\n", expect="250 m") if is_declared else plain


def client_of(protocol: str, requests: int = 1) -> Conversation:
    """Return the client's end of a protocol."""
    return client_for(dial(protocol, requests))


def server_of(protocol: str) -> Conversation:
    """Return the server's end of a protocol."""
    turns = TURNS if Trait.DECLARED in PROTOCOLS[protocol].traits else ()
    return server_for(Serve((HERE,), 80, protocol=protocol, turns=turns), "2001:db8::2")


def pieces(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Yield data in pieces of these sizes, again and again."""
    place = 0
    for size in cycle(sizes):
        if place >= len(data):
            return
        yield data[place : place + size]
        place += size


def judged(client: Conversation, answer: bytes, sizes: list[int]) -> tuple[Outcome, int]:
    """Return outcome and status of an answer in pieces, which ends with the connection."""
    for piece in pieces(answer, sizes):
        judgement = client.receive(piece).judgement
        if judgement is not None:
            return judgement.outcome, judgement.status
    judgement = client.end(OVER, closed=True)
    return judgement.outcome, judgement.status


def served(server: Conversation, sent: bytes, sizes: list[int]) -> tuple[bytes, bool, Outcome, str]:
    """Return what a server sends to a client, whether it closes the connection, and how it judges the client."""
    answer = server.start()
    for piece in pieces(sent, sizes):
        turn = server.receive(piece)
        answer += turn.send
        if turn.close:
            return answer, True, server.end(OVER).outcome, server.end(OVER).head
    return answer, False, server.end(OVER).outcome, server.end(OVER).head


def talk(client: Conversation, server: Conversation, sizes: list[int]) -> Outcome:
    """Return how a client judges its exchange with a server, with pieces of these sizes in both directions."""
    to_server, to_client = client.start(), server.start()
    for size in cycle(sizes):
        piece, to_server = to_server[:size], to_server[size:]
        turn = server.receive(piece) if piece else None
        to_client += turn.send if turn else b""
        closed = turn is not None and turn.close
        piece, to_client = (to_client, b"") if closed else (to_client[:size], to_client[size:])
        reaction = client.receive(piece) if piece else None
        if reaction is not None and reaction.judgement is not None:
            return reaction.judgement.outcome
        to_server += reaction.send if reaction else b""
        if closed or not (to_server or to_client):
            return client.end(OVER, closed=closed).outcome
    raise AssertionError("unreachable: the sizes never end")


@pytest.mark.parametrize("protocol", SERVERS)
@given(sizes=SIZES, several=st.booleans())
def test_both_ends_understand_each_other(protocol: str, sizes: list[int], several: bool) -> None:  # noqa: FBT001
    """A client is answered by the server of its protocol, which understands it, in pieces of any size."""
    traits = PROTOCOLS[protocol].traits
    server = server_of(protocol)
    outcome = talk(client_of(protocol, 3 if several and Trait.PIPELINES in traits else 1), server, sizes)
    expected = Outcome.SILENT if Trait.SILENT in traits else Outcome.ANSWERED
    assert (outcome, server.end(OVER).outcome) == (expected, expected)


@pytest.mark.parametrize("protocol", CLIENTS)
@given(data=st.data(), sizes=SIZES)
def test_splitting_does_not_change_a_judgement(protocol: str, data: st.DataObject, sizes: list[int]) -> None:
    """An answer has the same outcome and status in one piece and in pieces; no answer is longer than expected."""
    one = client_of(protocol)
    request = one.start()
    other = deepcopy(one)  # with the same token
    echoes = Trait.ECHOES in PROTOCOLS[protocol].traits
    right = [request, request.upper()] if echoes else ANSWERS.get(protocol, [b"x"])
    answer = data.draw(st.sampled_from(right) | st.sampled_from(right).flatmap(damaged) | st.binary(max_size=60))
    if echoes:
        answer = answer[: len(request)]
    assert judged(one, answer, [max(1, len(answer))]) == judged(other, answer, sizes)


@pytest.mark.parametrize("protocol", SERVERS)
@given(data=st.data(), sizes=SIZES)
def test_splitting_does_not_change_what_a_server_does(protocol: str, data: st.DataObject, sizes: list[int]) -> None:
    """A server sends the same bytes and judges its client alike, whether these bytes come in one piece or in pieces."""
    known = st.sampled_from(INPUT.get(protocol, [b"hello\n"]))
    sent = data.draw(known | known.flatmap(damaged) | st.binary(max_size=200))
    whole = served(server_of(protocol), sent, [max(1, len(sent))])
    assert whole == served(server_of(protocol), sent, sizes)


@pytest.mark.parametrize("protocol", AppProtocol)
def test_every_protocol_is_registered(protocol: str) -> None:
    """Each name has one entry, whose class has that name; a client of it without layers is itself."""
    assert PROTOCOLS[protocol].name == protocol
    client = client_of(protocol)
    assert layered(client, dial(protocol)) is client
