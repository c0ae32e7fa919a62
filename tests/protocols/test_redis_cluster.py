"""``redis-cluster``: how the answers of a node are judged, and which nodes they name."""

import pytest

from dualstack.errors import UsageError
from dualstack.families import Family
from dualstack.prober.messages import Dial, Outcome
from dualstack.protocols.advertised import Advertised
from dualstack.protocols.application import Trait
from dualstack.protocols.judgement import Judgement
from dualstack.protocols.redis_cluster import RedisCluster, replies_in
from dualstack.protocols.registry import client_for, served, traits_of
from dualstack.transport import Transport

ID = b"$4\r\nabcd\r\n"


def node(host: bytes, port: int) -> bytes:
    """Return a node of ``CLUSTER SLOTS``, as Redis 7 writes it."""
    text = b"$-1\r\n" if host == b"nil" else b"$%d\r\n%b\r\n" % (len(host), host)
    return b"*4\r\n%b:%d\r\n%b*0\r\n" % (text, port, ID)


def slots(*nodes: bytes) -> bytes:
    """Return the answer to ``CLUSTER SLOTS``: all nodes have the same slots."""
    return b"*1\r\n*%d\r\n:0\r\n:16383\r\n" % (2 + len(nodes)) + b"".join(nodes)


MOVED = b"-MOVED 15495 2001:db8::1:7003\r\n$-1\r\n-MOVED 7365 192.0.2.1:7002\r\n"
WHOLE = slots(node(b"2001:db8::1", 7001), node(b"192.0.2.1", 7002)) + MOVED


def judge(answer: bytes, size: int = 0) -> Judgement | None:
    """Return the judgement of an answer that comes in pieces of a size; None if it is not complete."""
    client = client_for(Dial(Family.IPV6, "::1", 7001, protocol="redis-cluster"))
    client.start()
    for start in range(0, len(answer), size or len(answer)):
        turn = client.receive(answer[start : start + (size or len(answer))])
        if turn.judgement is not None:
            return turn.judgement
    return None


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_complete_cluster(size: int) -> None:
    """A node that names all nodes is served, whatever pieces the answer comes in."""
    judgement = judge(WHOLE, size)
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED
    assert judgement.detail == "CLUSTER SLOTS names 2 nodes, and 2 of 3 keys are on other ones"
    assert judge(WHOLE[:-1], size) is None


def test_what_the_client_asks() -> None:
    """The client sends four commands at once."""
    request = client_for(Dial(Family.IPV6, "::1", 7001, protocol="redis-cluster")).start()
    assert request.startswith(b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n")
    assert request.count(b"\r\nGET\r\n") == 3


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (
            b"-ERR This instance has cluster support disabled\r\n",
            "the answer is the error 'ERR This instance has cluster",
        ),
        (b"*0\r\n-CLUSTERDOWN Hash slot not served\r\n", "the answer is the error 'CLUSTERDOWN Hash slot not served'"),
        (b"*0\r\n" + MOVED, "the answer to CLUSTER SLOTS names no node"),
        (slots(node(b"?", 7001)) + MOVED, "the node does not know the name of another node yet"),
        (b"HTTP/1.1 400 Bad Request\r\n", "the answer is no RESP2: 'HTTP/1.1 400 Bad Request'"),
        (b"*x\r\n", "the answer is no RESP2: '*x'"),
        (b"*1\r\n" * 12, "the answer is no RESP2: '*1'"),
        (b"$80000\r\n" + b"a" * 80000, "the answer is longer than 65536 bytes"),
    ],
)
def test_wrong_answers(answer: bytes, detail: str) -> None:
    """A node without a complete cluster is not served, nor is a server of another protocol; the reason is named."""
    judgement = judge(answer)
    assert judgement is not None
    assert judgement.outcome is Outcome.WRONG
    assert judgement.detail.startswith(detail)


def test_how_it_ends() -> None:
    """Without any answer it is silent; an answer that ends early is wrong."""
    client = client_for(Dial(Family.IPV6, "::1", 7001, protocol="redis-cluster"))
    assert client.end("nothing came").outcome is Outcome.SILENT
    client.receive(b"*1\r\n")
    assert client.end("nothing more came").outcome is Outcome.WRONG


def test_nodes_in_the_answers() -> None:
    """Every node is found, in ``CLUSTER SLOTS`` and in ``MOVED``, where an IPv6 address has no brackets."""
    assert Trait.ADVERTISES in traits_of("redis-cluster")
    assert RedisCluster.advertised(WHOLE) == (
        Advertised("2001:db8::1", 7001, "CLUSTER SLOTS, slots 0 to 16383"),
        Advertised("192.0.2.1", 7002, "CLUSTER SLOTS, slots 0 to 16383"),
        Advertised("2001:db8::1", 7003, "MOVED 15495"),
        Advertised("192.0.2.1", 7002, "MOVED 7365"),
    )


@pytest.mark.parametrize("host", [b"", b"nil"])
def test_a_node_without_a_host(host: bytes) -> None:
    """An empty host, or nil, means the address that the client used: no address is handed out."""
    assert RedisCluster.advertised(slots(node(host, 7001)) + b"-MOVED 1 :7002\r\n$-1\r\n+OK\r\n") == ()


@pytest.mark.parametrize("received", [b"", b"HTTP/1.1 200 OK\r\n", b"*1\r\n*1\r\n:0\r\n", WHOLE[:40]])
def test_other_bytes_name_no_node(received: bytes) -> None:
    """Bytes of another protocol, another form or a part of an answer name no node, and are no error."""
    assert RedisCluster.advertised(received) == ()


def test_replies() -> None:
    """Each kind of reply is read; what is not complete is left out."""
    data = b"+OK\r\n:7\r\n$2\r\nab\r\n*2\r\n:1\r\n*0\r\n*-1\r\n-ERR x\r\n$3\r\nab"
    assert replies_in(data) == [b"OK", 7, b"ab", [1, []], None, b"-ERR x"]


def test_it_has_a_client_over_tcp_only() -> None:
    """There is no server of it, and nothing over UDP."""
    assert RedisCluster not in served()
    with pytest.raises(UsageError, match="does not work over UDP"):
        client_for(Dial(Family.IPV6, "::1", 7001, Transport.UDP, protocol="redis-cluster"))
