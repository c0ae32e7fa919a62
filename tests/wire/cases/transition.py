"""Captures for the predicates on where the families meet: mapped addresses, path MTU, tunnels, translators."""

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP

from dualstack.transport import Transport
from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import C4, C6, F4, F6, IN, MAC, MAPPED, NAT64, OUT, S4, S6, T6, TUNNEL, handshake, sent, syn

CASES: list[Case] = [
    Case(
        name="no_mapped_on_wire",
        call=expect.no_mapped_on_wire,
        good=[*handshake(F6), (1, OUT() / IPv6(src="::", dst="ff02::1") / ICMPv6ND_NS())],
        more_good=[
            [*handshake(F4), (1, OUT() / ARP(psrc=S4, pdst=C4)), (2, TUNNEL / T6 / TCP(sport=40000, dport=8080))],
            [(0, OUT() / IPv6(src="::ffff:0:c633:6401", dst=C6) / TCP(sport=8080))],
        ],
        bad=[
            ([(0, OUT() / MAPPED)], "1 packet has"),
            ([(0, TUNNEL / MAPPED)], "1 packet has"),
            ([(0, OUT() / IPv6(src=S6, dst="::198.51.100.1"))], "1 packet has"),
            ([(0, OUT() / IPv6(src=S6, dst="::2"))], "1 packet has"),
            ([(0, OUT() / IPv6(src=S6, dst="::1"))], "1 packet has"),
            ([(0, OUT() / IPv6(src=S6, dst="::"))], "1 packet has"),
            ([(0, OUT() / IPv6(src="::", dst="ff02::1") / UDP(dport=7))], "1 packet has"),
            ([(0, OUT() / IPv6(src="::", dst="::") / ICMPv6ND_NS())], "1 packet has"),
            ([(0, TUNNEL / IPv6(src="::198.51.100.1", dst=S6))], "1 packet has"),
        ],
        needs=(F6,),
        vacuous=True,
    ),
    Case(
        name="mtu_respected",
        call=lambda wire: expect.mtu_respected(wire, MAC, 1280, wire.frames[0].time if wire.frames else 0),
        good=[(0, syn(F6)), (1, sent(F6, "A", b"x" * 1220, back=True))],
        bad=[([(0, syn(F6)), (1, sent(F6, "A", b"x" * 1221, back=True))], "largest had 1281 bytes")],
        more_good=[
            [
                (0, sent(F6, "A", b"x" * 1221, back=True)),
                (1, sent(F6, "A", b"x" * 1221)),
                (2, sent(F4, "A", b"x" * 1241, back=True)),
                (3, sent(F6, "A", b"x", back=True)),
            ],
        ],
    ),
    Case(
        name="tunnelled",
        call=lambda wire: expect.tunnelled(wire, "192.0.2.1", "192.0.2.2", 8080),
        good=[(0, TUNNEL / T6 / TCP(sport=40000, dport=8080, flags="S")), (1, syn(F6, dport=22))],
        more_good=[
            [(0, TUNNEL / T6 / UDP(sport=40000, dport=8080)), (1, syn(F4))],
        ],
        bad=[
            ([(0, syn(F6))], "1 was native"),
            ([(0, TUNNEL / T6 / TCP(sport=40000, dport=8080, flags="S")), (1, syn(F6))], "1 was native"),
            ([(0, IN() / IP(src=C4, dst=S4, proto=41) / T6 / TCP(sport=40000, dport=8080))], "1 in another tunnel"),
        ],
        needs=(F6,),
    ),
    Case(
        name="nat64_destination",
        call=lambda wire: expect.nat64_destination(wire, 8080, "2001:db8:64::/96", "198.51.100.33"),
        good=[(0, OUT() / IPv6(src=S6, dst=NAT64) / TCP(sport=40000, dport=8080, flags="S"))],
        bad=[([(0, syn(F6))], S6), ([(0, syn(F4))], S4), ([(0, syn(F6)), (1, syn(F4))], "unanswered; ")],
        needs=(F4,),
    ),
    Case(
        name="nat64_destination_of_several",
        call=lambda wire: expect.nat64_destination(
            wire, 8081, ("3fff:64::/32", "2001:db8:64::/96"), "198.51.100.33", Transport.UDP
        ),
        good=[(0, OUT() / IPv6(src=S6, dst=NAT64) / UDP(sport=40000, dport=8081))],
        more_good=[[(0, OUT() / IPv6(src=S6, dst="3fff:64:c633:6421::") / UDP(sport=40000, dport=8081))]],
        bad=[
            ([(0, OUT() / IPv6(src=S6, dst="3fff:64::c633:6421") / UDP(sport=40000, dport=8081))], "c633:6421]:8081"),
        ],
        needs=(F4,),
    ),
]
