"""Captures for the predicates on router advertisements: old and new connections are served."""

from collections.abc import Sequence

from scapy.layers.inet import TCP
from scapy.layers.inet6 import ICMPv6ND_RA, IPv6

from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import C6, F4, F6, IN, OTHER, OUT, Timed, handshake, reply, sent, syn

ADVERTISED = IN() / IPv6(src="fe80::1", dst="ff02::1", hlim=255) / ICMPv6ND_RA()
MOVED = OUT() / IPv6(src=OTHER[F6], dst=C6) / TCP(sport=8080, dport=40000, flags="PA", ack=8) / b"x"


def amid(*between: Timed, after: Sequence[Timed] = ()) -> list[Timed]:
    """Return a connection, then two advertisements with something between them, then more of the connection."""
    return [*handshake(F6), (1, ADVERTISED), *between, (3, ADVERTISED), *after]


def said(at: float) -> list[Timed]:
    """Return a request and its answer on a connection that is there."""
    return [(at, sent(F6, "PA", b"hello")), (at + 0.001, sent(F6, "PA", b"hello", back=True))]


GREETED = [*amid()[:3], (0.5, sent(F6, "PA", b"hello", back=True))]
"""A connection on which the service speaks first."""

CASES: list[Case] = [
    Case(
        name="flow_outlives_advertisements",
        call=lambda wire: expect.flow_outlives_advertisements(wire, (C6, 40000), 2),
        good=amid(after=said(4)),
        more_good=[
            amid(*said(2), after=said(4)),
            amid(after=[(4, sent(F6, "PA", b"x")), (5, sent(F6, "FPA", b"answer", back=True))]),
            [*handshake(F6), (0.5, sent(F6, "FA", back=True)), (0.6, syn(F6, seq=70)), *amid(after=said(4))[3:]],
            amid(after=[*said(4), (5, syn(F6, seq=70)), (5.1, reply(F6, "RA", seq=70))]),
            [*amid(after=said(4)), (5, sent(F4, "R", back=True))],
            [*GREETED, *amid()[3:], (4, sent(F6, "PA", b"x")), (4.1, sent(F6, "A", back=True))],
            [*GREETED, *amid()[3:], (4, sent(F6, "FA")), (4.1, sent(F6, "FA", back=True))],
        ],
        bad=[
            (amid((2, reply(F6, "R")), after=[(4, sent(F6, "PA", b"x"))]), "RST before the last"),
            (amid((2, sent(F6, "FA", back=True)), after=said(4)), "FIN before the last"),
            (amid(after=[(4, sent(F6, "PA", b"x")), (4.1, reply(F6, "R"))]), "RST after the last"),
            (amid(*said(2), after=[(4, sent(F6, "PA", b"x"))]), "sent nothing more after them"),
            ([*GREETED, *amid()[3:]], "sent nothing more after them"),
            ([*GREETED, *amid()[3:], (4, sent(F6, "FA")), (4.1, reply(F6, "R"))], "RST after the last"),
            ([*GREETED, *amid((2, reply(F6, "FA")))[3:], (4, sent(F6, "FA")), (4.1, reply(F6, "R"))], "FIN before"),
            (amid(after=[(4, sent(F6, "PA", b"x")), (4.1, MOVED)]), f"a packet went from [{OTHER[F6]}]:8080"),
        ],
    ),
    Case(
        name="served_amid_advertisements",
        call=lambda wire: expect.served_amid_advertisements(wire, 8080, F6),
        good=amid(*handshake(F6, 2, 40001), after=handshake(F6, 4, 40002)),
        more_good=[
            amid((1.5, syn(F6, 40003)), (1.6, reply(F6, "RA", 40003)), *handshake(F6, 2, 40001)),
            amid(*handshake(F6, 2, 40001), after=[(4, syn(F4, 40002))]),
            [(0, syn(F6, 40003)), *amid(*handshake(F6, 2, 40001))],
        ],
        bad=[
            (amid((2, syn(F6, 40001)), after=handshake(F6, 4, 40002)), "40001 → [2001:db8:51:1::101]:8080: unanswered"),
            (amid(*handshake(F6, 2, 40001), (2.5, syn(F6, 40002)), after=handshake(F6, 4, 40003)), "40002"),
            (amid(after=[(4, syn(F6, 40002)), (4.1, reply(F6, "RA", 40002))]), "2 advertisements; "),
        ],
    ),
]
