"""Every predicate: it holds on a good capture, fails on bad ones, and says nothing of captures that prove nothing."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrFragment,
    fragment6,
)
from scapy.layers.l2 import ARP, Ether

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.manifest.models import Transport
from dualstack.wire import expect
from dualstack.wire.evidence import Wire, read_wire

MAC, PEER = "02:00:5e:10:00:01", "02:00:5e:10:00:02"
S4, C4, S6, C6 = "198.51.100.1", "198.51.100.33", "2001:db8:51:1::101", "2001:db8:51:1::201"
T4, T6 = IP(src=C4, dst=S4), IPv6(src=C6, dst=S6)
OUT, IN = partial(Ether, src=MAC, dst=PEER), partial(Ether, src=PEER, dst=MAC)

Timed = tuple[float, Any]
MakeWire = Callable[..., Wire]


def net(family: Family, *, back: bool = False) -> Any:
    """Return Ethernet and IP from client to server, or back; the host under test is the server."""
    source, target = ((C4, S4), (C6, S6))[family is Family.IPV6]
    if back:
        source, target = target, source
    layer: Any = IP if family is Family.IPV4 else IPv6
    return (OUT() if back else IN()) / layer(src=source, dst=target)


def syn(family: Family, sport: int = 40000, dport: int = 8080, seq: int = 7) -> Any:
    """Return a SYN to the server."""
    return net(family) / TCP(sport=sport, dport=dport, flags="S", seq=seq)


def reply(family: Family, flags: str, sport: int = 40000, dport: int = 8080, seq: int = 7) -> Any:
    """Return what answers that SYN."""
    return net(family, back=True) / TCP(sport=dport, dport=sport, flags=flags, seq=99, ack=seq + 1)


def sent(family: Family, flags: str, payload: bytes = b"", sport: int = 40000, *, back: bool = False) -> Any:
    """Return a later segment of that connection."""
    ports = (8080, sport) if back else (sport, 8080)
    segment = net(family, back=back) / TCP(sport=ports[0], dport=ports[1], flags=flags, seq=8, ack=100)
    return segment / payload if payload else segment


def asked(family: Family, sport: int = 40000, payload: bytes = b"ping") -> Any:
    """Return a datagram to the server."""
    return net(family) / UDP(sport=sport, dport=8081) / payload


def told(family: Family, sport: int = 40000, payload: bytes = b"pong") -> Any:
    """Return a datagram back."""
    return net(family, back=True) / UDP(sport=8081, dport=sport) / payload


def unreachable(family: Family, request: Any, code: int | None = None) -> Any:
    """Return the ICMP error about a packet; without a code it is port unreachable."""
    quoted = request[IP] if family is Family.IPV4 else request[IPv6]
    if family is Family.IPV4:
        return net(family, back=True) / ICMP(type=3, code=3 if code is None else code) / quoted
    return net(family, back=True) / ICMPv6DestUnreach(code=4 if code is None else code) / quoted


def handshake(family: Family, at: float = 0.0, sport: int = 40000) -> list[Timed]:
    """Return a connection that is made."""
    return [
        (at, syn(family, sport)),
        (at + 0.001, reply(family, "SA", sport)),
        (at + 0.002, sent(family, "A", sport=sport)),
    ]


F4, F6 = BOTH
LATER = sent(F6, "PA", b"another request", 40002)
UDP_FIXED_ZERO = net(F6, back=True) / UDP(sport=8081, dport=40000, chksum=0) / b"pong"
UDP_WRONG = net(F6, back=True) / UDP(sport=8081, dport=40000, chksum=0x1234) / b"pong"
TUNNEL = IN() / IP(src="192.0.2.1", dst="192.0.2.2", proto=41)
MAPPED = IPv6(src="::ffff:198.51.100.33", dst=S6) / TCP(dport=8080, flags="S")
NAT64 = "2001:db8:64::c633:6421"
FORGED = IN() / IPv6(src=f"::ffff:{C4}", dst=S6) / UDP(sport=40000, dport=8081) / b"ping"
LARGE = net(F6, back=True) / IPv6ExtHdrFragment() / UDP(sport=8081, dport=40000) / (b"x" * 4000)
OTHER = {F4: "198.51.100.2", F6: "2001:db8:51:1::999"}
"""Another address of the server."""


def stranger(family: Family) -> Any:
    """Return a datagram to the client from another address of the server."""
    layer: Any = IP(src=OTHER[F4], dst=C4) if family is F4 else IPv6(src=OTHER[F6], dst=C6)
    return OUT() / layer / UDP(sport=8081, dport=40000)


def gone(family: Family) -> Any:
    """Return the ICMP error that a client which is gone has for an answer."""
    answer = told(family)
    if family is F4:
        return net(F4) / ICMP(type=3, code=3) / answer[IP]
    return net(F6) / ICMPv6DestUnreach(code=4) / answer[IPv6]


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


def fragments_of(packet: Any) -> list[Any]:
    """Return the fragments of a packet over IPv6."""
    return list(fragment6(packet, 1500))


def narrow(packet: Any, mtu: int = 1280) -> Any:
    """Return what a router on the way to the client says of an IPv6 packet that it does not forward."""
    return IN() / IPv6(src="2001:db8:51:1::301", dst=S6) / ICMPv6PacketTooBig(mtu=mtu) / bytes(packet[IPv6])[:1232]


WIDE = fragments_of(LARGE)
"""An answer in fragments that are as large as the link carries."""


@dataclass(frozen=True)
class Case:
    """A predicate with a capture on which it holds, and some on which it does not.

    Attributes:
        name: What is shown.
        call: The predicate.
        good: A capture.
        bad: Captures, each with what the finding must mention.
        needs: The families of which it needs witnesses.
        vacuous: Whether a live capture without any frame is good: it claims only an absence.
    """

    name: str
    call: Callable[[Wire], Finding]
    good: list[Timed]
    bad: list[tuple[list[Timed], str]]
    needs: tuple[Family, ...] = ()
    vacuous: bool = False
    more_good: list[list[Timed]] = field(default_factory=list)


CASES = [
    Case(
        name="syn_family",
        call=lambda wire: expect.syn_family(wire, 8080, F6),
        good=handshake(F6),
        bad=[(handshake(F4), "IPv4"), ([*handshake(F6), (1, syn(F4))], "IPv4")],
        needs=(F4,),
        more_good=[[*handshake(F6), (1, syn(F4, dport=9))]],
    ),
    Case(
        name="answered",
        call=lambda wire: expect.answered(wire, 8080, F6, S6),
        good=handshake(F6),
        bad=[
            ([(0, syn(F6))], "unanswered"),
            ([(0, syn(F6)), (0.1, reply(F6, "RA"))], "refused"),
            ([(0, syn(F6)), (0.1, reply(F6, "SA", seq=4711))], "unanswered"),
            ([(0, syn(F6)), (0.1, reply(F6, "SA", sport=40001))], "unanswered"),
            ([*handshake(F6), (1, syn(F6, 40001))], "40001"),
            ([(0, syn(F6)), (0.1, unreachable(F6, syn(F6), 1))], "administratively prohibited"),
        ],
        more_good=[[*handshake(F6), (1, syn(F4))], [(0, syn(F6)), (1, syn(F6)), (1.001, reply(F6, "SA"))]],
    ),
    Case(
        name="answered over UDP",
        call=lambda wire: expect.answered(wire, 8081, F4, transport=Transport.UDP),
        good=[(0, asked(F4)), (0.1, told(F4))],
        more_good=[
            [(0, asked(F4)), (0.1, told(F4)), (1, asked(F6))],
            [(at, asked(F4)) for at in range(14)] + [(14, told(F4))],
        ],
        bad=[
            ([(at, asked(F4, 40000 + at)) for at in range(5)], "and 1 more"),
            ([(0, asked(F4)), (0.1, reply(F4, "SA", 40000, 8081))], "unanswered"),
            ([(0, asked(F4))], "unanswered"),
            ([(0, asked(F4)), (0.1, told(F4, 40001))], "unanswered"),
        ],
    ),
    Case(
        name="answered at one address",
        call=lambda wire: expect.answered(wire, 8080, F6, "2001:db8:51:1:0:0:0:101%eth0"),
        good=handshake(F6),
        more_good=[
            [*handshake(F6), (1, OUT() / IPv6(src=C6, dst="2001:db8:51:1::999") / TCP(dport=8080, flags="S"))],
            [(0, syn(F6, seq=0xFFFFFFFF)), (0.1, reply(F6, "SA", seq=-1))],
        ],
        bad=[([(0, syn(F6)), (0.1, reply(F6, "A"))], "unanswered")],
    ),
    Case(
        name="refused in time, just",
        call=lambda wire: expect.refused(wire, 8080, F6, within=0.5, address=S6),
        good=[(0, syn(F6)), (0.5, reply(F6, "RA")), (1, syn(F4))],
        bad=[
            ([(0, syn(F6)), (0.501, reply(F6, "RA"))], "501.00 ms"),
            ([(0, syn(F6)), (0.2, sent(F6, "A"))], "unanswered"),
        ],
    ),
    *(
        Case(
            name=f"refused over {family.label}",
            call=lambda wire, family=family: expect.refused(wire, 8080, family),  # type: ignore[misc]  # a bound default
            good=[(0, syn(family)), (0.001, reply(family, "RA"))],
            bad=[
                ([(0, syn(family))], "unanswered"),
                ([(0, syn(family)), (1.5, reply(family, "RA"))], "1500.00 ms"),
                (handshake(family), "answered"),
                ([*handshake(family), (1, reply(family, "RA"))], "answered"),
                ([(0, syn(family)), (0.1, unreachable(family, syn(family)))], "port unreachable"),
                ([(0, syn(family)), (0.1, reply(family, "RA")), (1, syn(family, 40001))], "40001"),
            ],
        )
        for family in BOTH
    ),
    *(
        Case(
            name=f"refused over {family.label} and UDP",
            call=lambda wire, family=family: expect.refused(wire, 8081, family, Transport.UDP),  # type: ignore[misc]  # a bound default
            good=[(0, asked(family)), (0.001, unreachable(family, asked(family)))],
            bad=[
                ([(0, asked(family))], "unanswered"),
                ([(0, asked(family)), (0.1, unreachable(family, asked(family, 40001)))], "unanswered"),
                (
                    [(0, asked(family)), (0.1, unreachable(family, asked(family), 1))],
                    "host unreachable" if family is F4 else "administratively prohibited",
                ),
                ([(0, asked(family)), (0.1, told(family))], "answered"),
            ],
        )
        for family in BOTH
    ),
    Case(
        name="no_family_from, IPv4",
        call=lambda wire: expect.no_family_from(wire, MAC, F4),
        good=[*handshake(F6), (3, syn(F4))],
        bad=[
            ([(0, OUT() / ARP(psrc=S4, pdst=C4))], "1 of the 1"),
            ([(0, reply(F4, "RA"))], "1 of the 1"),
            ([(0, OUT() / IP(src=S4, dst=C4, proto=41) / IPv6())], "1 of the 1"),
        ],
        needs=(F4,),
        vacuous=True,
    ),
    Case(
        name="no_family_from, IPv6 but ND",
        call=lambda wire: expect.no_family_from(wire, MAC, F6, frozenset({"ND"})),
        good=[*handshake(F4), (1, OUT() / IPv6(src=S6) / ICMPv6ND_NS())],
        bad=[([(0, reply(F6, "SA"))], "1 of the 1")],
        needs=(F6,),
        vacuous=True,
    ),
    Case(
        name="he_fallback",
        call=lambda wire: expect.he_fallback(wire, 8080, 0.1, 2.0),
        good=[(0, syn(F6)), (0.25, syn(F4)), (0.251, reply(F4, "SA"))],
        bad=[
            ([(0, syn(F6)), (1, syn(F6)), (3, syn(F4))], "3.000 s after"),
            ([(0, syn(F6)), (0.05, syn(F4))], "0.050 s after"),
            ([(0, syn(F6)), (1, syn(F6))], "every attempt was over IPv6"),
            ([(0, syn(F4)), (0.25, syn(F6))], "over IPv4, the first one over IPv6 followed"),
            ([(0, syn(F4))], "every attempt was over IPv4"),
        ],
    ),
    Case(
        name="loser_quiet",
        call=lambda wire: expect.loser_quiet(wire, 8080),
        good=[*handshake(F6), *handshake(F4, 0.01, 40001), (1, sent(F4, "PA", b"hello", 40001)), (2, sent(F6, "FA"))],
        bad=[
            (
                [
                    *handshake(F6),
                    *handshake(F4, 0.01, 40001),
                    (1, sent(F4, "PA", b"x", 40001)),
                    (2, sent(F6, "PA", b"x")),
                ],
                "bytes were sent on: IPv6",
            ),
        ],
        more_good=[
            [*handshake(F6), (0.1, syn(F4)), (1, sent(F6, "PA", b"x")), *handshake(F6, 2, 40002), (3, LATER)],
            [(0, syn(F6)), (0.2, syn(F4)), (0.3, reply(F4, "SA"))],
        ],
    ),
    *(
        Case(
            name=f"udp_reply_address over {family.label}",
            call=lambda wire, family=family: expect.udp_reply_address(wire, 8081, family),  # type: ignore[misc]  # a bound default
            good=[(0, asked(family)), (0.1, told(family))],
            bad=[
                ([(0, asked(family)), (0.1, stranger(family))], OTHER[family]),
                ([(0, asked(family)), (0.1, told(family)), (0.2, stranger(family))], OTHER[family]),
                ([(0, asked(family))], "was not answered"),
            ],
            more_good=[
                [(0, asked(family)), (0.1, asked(family)), (0.2, told(family)), (1, asked(family.other))],
                [(0, asked(family)), (0.1, net(family, back=True) / UDP(sport=9000, dport=40000))],
            ],
        )
        for family in BOTH
    ),
    Case(
        name="udp_reply_port",
        call=lambda wire: expect.udp_reply_port(wire, 8081),
        good=[(0, asked(F6)), (0.1, told(F6)), (1, asked(F4, 40001))],
        bad=[
            ([(0, asked(F4)), (0.1, net(F4, back=True) / UDP(sport=9000, dport=40000))], "9000"),
            (
                [(0, asked(F6)), (0.1, told(F6)), (0.2, net(F6, back=True) / UDP(sport=9000, dport=40000))],
                "was answered from [2001:db8:51:1::101]:9000",
            ),
        ],
        more_good=[[(0, asked(F4)), (0.1, told(F4)), (1, asked(F6)), (1.1, stranger(F6))]],
    ),
    Case(
        name="udp_large_answer",
        call=lambda wire: expect.udp_large_answer(wire, 8081),
        good=[(0, asked(F6)), *((1, piece) for piece in fragments_of(LARGE))],
        bad=[
            ([(0, asked(F6)), (1, told(F6, payload=b"x" * 1233))], "1 packets are larger"),
            (
                [(0, asked(F6)), *((1, piece) for piece in fragments_of(LARGE)), (2, told(F6, payload=b"x" * 1233))],
                "1 pack",
            ),
        ],
        more_good=[[(0, asked(F6)), (1, told(F6, payload=b"x" * 1232))]],
    ),
    *(
        Case(
            name=f"udp_goes_on over {family.label}",
            call=lambda wire, family=family: expect.udp_goes_on(wire, 8081, family),  # type: ignore[misc]  # a bound default
            good=[(0, asked(family)), (1, told(family)), (2, gone(family)), (3, told(family, 40001))],
            bad=[
                ([(0, asked(family)), (1, told(family)), (2, gone(family)), (3, told(family))], "0 others were"),
                ([(1, told(family)), (2, gone(family)), (3, told(family.other))], "1 clients were gone; 0 others"),
            ],
        )
        for family in BOTH
    ),
    Case(
        name="udp_forgery_unanswered",
        call=lambda wire: expect.udp_forgery_unanswered(wire, 8081, (C4,)),
        good=[(0, FORGED), (1, asked(F6)), (2, told(F6))],
        bad=[
            ([(0, FORGED), (1, told(F4))], f"1 answers left, to {C4}"),
            ([(0, FORGED), (1, OUT() / IPv6(src=S6, dst=f"::ffff:{C4}") / UDP(sport=8081))], f"to ::ffff:{C4}"),
        ],
        needs=BOTH,
    ),
    Case(
        name="udp6_checksum",
        call=lambda wire: expect.udp6_checksum(wire, 8081),
        good=[(0, asked(F6)), (0.1, told(F6))],
        bad=[([(0, asked(F6)), (0.1, UDP_FIXED_ZERO)], "zero"), ([(0, asked(F6)), (0.1, UDP_WRONG)], "wrong")],
    ),
    Case(
        name="no_mapped_on_wire",
        call=expect.no_mapped_on_wire,
        good=[*handshake(F6), (1, OUT() / IPv6(src="::", dst="ff02::1") / ICMPv6ND_NS())],
        bad=[
            ([(0, OUT() / MAPPED)], "1 packets have"),
            ([(0, TUNNEL / MAPPED)], "1 packets have"),
            ([(0, OUT() / IPv6(src=S6, dst="::198.51.100.1"))], "1 packets have"),
            ([(0, OUT() / IPv6(src=S6, dst="::2"))], "1 packets have"),
            ([(0, OUT() / IPv6(src=S6, dst="::1"))], "1 packets have"),
            ([(0, OUT() / IPv6(src=S6, dst="::"))], "1 packets have"),
            ([(0, OUT() / IPv6(src="::", dst="ff02::1") / UDP(dport=7))], "1 packets have"),
            ([(0, OUT() / IPv6(src="::", dst="::") / ICMPv6ND_NS())], "1 packets have"),
            ([(0, TUNNEL / IPv6(src="::198.51.100.1", dst=S6))], "1 packets have"),
        ],
        needs=(F6,),
        vacuous=True,
    ),
    Case(
        name="mtu_respected",
        call=lambda wire: expect.mtu_respected(wire, MAC, 1280, wire.frames[0].time if wire.frames else 0),
        good=[(0, syn(F6)), (1, sent(F6, "A", b"x" * 1220, back=True))],
        bad=[([(0, syn(F6)), (1, sent(F6, "A", b"x" * 1221, back=True))], "largest had 1281 bytes")],
    ),
    Case(
        name="path_mtu_heeded",
        call=lambda wire: expect.path_mtu_heeded(wire, 1280),
        good=[
            (0, asked(F6)),
            *((1, piece) for piece in WIDE),
            (1.001, narrow(WIDE[0])),
            *((2, piece) for piece in fragment6(LARGE, 1280)),
        ],
        bad=[
            ([*((1, piece) for piece in WIDE), (1.001, narrow(WIDE[0])), (2, WIDE[0])], "1 of 1 were bigger"),
            (
                [
                    (1, WIDE[0]),
                    (1.001, narrow(WIDE[0])),
                    *((2, piece) for piece in fragment6(LARGE, 1280)),
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
        name="tunnelled",
        call=lambda wire: expect.tunnelled(wire, "192.0.2.1", "192.0.2.2", 8080),
        good=[(0, TUNNEL / T6 / TCP(sport=40000, dport=8080, flags="S")), (1, syn(F6, dport=22))],
        bad=[
            ([(0, syn(F6))], "1 were native"),
            ([(0, TUNNEL / T6 / TCP(sport=40000, dport=8080, flags="S")), (1, syn(F6))], "1 were native"),
            ([(0, IN() / IP(src=C4, dst=S4, proto=41) / T6 / TCP(sport=40000, dport=8080))], "1 in another tunnel"),
        ],
        needs=(F6,),
    ),
    Case(
        name="nat64_destination",
        call=lambda wire: expect.nat64_destination(wire, 8080, "2001:db8:64::/96", "198.51.100.33"),
        good=[(0, OUT() / IPv6(src=S6, dst=NAT64) / TCP(sport=40000, dport=8080, flags="S"))],
        bad=[([(0, syn(F6))], S6), ([(0, syn(F4))], S4)],
        needs=(F4,),
    ),
    Case(
        name="half_close",
        call=lambda wire: expect.half_close(wire, 40000),
        good=[
            *handshake(F6),
            (1, sent(F6, "PA", b"x")),
            (2, sent(F6, "FA")),
            (3, sent(F6, "PA", b"answer", back=True)),
            (4, sent(F6, "FA", back=True)),
        ],
        bad=[
            ([*handshake(F6), (2, sent(F6, "FA")), (3, sent(F6, "FA", back=True))], "without sending"),
            ([*handshake(F6), (2, sent(F6, "FA")), (3, sent(F6, "PA", b"x", back=True))], "never sent its FIN"),
            ([*handshake(F6), (2, sent(F6, "FA")), (3, sent(F6, "R", back=True))], "the service sent RST"),
            ([*handshake(F6), (1, sent(F6, "FA", back=True)), (2, sent(F6, "FA"))], "closed before the client"),
        ],
        more_good=[[*handshake(F4), (2, sent(F4, "FA")), (3, sent(F4, "FPA", b"answer", back=True))]],
    ),
    Case(
        name="outlives_resets",
        call=lambda wire: expect.outlives_resets(wire, 8080, F6),
        good=[*handshake(F6), (1, sent(F6, "R")), *handshake(F6, 2, 40001)],
        bad=[
            ([*handshake(F6), (1, sent(F6, "R")), (2, syn(F6, 40001))], "unanswered"),
            ([*handshake(F6), (1, sent(F6, "R")), (2, syn(F6, 40001)), (3, reply(F6, "RA", 40001))], "refused"),
        ],
        more_good=[
            [*handshake(F6), (1, sent(F6, "RA")), (2, syn(F6, 40001)), *handshake(F6, 3, 40002)],
            [*handshake(F6), (1, sent(F6, "R")), *handshake(F6, 2, 40001), (3, syn(F4))],
        ],
    ),
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
    Case(
        name="present",
        call=lambda wire: expect.present(wire, expect.Template(family=F6, kind="tcp", flags=0x12, payload=False)),
        good=handshake(F6),
        bad=[(handshake(F4), "0 of 3")],
    ),
    Case(
        name="absent",
        call=lambda wire: expect.absent(wire, expect.Template(family=F4, dport=53)),
        good=handshake(F4),
        bad=[([(0, net(F4) / UDP(sport=40000, dport=53))], "1 of 1")],
        needs=(F4,),
        vacuous=True,
    ),
    Case(
        name="stays_inside",
        call=lambda wire: expect.stays_inside(wire, 8080),
        good=[(0, syn(F6, dport=22)), (1, net(F4) / UDP(sport=40000, dport=8080))],
        bad=[
            ([(0, syn(F6))], "1 packets did"),
            ([(0, syn(F4, dport=22)), (1, reply(F4, "RA"))], "1 packets did"),
            ([(0, TUNNEL / T6 / TCP(sport=40000, dport=8080, flags="S"))], "1 packets did"),
        ],
        vacuous=True,
    ),
]

EVERY = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@EVERY
def test_holds_on_a_good_capture(case: Case, make_wire: MakeWire) -> None:
    """What is as it must be is found to be so."""
    for good in [case.good, *case.more_good]:
        finding = case.call(make_wire(*good))
        assert finding.ok, finding.happened


@EVERY
def test_fails_on_a_bad_capture(case: Case, make_wire: MakeWire) -> None:
    """What is not as it must be is found, and the finding says what there was instead, with packets."""
    assert case.bad
    for bad, said in case.bad:
        finding = case.call(make_wire(*bad))
        assert not finding.ok, bad
        assert said in finding.happened
        assert finding.packets
        assert finding.expected != finding.happened


@EVERY
def test_what_is_said(case: Case, make_wire: MakeWire) -> None:
    """Every finding reads as it was read and approved: what was expected, what happened, the packets that show it.

    After a change on purpose: ``DUALSTACK_RECORD=1 pytest tests/wire/test_predicates.py``, then read the difference.
    """
    captures = [case.good, *case.more_good, *(bad for bad, _ in case.bad), []]
    said = "\n".join(_words(lambda: case.call(make_wire(*frames))) for frames in captures)  # noqa: B023 - called at once
    path = Path(__file__).with_name("findings") / f"{re.sub('[^a-z0-9]+', '-', case.name.lower())}.txt"
    if os.environ.get("DUALSTACK_RECORD"):
        path.write_text(said, encoding="utf-8")
    assert said == path.read_text(encoding="utf-8")


def _words(judge: Callable[[], Finding]) -> str:
    """Return all that a predicate says, line by line."""
    try:
        finding = judge()
    except Inconclusive as error:
        return f"inconclusive: {str(error).partition('made.pcap')[2]}\n"
    lines = [f"ok: {finding.ok}", f"expected: {finding.expected}", f"happened: {finding.happened}", *finding.packets]
    return "\n".join(lines) + "\n"


@EVERY
def test_empty_capture_proves_nothing(case: Case, make_wire: MakeWire) -> None:
    """A capture without frames and witnesses allows no statement, whatever is asked."""
    with pytest.raises(Inconclusive):
        case.call(make_wire(witnessed=()))


@EVERY
def test_live_capture_without_the_flow(case: Case, make_wire: MakeWire) -> None:
    """With witnesses but no frame only an absence is proved; everything else stays open."""
    if case.vacuous:
        assert case.call(make_wire()).ok
        return
    with pytest.raises(Inconclusive):
        case.call(make_wire())


@EVERY
def test_drops_prove_nothing(case: Case, make_wire: MakeWire) -> None:
    """Where the kernel dropped frames nothing is concluded, neither good nor bad."""
    for frames in (case.good, *(bad for bad, _ in case.bad)):
        with pytest.raises(Inconclusive, match="dropped 3 frames"):
            case.call(make_wire(*frames, drops=3))


@EVERY
def test_cut_short_file_proves_nothing(case: Case, make_wire: MakeWire) -> None:
    """Nor where the capture file is cut short."""
    with pytest.raises(Inconclusive, match="cut short"):
        case.call(make_wire(*case.good, cut=1))


@pytest.mark.parametrize("case", [case for case in CASES if case.needs], ids=lambda case: case.name)
def test_absence_needs_its_witness(case: Case, make_wire: MakeWire) -> None:
    """What is absent must have been visible: without the witnesses of that family nothing is concluded."""
    for family in case.needs:
        with pytest.raises(Inconclusive, match=f"no {family.label} witness"):
            case.call(make_wire(*case.good, witnessed=(family.other,)))
    assert case.call(make_wire(*case.good, witnessed=case.needs)).ok


def test_what_stays_inside_would_have_been_seen(make_wire: MakeWire) -> None:
    """That nothing crossed the link needs the witnesses of both families."""
    for family in BOTH:
        with pytest.raises(Inconclusive, match=f"no {family.other.label} witness"):
            expect.stays_inside(make_wire(witnessed=(family,)), 8080)


def test_another_hosts_witness_is_none(make_wire: MakeWire) -> None:
    """The witness of another host, flooded over the link, is neither a frame of the flow nor a witness here."""
    other = make_wire((1, syn(F4)))
    assert other.witnessed == frozenset(BOTH)
    wire = make_wire((1, syn(F4)), mac="02:00:5e:10:00:07")
    assert len(wire.frames) == 1
    assert read_wire(wire.path, nonce="feedbeef", mac=MAC).witnessed == frozenset()
    assert read_wire(wire.path, nonce="another", mac="02:00:5e:10:00:07").witnessed == frozenset()


def test_one_witness_is_not_enough(make_wire: MakeWire) -> None:
    """A capture that saw its witness at the start only may have died on the way."""
    wire = make_wire((1, syn(F4)))
    data = wire.path.read_bytes()
    wire.path.write_bytes(data[: data.rindex(b"dualstack-witness ipv4 stop") - 58])
    again = read_wire(wire.path, nonce="feedbeef", mac=MAC)
    assert (len(again.frames), again.witnessed, again.cut_short) == (1, frozenset(), False)


def test_attempts_are_folded(make_wire: MakeWire) -> None:
    """Retransmissions are no new attempts; a new sequence number or port is one, also between the same addresses."""
    wire = make_wire(
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


def test_icmp_error_may_be_overtaken(make_wire: MakeWire) -> None:
    """An ICMP error is an attempt's fate only if nothing better comes; "too big" is none at all."""
    too_big = net(F6, back=True) / ICMPv6PacketTooBig(mtu=1280) / syn(F6)[IPv6]
    wire = make_wire((0, syn(F6)), (0.1, unreachable(F6, syn(F6), 0)), (1, syn(F6)), (1.1, reply(F6, "SA")))
    assert expect.attempts(wire, 8080)[0].fate is expect.Fate.ANSWERED
    wire = make_wire((0, syn(F6)), (0.1, unreachable(F6, syn(F6), 0)))
    assert expect.attempts(wire, 8080)[0].fate is expect.Fate.ICMP_ERROR
    assert expect.attempts(wire, 8080)[0].error == "ICMPv6 no route to destination"
    assert expect.attempts(make_wire((0, syn(F6)), (0.1, too_big)), 8080)[0].fate is expect.Fate.UNANSWERED


