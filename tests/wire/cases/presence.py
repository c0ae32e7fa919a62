"""Captures for the predicates on whether a frame is there, or is not."""

from scapy.layers.inet import TCP, UDP

from dualstack.families import BOTH
from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import F4, F6, T6, TUNNEL, handshake, net, reply, syn, unreachable

CASES: list[Case] = [
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
        name="absent over either family",
        call=lambda wire: expect.absent(wire, expect.Template(dport=53)),
        good=[*handshake(F4), *handshake(F6)],
        bad=[([(0, net(family) / UDP(sport=40000, dport=53))], "1 of 1") for family in BOTH],
        needs=BOTH,
        vacuous=True,
    ),
    Case(
        name="stays_inside",
        call=lambda wire: expect.stays_inside(wire, 8080),
        good=[(0, syn(F6, dport=22)), (1, net(F4) / UDP(sport=40000, dport=8080))],
        bad=[
            ([(0, syn(F6))], "1 packet did"),
            ([(0, syn(F4, dport=22)), (1, reply(F4, "RA"))], "1 packet did"),
            ([(0, TUNNEL / T6 / TCP(sport=40000, dport=8080, flags="S"))], "1 packet did"),
            *(([(0.0, unreachable(family, syn(family)))], "1 packet did") for family in BOTH),
        ],
        vacuous=True,
    ),
]
