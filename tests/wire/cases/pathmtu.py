"""Captures for the predicate on a narrow hop: who is told of it keeps to it."""

from typing import Any

from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6, fragment6

from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import F6, IN, LARGE, S6, asked, fragments_of, told


def narrow(packet: Any, mtu: int = 1280) -> Any:
    """Return what a router on the way to the client says of an IPv6 packet that it does not forward."""
    return IN() / IPv6(src="2001:db8:51:1::301", dst=S6) / ICMPv6PacketTooBig(mtu=mtu) / bytes(packet[IPv6])[:1232]


WIDE = fragments_of(LARGE[F6])
"""An answer in fragments that are as large as the link carries."""

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
]
