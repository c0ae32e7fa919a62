"""Frames of a capture, classified from their headers: streaming, fast, in constant memory."""

import struct
from dataclasses import dataclass

from dualstack.families import Family
from dualstack.wire.headers import KINDS, Icmp, Network, address, icmp_message, network_header
from dualstack.wire.witness import DISCARD, MARK

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
"""Bits of the TCP flags byte (RFC 9293 §3.1)."""

NOISE_ICMPV6 = dict.fromkeys((133, 134), "RS/RA") | dict.fromkeys((135, 136, 137), "ND")
NOISE_ICMPV6 |= dict.fromkeys((130, 131, 132, 143), "MLD")
"""ICMPv6 types that a network says by itself (RFC 4861 §4, RFC 2710 §3, RFC 3810 §5)."""

MDNS = 5353
DHCPV6 = frozenset({546, 547})
NOISE = frozenset({"ND", "MLD", "RS/RA", "ARP", "mDNS", "DHCPv6", "IGMP"})
"""Every name of noise."""

ETHERTYPE_ARP = 0x0806
_VLAN_TAGS = frozenset({0x8100, 0x88A8})
_IGMP = 2
_ENCAPSULATED = {41: 0x86DD, 4: 0x0800}
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, as its headers show it.

    Attributes:
        number: Its place in the capture, from 1.
        time: Seconds since the epoch.
        outgoing_mac: The source hardware address, ``02:00:5e:10:00:01``.
        family: By its outer EtherType, ARP counted as IPv4; None for anything else.
        kind: ``tcp``, ``udp``, ``icmp``, ``icmpv6``, ``arp`` or ``other``.
        src: The source address, canonical text; empty if there is none.
        dst: The destination address.
        sport: The source port, 0 without one.
        dport: The destination port.
        flags: The TCP flags byte.
        seq: The TCP sequence number.
        size: How many payload bytes the transport carries.
        noise: ``ND``, ``MLD``, ``RS/RA``, ``ARP``, ``mDNS``, ``DHCPv6``, ``IGMP`` or empty: what a network says by
            itself.
        witness: The text of a witness packet, empty for any other.
        ack: The TCP acknowledgement number.
        length: The length of the IP packet in bytes, 0 for anything else.
        icmp: What an ICMP or ICMPv6 message says, None for anything else.
        inner: The packet inside, if this one carries an IP packet (protocol 41 or 4).
        fragment: Whether it is a fragment; only the first one of a packet shows ports.
        hop_limit: The hop limit of the outer header (IPv4: its time to live), 0 without one.
        next_mac: The destination hardware address: that of the next hop.
        whole: Whether routers must not fragment the packet: IPv6, and IPv4 with DF (RFC 791 §3.1).
    """

    number: int
    time: float
    outgoing_mac: str
    family: Family | None
    kind: str
    src: str
    dst: str
    sport: int
    dport: int
    flags: int
    seq: int
    size: int
    noise: str
    witness: str
    ack: int = 0
    length: int = 0
    icmp: Icmp | None = None
    inner: "Frame | None" = None
    fragment: bool = False
    hop_limit: int = 0
    next_mac: str = ""
    whole: bool = True


def parse(data: bytes, *, number: int = 1, time: float = 0.0, length: int = 0) -> Frame:
    """Return what the headers of an Ethernet frame say.

    Args:
        data: Its bytes, as many as were kept.
        number: Its place in the capture.
        time: Seconds since the epoch.
        length: Its length on the wire; 0 if nothing was cut off.
    """
    ethertype, at = link(data)
    whole = len(data) >= 12  # noqa: PLR2004 - two hardware addresses
    mac, next_mac = (data[6:12].hex(":"), data[:6].hex(":")) if whole else ("", "")
    if ethertype == ETHERTYPE_ARP:
        src, dst = _arp(data, at)
        return Frame(number, time, mac, Family.IPV4, "arp", src, dst, 0, 0, 0, 0, 0, "ARP", "")
    return _packet(data, at, ethertype, (number, time, mac, next_mac, max(length, len(data))), 1)


def link(data: bytes) -> tuple[int, int]:
    """Return the EtherType behind any VLAN tags (0 in a frame too short to have one) and where its packet begins."""
    at = 12
    while len(data) >= at + 2:
        ethertype = int.from_bytes(data[at : at + 2], "big")
        if ethertype not in _VLAN_TAGS:
            return ethertype, at + 2
        at += 4
    return 0, len(data)


def _arp(data: bytes, at: int) -> tuple[str, str]:
    """Return sender and target of an ARP message for IPv4 over Ethernet (RFC 826), empty if it is cut off."""
    if len(data) < at + 28:
        return "", ""
    return address(data[at + 14 : at + 18]), address(data[at + 24 : at + 28])


def _packet(data: bytes, at: int, ethertype: int, meta: tuple[int, float, str, str, int], depth: int) -> Frame:
    """Return what the headers of an IP packet say; ``meta`` is number, time, hardware addresses and frame length."""
    number, time, mac, next_mac, whole = meta
    family = {0x0800: Family.IPV4, 0x86DD: Family.IPV6}.get(ethertype)
    network = None if family is None else network_header(data, at, family, whole)
    if family is None or network is None:
        return Frame(number, time, mac, family, "other", "", "", 0, 0, 0, 0, 0, "", "")
    kind = KINDS.get(network.protocol, "other")
    sport, dport, flags, seq, ack, size = _transport(data, network, kind)
    inner = None
    if network.protocol in _ENCAPSULATED and network.at >= 0 and depth < _DEEPEST:
        inner = _packet(data, network.at, _ENCAPSULATED[network.protocol], meta, depth + 1)
    message = icmp_message(data, network, kind)
    return Frame(
        number=number,
        time=time,
        outgoing_mac=mac,
        family=family,
        kind=kind,
        src=network.src,
        dst=network.dst,
        sport=sport,
        dport=dport,
        flags=flags,
        seq=seq,
        size=size,
        noise=_noise(network, kind, family, message, (sport, dport)),
        witness=_witness(data, network, kind, dport),
        ack=ack,
        length=network.length,
        icmp=message,
        inner=inner,
        fragment=network.fragment,
        hop_limit=network.hop_limit,
        next_mac=next_mac,
        whole=network.whole,
    )


def _transport(data: bytes, network: Network, kind: str) -> tuple[int, int, int, int, int, int]:
    """Return ports, TCP flags, sequence and acknowledgement numbers, and the payload's size; zeros without them."""
    at = network.at
    if kind == "tcp" and at >= 0 and len(data) >= at + 20:
        sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", data, at)
        return sport, dport, flags, seq, ack, max(0, network.end - at - (offset >> 4) * 4)
    if kind == "udp" and at >= 0 and len(data) >= at + 8:
        sport, dport = struct.unpack_from("!HH", data, at)
        return sport, dport, 0, 0, 0, max(0, network.end - at - 8)
    return 0, 0, 0, 0, 0, 0


def _noise(network: Network, kind: str, family: Family, message: Icmp | None, ports: tuple[int, int]) -> str:
    """Return which noise it is, if any."""
    if kind == "icmpv6" and message is not None:
        return NOISE_ICMPV6.get(message.type, "")
    if kind == "udp":
        if MDNS in ports:
            return "mDNS"
        return "DHCPv6" if family is Family.IPV6 and not DHCPV6.isdisjoint(ports) else ""
    return "IGMP" if network.protocol == _IGMP and family is Family.IPV4 else ""


def _witness(data: bytes, network: Network, kind: str, dport: int) -> str:
    """Return the text of a witness packet."""
    start = network.at + 8
    if kind != "udp" or dport != DISCARD or network.at < 0 or not data.startswith(MARK, start):
        return ""
    return data[start : network.end].decode("ascii", "replace")
