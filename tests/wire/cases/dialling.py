"""Captures for the predicates on attempts: families, answers and refusals."""

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6ND_RS, IPv6
from scapy.layers.l2 import ARP

from dualstack.families import BOTH
from dualstack.transport import Transport
from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import (
    C4,
    C6,
    F4,
    F6,
    MAC,
    OUT,
    S4,
    S6,
    asked,
    handshake,
    reply,
    sent,
    syn,
    told,
    unreachable,
)

CASES: list[Case] = [
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
            ([(0, syn(F6)), (0.1, reply(F6, "SA", dport=8081))], "unanswered"),
            ([(0, syn(F6)), (0.1, reply(F6, "R"))], "unanswered"),
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
            ([(at, asked(F4, 40000 + at)) for at in range(4)], "40003"),
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
        name="no_family_from, IPv6 but ND and MLD",
        call=lambda wire: expect.no_family_from(wire, MAC, F6, frozenset({"ND", "MLD"})),
        good=[(0, OUT() / IPv6(src=S6) / ICMPv6ND_NS())],
        bad=[([(0, OUT() / IPv6(src=S6) / ICMPv6ND_RS())], "1 of the 1")],
        needs=(F6,),
        vacuous=True,
    ),
]
