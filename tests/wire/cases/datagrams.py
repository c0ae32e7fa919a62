"""Captures for the predicates on UDP: where answers come from, how they leave, what is not answered."""

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

from dualstack.families import BOTH
from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import (
    C4,
    D4,
    F4,
    F6,
    GROUPS,
    LARGE,
    OTHER,
    OUT,
    S4,
    S6,
    THIRD,
    UDP_FIXED_ZERO,
    UDP_WRONG,
    asked,
    echo,
    elsewhere,
    fragments_of,
    gone,
    net,
    spoofed,
    stranger,
    to_group,
    told,
    too_far,
)

CASES: list[Case] = [
    *(
        Case(
            name=f"udp_reply_address over {family.label}",
            call=lambda wire, family=family: expect.udp_reply_address(wire, 8081, family),  # type: ignore[misc]  # a bound default
            good=[(0, asked(family)), (0.1, told(family))],
            bad=[
                ([(0, asked(family)), (0.1, stranger(family))], OTHER[family]),
                ([(0, asked(family)), (0.1, told(family)), (0.2, stranger(family))], OTHER[family]),
                ([(0, asked(family))], "was not answered"),
                ([(0, asked(family)), (0.1, asked(family, 40001))], "from there; "),
                (
                    [(0, ask(family, sport)) for sport in (40000, 40001) for ask in (asked, elsewhere)]
                    + [(1, stranger(family, sport, THIRD[family])) for sport in (40000, 40001)],
                    f", {OTHER[family]} and was answered from {THIRD[family]}; ",
                ),
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
    *(
        Case(
            name="udp_large_answer" + (" over IPv4" if family is F4 else ""),
            call=lambda wire, family=family: expect.udp_large_answer(wire, 8081, family),  # type: ignore[misc]  # a bound default
            good=[(0, asked(family)), *((1, piece) for piece in fragments_of(LARGE[family]))],
            bad=[
                ([(0, asked(family)), (1, told(family, payload=b"x" * (most + 1)))], "1 packet larger than that left"),
                (
                    [
                        (0, asked(family)),
                        *((1, piece) for piece in fragments_of(LARGE[family])),
                        (2, told(family, payload=b"x" * (most + 1))),
                    ],
                    "1 pack",
                ),
            ],
            more_good=[
                [(0, asked(family)), (1, told(family, payload=b"x" * most))],
                [(0, told(family)), (1, told(family.other, payload=b"x" * 1473))],
            ],
        )
        for family, most in ((F6, 1232), (F4, 1472))
    ),
    *(
        Case(
            name=f"group_answered over {family.label}",
            call=lambda wire, group=GROUPS[family]: expect.group_answered(wire, group, 8081),  # type: ignore[misc]  # a bound default
            good=[(0, to_group(family)), (0.1, told(family))],
            bad=[
                ([(0, to_group(family)), (0.1, told(family, 40001))], ":40000 got no answer"),
                ([(0, to_group(family)), (0.1, to_group(family, 40001)), (0.2, told(family))], ":40001 got no answer"),
                ([(0, to_group(family)), (0.1, stranger(family, address=GROUPS[family]))], GROUPS[family]),
            ],
            more_good=[
                [(0, to_group(family)), (0.1, stranger(family)), (0.2, asked(family, 40001))],
                [(0, to_group(family)), (0.1, net(family, back=True) / UDP(sport=9000, dport=40000))],
            ],
        )
        for family in BOTH
    ),
    *(
        Case(
            name=f"udp_survives_errors over {family.label}",
            call=lambda wire, family=family: expect.udp_survives_errors(wire, 8081, family),  # type: ignore[misc]  # a bound default
            good=[(0, asked(family)), (1, told(family)), (2, gone(family)), (3, told(family, 40001))],
            bad=[
                ([(0, asked(family)), (1, told(family)), (2, gone(family)), (3, told(family))], "0 others were"),
                ([(1, told(family)), (2, gone(family)), (3, told(family.other))], "1 client was gone; 0 others"),
                ([(1, told(family)), (2, gone(family)), (2, told(family, 40001))], "1 client was gone; 0 others"),
            ],
            more_good=[
                [(1, told(family)), (2, gone(family)), (3, too_far(family, 40001)), (4, told(family, 40001))],
                [(1, told(family)), (2, gone(family)), (3, gone(family, 40001, 9)), (4, told(family, 40001))],
                [(0, echo(family)), (1, told(family)), (2, gone(family)), (3, told(family, 40001))],
            ],
        )
        for family in BOTH
    ),
    Case(
        name="udp_spoofed_unanswered",
        call=lambda wire: expect.udp_spoofed_unanswered(wire, 8081, (C4,)),
        good=[(0, spoofed(C4)), (1, asked(F6)), (2, told(F6))],
        bad=[
            ([(0, spoofed(C4)), (1, told(F4))], f"1 answer left, to {C4}"),
            ([(0, spoofed(C4)), (1, OUT() / IPv6(src=S6, dst=f"::ffff:{C4}") / UDP(sport=8081))], f"to ::ffff:{C4}"),
        ],
        needs=BOTH,
    ),
    Case(
        name="udp_spoofed_unanswered, two sources",
        call=lambda wire: expect.udp_spoofed_unanswered(wire, 8081, (C4, D4)),
        good=[(0, spoofed(C4)), (1, spoofed(D4)), (2, asked(F6)), (3, told(F6))],
        bad=[
            (
                [(0, spoofed(C4)), (1, spoofed(D4)), (2, told(F4)), (3, OUT() / IP(src=S4, dst=D4) / UDP(sport=8081))],
                f"2 answers left, to {C4}, {D4}",
            ),
        ],
        needs=BOTH,
    ),
    Case(
        name="udp6_checksum",
        call=lambda wire: expect.udp6_checksum(wire, 8081),
        good=[(0, asked(F6)), (0.1, told(F6))],
        bad=[
            ([(0, asked(F6)), (0.1, UDP_FIXED_ZERO)], "zero"),
            ([(0, asked(F6)), (0.1, UDP_WRONG)], "wrong"),
            ([(0, UDP_FIXED_ZERO), (1, UDP_WRONG), (2, told(F6))], "2 of 3 datagrams have not: wrong, zero"),
        ],
        more_good=[[(0, told(F6)), (0.1, bytes(told(F6))[:-1])]],
    ),
]