def test_port_unreachable_about_tcp_is_no_rst(make_wire: MakeWire) -> None:
    """A firewall's port unreachable about a SYN is an ICMP error, not the refusal of a host."""
    wire = make_wire((0, syn(F4)), (0.1, unreachable(F4, syn(F4))))
    assert expect.attempts(wire, 8080)[0].fate is expect.Fate.ICMP_ERROR


def test_only_one_attempt_is_no_race(make_wire: MakeWire) -> None:
    """Where nobody raced nobody lost; where nobody won neither."""
    with pytest.raises(Inconclusive, match="only one attempt"):
        expect.loser_quiet(make_wire(*handshake(F6)), 8080)
    with pytest.raises(Inconclusive, match="no attempt to reach port 8080 succeeded"):
        expect.loser_quiet(make_wire((0, syn(F6)), (1, syn(F4))), 8080)


def test_families_of_flow(make_wire: MakeWire) -> None:
    """The families of a flow are those of the outer headers, in order; other ports and transports do not count."""
    wire = make_wire((0, syn(F6)), (1, reply(F4, "RA")), (2, asked(F4)))
    assert expect.families_of_flow(wire, 8080) == (F6, F4)
    assert expect.families_of_flow(wire, 8081, Transport.UDP) == (F4,)
    assert expect.families_of_flow(wire, 8081) == ()
    assert expect.families_of_flow(make_wire((0, TUNNEL / T6 / TCP(dport=8080))), 8080) == (F4,)


