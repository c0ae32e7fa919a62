"""Captures for the predicate on what leaves for clients behind a router."""

from functools import partial
from typing import Any

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from dualstack.families import BOTH, Family
from dualstack.transport import Transport
from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import F4, F6, PEER, Timed, asked, reply, sent, syn, told

OTHER = "02:00:5e:10:00:03"
"""The hardware address of a host that is not the router."""


def with_hops(packet: Any, hops: int) -> Any:
    """Return a packet with another hop limit."""
    again = packet.copy()
    layer: Any = again.getlayer(IP) or again.getlayer(IPv6)
    setattr(layer, "ttl" if layer.version == 4 else "hlim", hops)
    return again


def past(packet: Any) -> Any:
    """Return a packet that is sent to another host than the router."""
    again = packet.copy()
    again[Ether].dst = OTHER
    return again


def answered(family: Family) -> list[Timed]:
    """Return a connection of a client behind the router with data."""
    return [
        (0.0, syn(family)),
        (0.001, reply(family, "SA")),
        (0.002, sent(family, "PA", b"ping")),
        (0.003, sent(family, "PA", b"pong", back=True)),
    ]


CASES: list[Case] = [
    *(
        Case(
            name=f"leaves_through_router over {family.label}",
            call=partial(expect.leaves_through_router, port=8080, family=family, router=PEER),
            good=answered(family),
            bad=[
                ([(0.0, syn(family)), (0.001, with_hops(reply(family, "SA"), 1))], f"1 of 1 have a {name} of 1"),
                (
                    [*answered(family)[:3], (0.003, with_hops(answered(family)[3][1], 31))],
                    f"1 of 2 have a {name} of 31",
                ),
                ([(0.0, syn(family)), (0.001, past(reply(family, "SA")))], f"1 of 1 were sent to {OTHER}, past the"),
            ],
            more_good=[
                [(0.0, with_hops(syn(family), 1)), (0.001, with_hops(reply(family, "SA"), 32))],
                [*answered(family), (1.0, with_hops(told(family), 1)), (1.1, with_hops(reply(family.other, "SA"), 1))],
            ],
        )
        for family, name in zip(BOTH, ("time to live", "hop limit"), strict=True)
    ),
    Case(
        name="leaves_through_router over UDP",
        call=lambda wire: expect.leaves_through_router(wire, 8081, F6, PEER.upper(), Transport.UDP),
        good=[(0, asked(F6)), (0.1, told(F6))],
        bad=[([(0, asked(F6)), (0.1, with_hops(told(F6), 1))], "1 of 1 have a hop limit of 1")],
        more_good=[[(0, asked(F6)), (0.1, told(F6)), (0.2, with_hops(told(F4), 1)), (1, with_hops(asked(F6), 1))]],
    ),
]
