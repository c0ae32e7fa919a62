"""Captures for the predicates on a narrow hop."""

from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6, fragment6

from dualstack.families import Family
from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import F4, F6, IN, LARGE, S6, Timed, asked, fragments_of, net, reply, told


def narrow(packet: Any, mtu: int = 1280) -> Any:
    """Return what a router on the way to the client says of an IPv6 packet that it does not forward."""
    return IN() / IPv6(src="2001:db8:51:1::301", dst=S6) / ICMPv6PacketTooBig(mtu=mtu) / bytes(packet[IPv6])[:1232]


WIDE = fragments_of(LARGE[F6])
"""An answer in fragments that are as large as the link carries."""


def segment(seq: int, size: int, *, sport: int = 40000, family: Family = F6) -> Any:
    """Return a segment of the server's answer."""
    return net(family, back=True) / TCP(sport=8080, dport=sport, flags="A", seq=seq, ack=8) / (b"x" * size)


def resent(seq: int = 100, *, sport: int = 40000) -> list[Timed]:
    """Return an answer of 2856 bytes that left in two packets of 1488 bytes and again in three that fit."""
    end = 1 << 32
    first = [(0.1, segment(seq, 1428, sport=sport)), (0.1, segment((seq + 1428) % end, 1428, sport=sport))]
    pieces = [(0, 1220), (1220, 1220), (2440, 416)]
    return [*first, *((0.2, segment((seq + at) % end, size, sport=sport)) for at, size in pieces)]


def reported(segments: list[Timed]) -> list[Timed]:
    """Return these segments, and what a router says of the first one, before it is sent again."""
    return [*segments[:2], (0.15, narrow(segments[0][1])), *segments[2:]]


def to_neighbour(packet: Any) -> Any:
    """Return a segment as one to another client, on the link."""
    packet[IPv6].dst = "2001:db8:51:1::301"
    return packet


def whole(size: int) -> Any:
    """Return an IPv4 segment of the server's answer that routers must not fragment."""
    packet = loose(size)
    packet[IP].flags = "DF"
    return packet


def loose(size: int) -> Any:
    """Return an IPv4 segment of the server's answer that routers may fragment."""
    return segment(100, size, family=F4)


CASES: list[Case] = [
    Case(
        name="path_mtu_heeded",
        call=lambda wire: expect.path_mtu_heeded(wire, 1280),
        good=[
            (0, asked(F6)),
            *((1, piece) for piece in WIDE),
            (1.001, narrow(WIDE[0])),
            *((2, piece) for piece in fragment6(LARGE[F6], 1280)),
        ],
        bad=[
            ([*((1, piece) for piece in WIDE), (1.001, narrow(WIDE[0])), (2, WIDE[0])], "1 of 1 were bigger"),
            (
                [
                    (1, WIDE[0]),
                    (1.001, narrow(WIDE[0])),
                    *((2, piece) for piece in fragment6(LARGE[F6], 1280)),
                    (3, told(F6, payload=b"x" * 1233)),
                ],
                "1 of 5 were bigger; the largest had 1281 bytes",
            ),
        ],
        more_good=[
            [(0, asked(F6)), (1, told(F6, payload=b"x" * 1232))],
            [(1, WIDE[0]), (1.001, narrow(WIDE[0])), (1.05, WIDE[0]), (2, told(F6))],
        ],
        needs=(F6,),
        vacuous=True,
    ),
    Case(
        name="too_large_is_sent_again",
        call=lambda wire: expect.too_large_is_sent_again(wire, 8080, 1280),
        good=resent(),
        bad=[
            (resent()[:2], "2 of 2 such packets were not, the first with sequence number 100"),
            (resent()[:4], "1 of 2 such packets were not, the first with sequence number 1528"),
            ([*resent()[:3], resent()[4]], "2 of 2 such packets were not"),
            ([*resent()[:2], *resent(sport=40001)], "2 of 4 such packets were not"),
        ],
        more_good=[
            [(0.1, segment(100, 1220))],
            resent((1 << 32) - 1000),
            [*resent(), (0.3, reply(F6, "A")), (0.4, segment(1, 1428, family=F4))],
        ],
    ),
    Case(
        name="path_mtu_learned",
        call=lambda wire: expect.path_mtu_learned(wire, 8080, 1280, F6, least=2856),
        good=reported(resent()),
        bad=[
            (reported(resent()[:2]), "none of 2 was sent again in smaller packets"),
            ([*reported(resent()[:2]), (0.3, segment(2956, 400))], "none of 2 was sent again in smaller packets"),
            ([*reported(resent()[:2]), *resent(sport=40001)[2:]], "none of 2 was sent again in smaller packets"),
            ([*reported(resent()), (0.3, segment(2956, 1428))], "1 larger packets left after that"),
        ],
        more_good=[
            [(0.1, segment(100 + 1220 * number, 1220)) for number in range(3)],
            reported(resent((1 << 32) - 1000)),
            [*reported(resent()), (0.3, segment(1, 1428, family=F4))],
            [*reported(resent()), (0.3, to_neighbour(segment(1, 1428)))],
        ],
    ),
    Case(
        name="keeps_whole",
        call=lambda wire: expect.keeps_whole(wire, 8080, 1280),
        good=[(0.1, loose(1240)), (0.2, whole(1460))],
        bad=[([(0.1, whole(1460)), (0.2, loose(1241))], "1 of 2 did, for routers to fragment")],
    ),
]