def test_offloaded_checksum_is_not_wrong(make_wire: MakeWire) -> None:
    """A checksum that the kernel left to its network card, the pseudo-header's sum alone, is not wrong."""
    datagram = told(F6)
    raw = bytearray(bytes(datagram))
    pseudo = raw[22:54] + (12).to_bytes(4, "big") + (17).to_bytes(4, "big")
    total = sum(int.from_bytes(pseudo[at : at + 2], "big") for at in range(0, len(pseudo), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    raw[60:62] = total.to_bytes(2, "big")
    assert expect.udp6_checksum(make_wire((0, bytes(raw))), 8081).ok
    raw[60] ^= 1
    assert not expect.udp6_checksum(make_wire((0, bytes(raw))), 8081).ok


def test_too_big_messages_are_listed(make_wire: MakeWire) -> None:
    """Both families' messages are listed with their MTU, and no other ICMP error."""
    wire = make_wire(
        (0, net(F6) / ICMPv6PacketTooBig(mtu=1280) / syn(F6)[IPv6]),
        (1, net(F4) / ICMP(type=3, code=4, nexthopmtu=1400) / syn(F4)[IP]),
        (2, unreachable(F4, syn(F4))),
    )
    assert [(one.family.number, one.src, one.mtu) for one in expect.packets_too_big(wire)] == [
        (6, C6, 1280),
        (4, C4, 1400),
    ]


@pytest.mark.parametrize(
    "said",
    [
        [],
        [(1.001, narrow(WIDE[0], mtu=1400))],
        [(1.001, OUT() / IPv6(src=S6, dst=C6) / ICMPv6PacketTooBig(mtu=1280) / WIDE[0][IPv6])],
        [(1.001, IN() / IPv6(src=C6, dst=OTHER[F6]) / ICMPv6PacketTooBig(mtu=1280) / WIDE[0][IPv6])],
    ],
    ids=["nothing", "another MTU", "by the host itself", "to another host"],
)
def test_a_hop_that_is_not_there_is_not_heeded(make_wire: MakeWire, said: list[Timed]) -> None:
    """Where packets are too large for the hop and no router says so to the host, the hop was not there."""
    with pytest.raises(Inconclusive, match="there was no such hop"):
        expect.path_mtu_heeded(make_wire((1, WIDE[0]), *said, (2, told(F6))), 1280)


def test_silence_after_a_router_has_spoken_proves_nothing(make_wire: MakeWire) -> None:
    """Whoever sends nothing after it was told has not shown that it heeds it."""
    with pytest.raises(Inconclusive, match="no IPv6 packet left"):
        expect.path_mtu_heeded(make_wire((1, WIDE[0]), (1.001, narrow(WIDE[0]))), 1280)


def test_path_mtu_over_ipv4(make_wire: MakeWire) -> None:
    """Fragmentation needed is heeded like Packet Too Big (RFC 1191 §3)."""
    large = sent(F4, "A", b"x" * 1400, back=True)
    needed = IN() / IP(src="198.51.100.65", dst=S4) / ICMP(type=3, code=4, nexthopmtu=1280) / large[IP]
    after = [(2, sent(F4, "A", b"x" * 1240, back=True))]
    assert expect.path_mtu_heeded(make_wire((1, large), (1.01, needed), *after), 1280, F4).ok
    assert not expect.path_mtu_heeded(make_wire((1, large), (1.01, needed), (2, large)), 1280, F4).ok


def test_questions_and_answers(make_wire: MakeWire) -> None:
    """Questions over UDP and TCP are listed with family, name and type, answers with their data and code."""
    query = DNS(id=5, qd=DNSQR(qname="Www.Lab.test", qtype="AAAA"))
    answer = DNS(
        id=5, qr=1, qd=DNSQR(qname="www.lab.test", qtype="AAAA"), an=[DNSRR(rrname="x", type="AAAA", rdata=S6)]
    )
    failure = DNS(id=6, qr=1, rcode=2, qd=DNSQR(qname="www.lab.test", qtype="A"))
    message = bytes(DNS(id=7, qd=DNSQR(qname="b.lab.test", qtype="A")))
    wire = make_wire(
        (0, net(F6) / UDP(sport=40000, dport=53) / query),
        (1, net(F6, back=True) / UDP(sport=53, dport=40000) / answer),
        (2, net(F4, back=True) / UDP(sport=53, dport=40000) / failure),
        (3, net(F4) / TCP(sport=40000, dport=53, flags="PA") / (len(message).to_bytes(2, "big") + message)),
        (4, net(F4) / UDP(sport=40000, dport=53) / b"?"),
    )
    asked_for = expect.dns_queries(wire)
    assert [(one.family.number, one.transport, one.name, one.type) for one in asked_for] == [
        (6, "udp", "www.lab.test", "AAAA"),
        (4, "tcp", "b.lab.test", "A"),
    ]
    assert asked_for[0].time == pytest.approx(wire.frames[0].time)
    assert [(one.rcode, one.answers) for one in expect.dns_answers(wire)] == [(0, (S6,)), (2, ())]
    with pytest.raises(Inconclusive, match="dropped"):
        expect.dns_queries(make_wire(drops=1))


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100:0"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"),
        ("64:ff9b::/96", "64:ff9b::c000:221"),
    ],
)
def test_rfc6052_table(prefix: str, expected: str) -> None:
    """All six prefix lengths give what the table of RFC 6052 §2.4 has for 192.0.2.33."""
    assert expect.embed(prefix, "192.0.2.33") == expected


