"""The packets of which the tests of predicates make their captures; the host under test is the server."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Ether

from dualstack.families import BOTH, Family
from dualstack.wire.evidence import CaptureData
from dualstack.wire.frames import Frame, parse
from dualstack.wire.pcap import Pcap

MAC, PEER = "02:00:5e:10:00:01", "02:00:5e:10:00:02"
S4, C4, S6, C6 = "198.51.100.1", "198.51.100.33", "2001:db8:51:1::101", "2001:db8:51:1::201"
D4 = "198.51.100.34"
T4, T6 = IP(src=C4, dst=S4), IPv6(src=C6, dst=S6)
OUT, IN = partial(Ether, src=MAC, dst=PEER), partial(Ether, src=PEER, dst=MAC)

Timed = tuple[float, Any]
MakeCapture = Callable[..., CaptureData]


def read_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a capture file, one after the other; a cut-off last record is left out."""
    for number, (time, length, data) in enumerate(Pcap(path), 1):
        yield parse(data, number=number, time=time, length=length)


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
LARGE = {
    F4: net(F4, back=True) / UDP(sport=8081, dport=40000) / (b"x" * 4000),
    F6: net(F6, back=True) / IPv6ExtHdrFragment() / UDP(sport=8081, dport=40000) / (b"x" * 4000),
}
OTHER = {F4: "198.51.100.2", F6: "2001:db8:51:1::999"}
"""Another address of the server."""
THIRD = {F4: "198.51.100.3", F6: "2001:db8:51:1::333"}
"""One more."""
GROUPS = {F4: "239.255.0.9", F6: "ff05::9"}
"""Multicast groups."""


def elsewhere(family: Family, sport: int = 40000) -> Any:
    """Return a datagram to another address of the server."""
    layer: Any = IP(src=C4, dst=OTHER[F4]) if family is F4 else IPv6(src=C6, dst=OTHER[F6])
    return IN() / layer / UDP(sport=sport, dport=8081) / b"ping"


def to_group(family: Family, sport: int = 40000) -> Any:
    """Return a datagram to the server's multicast group."""
    layer: Any = IP(src=C4, dst=GROUPS[F4]) if family is F4 else IPv6(src=C6, dst=GROUPS[F6])
    return IN() / layer / UDP(sport=sport, dport=8081) / b"ping"


def stranger(family: Family, dport: int = 40000, address: str = "") -> Any:
    """Return a datagram to the client from another address of the server, or from one that is given."""
    source = address or OTHER[family]
    layer: Any = IP(src=source, dst=C4) if family is F4 else IPv6(src=source, dst=C6)
    return OUT() / layer / UDP(sport=8081, dport=dport)


def gone(family: Family, client: int = 40000, port: int = 8081) -> Any:
    """Return the ICMP port unreachable that a client which is gone has for an answer."""
    return _about_answer(family, client, port, code=3 if family is F4 else 4)


def too_far(family: Family, client: int = 40000) -> Any:
    """Return an ICMP error about an answer which is not the client's own: its network cannot be reached."""
    return _about_answer(family, client, 8081, code=0)


def _about_answer(family: Family, client: int, port: int, code: int) -> Any:
    """Return the ICMP destination unreachable with ``code`` about what left ``port`` for a client."""
    answer = net(family, back=True) / UDP(sport=port, dport=client) / b"pong"
    if family is F4:
        return net(F4) / ICMP(type=3, code=code) / answer[IP]
    return net(F6) / ICMPv6DestUnreach(code=code) / answer[IPv6]


def spoofed(address: str) -> Any:
    """Return a datagram over IPv6 to the server whose source is the mapped form of an IPv4 address."""
    return IN() / IPv6(src=f"::ffff:{address}", dst=S6) / UDP(sport=40000, dport=8081) / b"ping"


def echo(family: Family) -> Any:
    """Return an echo request, which quotes nothing."""
    return net(family) / (ICMP() if family is F4 else ICMPv6EchoRequest())


def fragments_of(packet: Any) -> list[Any]:
    """Return the fragments of a packet."""
    return list(fragment6(packet, 1500)) if IPv6 in packet else list(fragment(packet, 1480))
