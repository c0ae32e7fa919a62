"""Attempts and connections, as they are read from a capture."""

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6

from dualstack.errors import Inconclusive
from dualstack.transport import Transport
from dualstack.wire import expect
from tests.wire.packets import (
    F4,
    F6,
    LATER,
    S4,
    T6,
    TUNNEL,
    MakeCapture,
    asked,
    handshake,
    net,
    reply,
    sent,
    syn,
    unreachable,
)


def test_attempts_are_folded(make_capture: MakeCapture) -> None:
    """Retransmissions are no new attempts; a new sequence number or port is one, also between the same addresses."""
    wire = make_capture(
        (0, syn(F6)),
        (1, syn(F6)),
        (3, syn(F6)),
        (3.5, reply(F6, "SA")),
        (4, syn(F6, seq=70)),
        (5, syn(F6, sport=40001)),
        (6, syn(F4)),
        (7, syn(F4, dport=9)),
    )
    found = expect.attempts(wire, 8080)
    assert [(one.family.number, one.sport, one.isn, len(one.times)) for one in found] == [
        (6, 40000, 7, 3),
        (6, 40000, 70, 1),
        (6, 40001, 7, 1),
        (4, 40000, 7, 1),
    ]
    assert found[0].fate is expect.Fate.ANSWERED
    assert found[0].after == pytest.approx(0.5)
    assert [one.fate for one in found[1:]] == [expect.Fate.UNANSWERED] * 3
    assert [one.family for one in expect.attempts(wire, 8080, family=F4, address=S4)] == [F4]


def test_icmp_error_may_be_overtaken(make_capture: MakeCapture) -> None:
    """An ICMP error is an attempt's fate only if nothing better comes; "too big" is none at all."""
    too_big = net(F6, back=True) / ICMPv6PacketTooBig(mtu=1280) / syn(F6)[IPv6]
    wire = make_capture((0, syn(F6)), (0.1, unreachable(F6, syn(F6), 0)), (1, syn(F6)), (1.1, reply(F6, "SA")))
    assert expect.attempts(wire, 8080)[0].fate is expect.Fate.ANSWERED
    wire = make_capture((0, syn(F6)), (0.1, unreachable(F6, syn(F6), 0)))
    assert expect.attempts(wire, 8080)[0].fate is expect.Fate.ICMP_ERROR
    assert expect.attempts(wire, 8080)[0].error == "ICMPv6 no route to destination"
    assert expect.attempts(make_capture((0, syn(F6)), (0.1, too_big)), 8080)[0].fate is expect.Fate.UNANSWERED


def test_port_unreachable_about_tcp_is_no_rst(make_capture: MakeCapture) -> None:
    """A firewall's port unreachable about a SYN is an ICMP error, not the refusal of a host."""
    wire = make_capture((0, syn(F4)), (0.1, unreachable(F4, syn(F4))))
    assert expect.attempts(wire, 8080)[0].fate is expect.Fate.ICMP_ERROR


def test_families_of_flow(make_capture: MakeCapture) -> None:
    """The families of a flow are those of the outer headers, in order; other ports and transports do not count."""
    wire = make_capture((0, syn(F6)), (1, reply(F4, "RA")), (2, asked(F4)))
    assert expect.families_of_flow(wire, 8080) == (F6, F4)
    assert expect.families_of_flow(wire, 8081, Transport.UDP) == (F4,)
    assert expect.families_of_flow(wire, 8081) == ()
    assert expect.families_of_flow(make_capture((0, TUNNEL / T6 / TCP(dport=8080))), 8080) == (F4,)


def test_resets_without_a_later_client_prove_nothing(make_capture: MakeCapture) -> None:
    """Clients that reset no connection prove nothing; resets of the other family neither."""
    for frames in (
        [*handshake(F6), (1, sent(F6, "R"))],
        [*handshake(F6), *handshake(F6, 2, 40001)],
        [*handshake(F4), (1, sent(F4, "R")), *handshake(F6, 2, 40001)],
        [*handshake(F6), (1, reply(F6, "R")), *handshake(F6, 2, 40001)],
        [*handshake(F6), (2, sent(F6, "R")), *handshake(F6, 2, 40001)],
    ):
        with pytest.raises(Inconclusive, match="no client came over IPv6 after one that reset"):
            expect.outlives_resets(make_capture(*frames), 8080, F6)


def test_pieces_are_counted(make_capture: MakeCapture) -> None:
    """Only data segments of the client's port count; fewer than were meant prove nothing."""
    pieces = [(1 + at, sent(F6, "PA", b"x")) for at in range(3)]
    wire = make_capture(*handshake(F6), *pieces, (9, LATER), (9.1, sent(F6, "PA", b"answer", back=True)))
    expect.require_pieces(wire, 40000, 3)
    with pytest.raises(Inconclusive, match="port 40000 sent 3 data segments; 4 were meant"):
        expect.require_pieces(wire, 40000, 4)
    with pytest.raises(Inconclusive, match="dropped 3 frames"):
        expect.require_pieces(make_capture(*pieces, drops=3), 40000, 3)
