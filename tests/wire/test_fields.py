"""Every field of what the headers of a frame say, one frame of each sort."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from dualstack.families import Family
from dualstack.wire.frames import Frame, parse
from dualstack.wire.headers import Icmp, Network, Quote, network_header
from dualstack.wire.witness import MARK

MAC = "02:00:5e:10:00:01"
S4, C4, S6, C6 = "198.51.100.1", "198.51.100.33", "2001:db8::1", "2001:db8::33"
LINK = Ether(src=MAC, dst="02:00:5e:10:00:02")
FOUR, SIX = LINK / IP(src=C4, dst=S4), LINK / IPv6(src=C6, dst=S6)
SEGMENT = TCP(sport=40000, dport=8080, flags="PA", seq=7, ack=9) / b"hello"
QUOTED = Quote("tcp", C4, S4, 40000, 8080, 7)


def frame(family: Family | None, kind: str, src: str = "", dst: str = "", **fields: Any) -> Frame:
    """Return the third frame of a capture, with only the given fields."""
    plain: dict[str, Any] = {"sport": 0, "dport": 0, "flags": 0, "seq": 0, "size": 0, "noise": "", "witness": ""}
    if fields.get("length"):  # of an IP packet
        plain |= {"hop_limit": 64, "next_mac": LINK.dst, "whole": family is Family.IPV6}
    return Frame(3, 1.5, MAC, family, kind, src, dst, **(plain | fields))


TCP_FIELDS: dict[str, Any] = {"sport": 40000, "dport": 8080, "flags": 0x18, "seq": 7, "ack": 9, "size": 5}
V4, V6 = Family.IPV4, Family.IPV6

FRAMES: dict[str, tuple[Any, Frame]] = {
    "arp": (LINK / ARP(psrc=C4, pdst=S4), frame(V4, "arp", C4, S4, noise="ARP")),
    "lldp": (LINK.__class__(src=MAC, dst=LINK.dst, type=0x88CC) / Raw(b"lldp"), frame(None, "other")),
    "tcp4": (FOUR / SEGMENT, frame(V4, "tcp", C4, S4, length=45, **TCP_FIELDS)),
    "tcp6": (SIX / SEGMENT, frame(V6, "tcp", C6, S6, length=65, **TCP_FIELDS)),
    "tagged": (
        LINK / Dot1Q(vlan=3) / IPv6(src=C6, dst=S6) / SEGMENT,
        frame(V6, "tcp", C6, S6, length=65, **TCP_FIELDS),
    ),
    "udp4": (FOUR / UDP(sport=1, dport=2) / b"abc", frame(V4, "udp", C4, S4, sport=1, dport=2, size=3, length=31)),
    "udp6": (SIX / UDP(sport=1, dport=2) / b"abc", frame(V6, "udp", C6, S6, sport=1, dport=2, size=3, length=51)),
    "few hops over IPv4": (
        LINK / IP(src=C4, dst=S4, ttl=1) / UDP(sport=1, dport=2),
        frame(V4, "udp", C4, S4, sport=1, dport=2, length=28, hop_limit=1),
    ),
    "few hops over IPv6": (
        LINK / IPv6(src=C6, dst=S6, hlim=2) / UDP(sport=1, dport=2),
        frame(V6, "udp", C6, S6, sport=1, dport=2, length=48, hop_limit=2),
    ),
    "not to be fragmented": (
        LINK / IP(src=C4, dst=S4, flags="DF") / UDP(sport=1, dport=2),
        frame(V4, "udp", C4, S4, sport=1, dport=2, length=28, whole=True),
    ),
    "other": (LINK / IP(src=C4, dst=S4, proto=99) / Raw(b"what"), frame(V4, "other", C4, S4, length=24)),
    "igmp": (LINK / IP(src=C4, dst=S4, proto=2) / Raw(bytes(8)), frame(V4, "other", C4, S4, length=28, noise="IGMP")),
    "no igmp": (LINK / IPv6(src=C6, dst=S6, nh=2) / Raw(bytes(8)), frame(V6, "other", C6, S6, length=48)),
    "mdns": (FOUR / UDP(sport=5353, dport=2), frame(V4, "udp", C4, S4, sport=5353, dport=2, length=28, noise="mDNS")),
    "dhcpv6": (SIX / UDP(sport=9, dport=546), frame(V6, "udp", C6, S6, sport=9, dport=546, length=48, noise="DHCPv6")),
    "no dhcpv6": (FOUR / UDP(sport=547, dport=546), frame(V4, "udp", C4, S4, sport=547, dport=546, length=28)),
    "witness": (
        FOUR / UDP(sport=9, dport=9) / (MARK + b"me"),
        frame(
            V4,
            "udp",
            C4,
            S4,
            sport=9,
            dport=9,
            size=len(MARK) + 2,
            length=30 + len(MARK),
            witness="dualstack-witness me",
        ),
    ),
    "no witness": (
        FOUR / UDP(sport=9, dport=10) / (MARK + b"me"),
        frame(V4, "udp", C4, S4, sport=9, dport=10, size=20, length=48),
    ),
    "echo": (SIX / ICMPv6EchoRequest(), frame(V6, "icmpv6", C6, S6, length=48, icmp=Icmp(128, 0))),
    "solicitation": (
        SIX / ICMPv6ND_NS(),
        frame(V6, "icmpv6", C6, S6, length=64, hop_limit=255, noise="ND", icmp=Icmp(135, 0)),
    ),
    "too big": (
        SIX / ICMPv6PacketTooBig(mtu=0x01020304) / IPv6(src=S6, dst=C6) / SEGMENT,
        frame(V6, "icmpv6", C6, S6, length=113, icmp=Icmp(2, 0, 0x01020304, Quote("tcp", S6, C6, 40000, 8080, 7))),
    ),
    "fragmentation needed": (
        FOUR / ICMP(type=3, code=4, nexthopmtu=0x0506) / IP(src=C4, dst=S4) / SEGMENT,
        frame(V4, "icmp", C4, S4, length=73, icmp=Icmp(3, 4, 0x0506, QUOTED)),
    ),
    "port unreachable": (
        FOUR / ICMP(type=3, code=3, nexthopmtu=0x0506) / IP(src=C4, dst=S4) / UDP(sport=1, dport=2) / b"abc",
        frame(V4, "icmp", C4, S4, length=59, icmp=Icmp(3, 3, 0, Quote("udp", C4, S4, 1, 2, 0))),
    ),
    "later fragment": (
        LINK / IPv6(src=C6, dst=S6) / IPv6ExtHdrFragment(nh=6, offset=1) / Raw(b"x" * 40),
        frame(V6, "tcp", C6, S6, length=88, fragment=True),
    ),
    "first fragment": (
        LINK / IPv6(src=C6, dst=S6) / IPv6ExtHdrFragment(nh=6, m=1) / SEGMENT,
        frame(V6, "tcp", C6, S6, length=73, fragment=True, **TCP_FIELDS),
    ),
    "6in4": (
        LINK / IP(src=C4, dst=S4, proto=41) / IPv6(src=C6, dst=S6) / SEGMENT,
        frame(V4, "other", C4, S4, length=85, inner=frame(V6, "tcp", C6, S6, length=65, **TCP_FIELDS)),
    ),
    "ipip": (
        LINK / IP(src=C4, dst=S4, proto=4) / IP(src=S4, dst=C4) / SEGMENT,
        frame(V4, "other", C4, S4, length=65, inner=frame(V4, "tcp", S4, C4, length=45, **TCP_FIELDS)),
    ),
}


@pytest.mark.parametrize(("packet", "expected"), FRAMES.values(), ids=FRAMES)
def test_every_field_of_a_frame(packet: Any, expected: Frame) -> None:
    """Each field says what the headers say, and those that the headers say nothing of are empty."""
    assert parse(bytes(packet), number=3, time=1.5) == expected


def test_every_field_of_a_network_header() -> None:
    """Start of the transport and end of the packet are known, also behind a VLAN tag; -1 for a later fragment."""
    plain, later = bytes(SIX / SEGMENT), bytes(FRAMES["later fragment"][0])
    assert network_header(plain, 14, V6, len(plain)) == Network(C6, S6, 6, 54, 79, 65, fragment=False, hop_limit=64)
    assert network_header(later, 14, V6, len(later)) == Network(C6, S6, 6, -1, 102, 88, fragment=True, hop_limit=64)
    tagged = bytes(FOUR / SEGMENT)
    assert network_header(b"tags" + tagged, 18, V4, 0) == Network(
        C4, S4, 6, 38, 63, 45, fragment=False, hop_limit=64, whole=False
    )


def test_a_frame_alone_is_the_first() -> None:
    """Without a place in a capture a frame has number 1 and time 0, and its length is that of its bytes."""
    seen = parse(bytes(FRAMES["tcp4"][0]))
    assert (seen.number, seen.time) == (1, 0.0)
    whole = bytes(SIX / SEGMENT)
    assert parse(whole[:18] + b"\0\0" + whole[20:]).length == len(whole) - 14


@pytest.mark.parametrize("kept", [0, 11, 12, 13, 14])
def test_a_cut_frame_has_what_was_kept(kept: int) -> None:
    """A hardware address needs twelve bytes, an EtherType two more, and a family needs that."""
    seen = parse(bytes(SIX / SEGMENT)[:kept])
    assert seen.outgoing_mac == (MAC if kept >= 12 else "")
    assert (seen.family, seen.kind) == (V6 if kept >= 14 else None, "other")
    assert (seen.src, seen.dst, seen.sport, seen.dport, seen.flags, seen.seq, seen.size) == ("", "", 0, 0, 0, 0, 0)
    assert (seen.noise, seen.witness, seen.ack, seen.length, seen.fragment) == ("", "", 0, 0, False)


def test_tunnels_are_followed_three_deep() -> None:
    """What is inside the fourth packet is not looked at."""
    packet = LINK / IP(src=C4, dst=S4, proto=4)
    for _ in range(5):
        packet /= IP(src=C4, dst=S4, proto=4)
    seen, depth = parse(bytes(packet)), 1
    while seen.inner is not None:
        seen, depth = seen.inner, depth + 1
    assert depth == 4
