"""Conversations of every protocol: how the bytes are split changes nothing, and both ends understand each other."""

from collections.abc import Iterator
from copy import deepcopy
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

HERE = "2001:db8::1"
OVER = "the connection was closed"
TURNS = (
    ScriptTurn(None, "220 ready\r\n"),
    ScriptTurn("^EHLO .*\r\n", "250 mail\r\n"),
    ScriptTurn("^(NOOP|QUIT)\r\n", "2xx OK\r\n"),
)

SERVERS = [name for name, item in PROTOCOLS.items() if Transport.TCP in item.serves]
CLIENTS = [name for name, item in PROTOCOLS.items() if Transport.TCP in item.transports]

INPUT: dict[str, list[bytes]] = {
    AppProtocol.HTTP: [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HEAD /redirect/302/2f2f HTTP/1.0\r\n\r\nrest"],
    AppProtocol.REDIS: [b"*2\r\n$4\r\nPING\r\n$2\r\nhi\r\nGET a\r\nincr b\r\n", b"*1\r\n$4\r\nQUIT\r\nPING\r\n"],
    AppProtocol.EXCHANGE: [b"EHLO x\r\nNOOP\r\nNOOP\r\nQUIT\r\n", b"EHLO x\r\nRSET\r\n"],
}
ANSWERS: dict[str, list[bytes]] = {
    AppProtocol.HTTP: [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    AppProtocol.REDIS: [b"+PONG\r\n", b"-ERR no\r\n"],
    AppProtocol.EXCHANGE: [b"220 ready\r\n250 mail\r\n"],
}
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def dial(protocol: str, requests: int = 1) -> Dial:
    """Return a client of a protocol."""
    return Dial(
        Family.IPV6, HERE, 80, protocol=protocol, send="EHLO x\r\n", expect="250 m", token_size=60, requests=requests
    )


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
