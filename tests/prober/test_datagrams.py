"""Datagram batches: several UDP clients in turn, each of which receives from any address."""

from collections.abc import Callable

import pytest

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.messages import Await, DatagramBatch, Hold, ReceivedDatagram, Sender, Serve
from dualstack.transport import AppProtocol, Transport

PORT = 7300
FOUR, SIX = Family.IPV4.loopback, Family.IPV6.loopback

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)

# A datagram service on 127.0.0.1; `{act}` is what it does with the datagram `d` of the client `c`.
SERVICE = """
import socket
s, t = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "st")
s.bind(("127.0.0.1", {port}))
t.bind(("127.0.0.3", {port} + 1))
first = None
while True:
    d, c = s.recvfrom(2000)
    first = first or c
    {act}
"""


@pytest.fixture
def service(start: Callable[..., ProgramHandle]) -> Callable[[str], ProgramHandle]:
    """Return a function that runs `SERVICE` and waits until it is there."""

    def run(act: str) -> ProgramHandle:
        program = start(SERVICE.format(port=PORT, act=act))
        assert program.wait_ready(Await(PORT, Transport.UDP, None, 10)).ready, program.log().text
        return program

    return run


def test_each_client_receives_its_answers(prober: Prober) -> None:
    """Clients of both families, some with the same port, send in turn; each receives the answers to its datagrams."""
    with prober.serve(Serve((FOUR, SIX), PORT, Transport.UDP, AppProtocol.UPPER)) as server:
        senders = (
            Sender(FOUR, FOUR, 7401, ("a1", "a2", "a3")),
            Sender(SIX, SIX, 7401, ("b1", "b2", "b3")),
            Sender(FOUR, "127.0.0.2", 7401, ("c1", "", "c3")),
            Sender(FOUR, FOUR, 0, ("d1",)),
        )
        results = prober.call(DatagramBatch(senders, PORT))
        seen = {(client.peer, client.peer_port) for client in server.accepted()}
    assert [result.sent for result in results] == [3, 3, 3, 1]
    for sender, result in zip(senders, results, strict=True):
        assert result.received == tuple(ReceivedDatagram(sender.address, PORT, text.upper()) for text in sender.texts)
        assert result.source_port == (sender.source_port or result.source_port) > 0
    assert seen == {(sender.source, result.source_port) for sender, result in zip(senders, results, strict=True)}


def test_answers_from_another_address_are_received(prober: Prober, service: Callable[[str], ProgramHandle]) -> None:
    """An answer from another address and port is reported with these."""
    service("t.sendto(d, c)")
    (result,) = prober.call(DatagramBatch((Sender(FOUR, FOUR, 0, ("x",)),), PORT))
    assert result.received == (ReceivedDatagram("127.0.0.3", PORT + 1, "x"),)


def test_answers_to_the_wrong_client_are_reported(prober: Prober, service: Callable[[str], ProgramHandle]) -> None:
    """A client that receives another client's answer is shown; the first round with a missing reply is the last."""
    service("s.sendto(d, first)")
    senders = (Sender(FOUR, FOUR, 0, ("a",) * 3), Sender(FOUR, "127.0.0.2", 0, ("b",) * 3))
    one, other = prober.call(DatagramBatch(senders, PORT, timeout=0.5))
    assert [found.text for found in one.received] == ["a", "b"]
    assert (one.sent, other.sent, other.received) == (1, 1, ())


@each_family
def test_an_answer_to_a_closed_port_meets_port_unreachable(
    prober: Prober, start: Callable[..., ProgramHandle], family: Family
) -> None:
    """A client with a closed port is not waited for, and the service gets ICMP port unreachable."""
    script = """
import socket, sys
address = sys.stdin.read()
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((address, 7300))
s.setsockopt(*((socket.IPPROTO_IPV6, 25) if ":" in address else (socket.IPPROTO_IP, 11)), 1)  # RECVERR
d, c = s.recvfrom(100)
s.sendto(d, c)
try:
    s.recvfrom(100)
except OSError as error:
    print(type(error).__name__, flush=True)
"""
    program = start(script, input=family.loopback)
    assert program.wait_ready(Await(PORT, Transport.UDP, None, 10)).ready, program.log().text
    (result,) = prober.call(
        DatagramBatch((Sender(family.loopback, family.loopback, 0, ("x",), port_closed=True),), PORT, 60)
    )
    assert (result.sent, result.received) == (1, ())
    assert program.wait_log("^ConnectionRefusedError$", Deadline(10, "the ICMP error")), program.log().text


@each_family
def test_a_udp_port_is_shared_with_so_reuseaddr(prober: Prober, family: Family) -> None:
    """A UDP port can be bound twice if both sockets set SO_REUSEADDR; otherwise it is reported as taken."""
    shared = Hold(family, family.loopback, PORT, Transport.UDP, reuse_address=True)
    plain = Hold(family, family.loopback, PORT, Transport.UDP)
    with prober.hold(plain):
        assert prober.try_hold(shared) is None
    with prober.hold(shared):
        assert prober.try_hold(plain) is None
        second = prober.try_hold(shared)
        assert second is not None
        second.close()