def test_rfc6052_knows_six_lengths() -> None:
    """Any other prefix length is an error."""
    with pytest.raises(ValueError, match="no prefix of this length"):
        expect.embed("2001:db8::/44", "192.0.2.33")


def test_resets_without_a_later_client_prove_nothing(make_wire: MakeWire) -> None:
    """Nor do clients of whom none reset its connection, or resets of the other family."""
    for frames in (
        [*handshake(F6), (1, sent(F6, "R"))],
        [*handshake(F6), *handshake(F6, 2, 40001)],
        [*handshake(F4), (1, sent(F4, "R")), *handshake(F6, 2, 40001)],
        [*handshake(F6), (1, reply(F6, "R")), *handshake(F6, 2, 40001)],
    ):
        with pytest.raises(Inconclusive, match="no client came over IPv6 after one that reset"):
            expect.outlives_resets(make_wire(*frames), 8080, F6)


def test_a_connection_without_advertisements_proves_nothing(make_wire: MakeWire) -> None:
    """Nor does one that is younger than the first, that of another client, or an attempt before any of them."""
    for frames in (
        [*handshake(F6), *said(2), (3, ADVERTISED)],
        [(0, ADVERTISED), *handshake(F6, 1), (3, ADVERTISED), *said(4)],
        [*handshake(F6, sport=40001), (1, ADVERTISED), (3, ADVERTISED), *said(4)],
        [*handshake(F4), (1, ADVERTISED), (3, ADVERTISED)],
    ):
        with pytest.raises(Inconclusive, match=r"no SYN from .*:40000 is followed by 2 router advertisements"):
            expect.flow_outlives_advertisements(make_wire(*frames), (C6, 40000), 2)
    with pytest.raises(Inconclusive, match="nobody tried port 8080 over IPv6 after a router advertisement"):
        expect.served_amid_advertisements(make_wire(*amid()), 8080, F6)


def test_pieces_are_counted(make_wire: MakeWire) -> None:
    """Only data segments of the client's port count; fewer than were meant prove nothing."""
    pieces = [(1 + at, sent(F6, "PA", b"x")) for at in range(3)]
    wire = make_wire(*handshake(F6), *pieces, (9, LATER), (9.1, sent(F6, "PA", b"answer", back=True)))
    expect.require_pieces(wire, 40000, 3)
    with pytest.raises(Inconclusive, match="port 40000 sent 3 data segments; 4 were meant"):
        expect.require_pieces(wire, 40000, 4)
    with pytest.raises(Inconclusive, match="dropped 3 frames"):
        expect.require_pieces(make_wire(*pieces, drops=3), 40000, 3)
