"""The parts of IP packets that a translator reads and writes."""

import socket
import struct
from dataclasses import dataclass

from dualstack.checksum import internet_checksum

TCP, UDP, ICMP, ICMPV6 = socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6

IPV4_HEADER, IPV6_HEADER, FRAGMENT_HEADER = 20, 40, 8
"""Bytes of these headers, without options."""

_FRAGMENT = 44
_SKIPPED = frozenset({0, 43, 60})
"""Hop-by-hop options, routing and destination options: a translator leaves them out (RFC 7915 §5.1)."""

_SUM_AT = {TCP: 16, UDP: 6}
"""Where the checksum is in the header of a protocol that covers the addresses."""

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_DF, _MF, _OFFSET = 0x4000, 0x2000, 0x1FFF


@dataclass(frozen=True, slots=True)
class Packet:
    """An IP packet of either family.

    Attributes:
        version: 4 or 6.
        source: The source address, packed.
        target: The destination address, packed.
        traffic_class: The type of service, or traffic class.
        hops: The time to live, or hop limit.
        protocol: What the payload is.
        payload: What follows the IP headers; may be cut off in an ICMP error.
        length: The bytes that the payload has according to the header.
        identification: That of a fragment; 0 if it is none.
        offset: The offset of a fragment, in units of 8 bytes.
        more: Whether it is a fragment that others follow.
        whole: Whether no router may fragment it: DF is set, or it is IPv6 without a fragment header (RFC 7915 §5.1.1).
    """

    version: int
    source: bytes
    target: bytes
    traffic_class: int
    hops: int
    protocol: int
    payload: bytes
    length: int
    identification: int = 0
    offset: int = 0
    more: bool = False
    whole: bool = True

    @property
    def is_fragment(self) -> bool:
        """Whether it is only a part of a datagram."""
        return self.more or self.offset > 0


def read(packet: bytes) -> Packet | None:
    """Return the parts of a packet; None if it is none, or its headers are cut off or wrong."""
    if len(packet) >= IPV4_HEADER and packet[0] >> 4 == 4:  # noqa: PLR2004 - the version of IP
        return _read_ipv4(packet)
    if len(packet) >= IPV6_HEADER and packet[0] >> 4 == 6:  # noqa: PLR2004 - the version of IP
        return _read_ipv6(packet)
    return None


def _read_ipv4(packet: bytes) -> Packet | None:
    """Return the parts of an IPv4 packet; None if its header is wrong."""
    first, tos, total, number, fragment, hops, protocol, _, source, target = _IPV4.unpack_from(packet)
    size = (first & 0x0F) * 4
    if size < IPV4_HEADER or total < size or len(packet) < size:
        return None
    return Packet(
        *(4, source, target, tos, hops, protocol),
        payload=packet[size:total],
        length=total - size,
        identification=number,
        offset=fragment & _OFFSET,
        more=bool(fragment & _MF),
        whole=bool(fragment & _DF),
    )


def _read_ipv6(packet: bytes) -> Packet | None:
    """Return the parts of an IPv6 packet; None if its headers are cut off."""
    first, length, protocol, hops, source, target = _IPV6.unpack_from(packet)
    at, end, word, number, whole = IPV6_HEADER, IPV6_HEADER + length, 0, 0, True
    while protocol in _SKIPPED or protocol == _FRAGMENT:
        if at + FRAGMENT_HEADER > min(end, len(packet)):
            return None
        following, extra = packet[at], packet[at + 1]
        if protocol == _FRAGMENT:
            word, number = struct.unpack_from("!HI", packet, at + 2)
            extra, whole = 0, False
        protocol, at = following, at + (extra + 1) * 8
    return Packet(
        *(6, source, target, first >> 20 & 0xFF, hops, protocol),
        payload=packet[at:end],
        length=end - at,
        identification=number,
        offset=word >> 3,
        more=bool(word & 1),
        whole=whole,
    )


def write(packet: Packet) -> bytes:
    """Return the bytes of a packet; of IPv6 with a fragment header if it is a fragment."""
    if packet.version == 4:  # noqa: PLR2004 - the version of IP
        flags = (_DF if packet.whole else 0) | (_MF if packet.more else 0) | packet.offset
        total, number = IPV4_HEADER + packet.length, packet.identification & 0xFFFF
        fields = (0x45, packet.traffic_class, total, number, flags, packet.hops, packet.protocol)
        header = _IPV4.pack(*fields, 0, packet.source, packet.target)
        return header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:] + packet.payload
    between, protocol = b"", packet.protocol
    if packet.is_fragment:
        word = packet.offset << 3 | packet.more
        between, protocol = struct.pack("!BxHI", protocol, word, packet.identification), _FRAGMENT
    first = 6 << 28 | packet.traffic_class << 20
    length = packet.length + len(between)
    header = _IPV6.pack(first, length, protocol, packet.hops, packet.source, packet.target)
    return header + between + packet.payload


def with_sum_for(packet: Packet, source: bytes, target: bytes) -> bytes | None:
    """Return the payload of a packet with the checksum that it has between other addresses.

    Only TCP and UDP sum up the addresses, in the first fragment. None for a UDP datagram without a checksum whose
    checksum cannot be computed: IPv6 requires one, and the packet is a fragment (RFC 7915 §4.5).
    """
    at = _SUM_AT.get(packet.protocol)
    if at is None or packet.offset or len(packet.payload) < at + 2:
        return packet.payload
    (before,) = struct.unpack_from("!H", packet.payload, at)
    if packet.protocol == UDP and not before:
        if packet.is_fragment:
            return None
        after = ipv6_sum(packet.payload, source, target, UDP)
    else:
        after = (before + sum_of_words(packet.source + packet.target) - sum_of_words(source + target)) % 0xFFFF
    if packet.protocol == UDP and not after:
        after = 0xFFFF
    return packet.payload[:at] + struct.pack("!H", after) + packet.payload[at + 2 :]


def ipv6_sum(message: bytes, source: bytes, target: bytes, protocol: int) -> int:
    """Return the checksum of a message with the pseudo-header of IPv6 (RFC 8200 §8.1)."""
    return internet_checksum(source + target + struct.pack("!II", len(message), protocol) + message)


def sum_of_words(data: bytes) -> int:
    """Return the sum of the 16-bit words of addresses."""
    return sum(struct.unpack(f"!{len(data) // 2}H", data))
