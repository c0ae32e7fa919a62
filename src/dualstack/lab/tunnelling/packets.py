"""The packets of a tunnel: what is inside an IPv4 packet of protocol 41, and what answers one that cannot enter."""

import struct

from dualstack.checksum import internet_checksum

PROTOCOL = 41
"""IPv6 in IPv4 (RFC 4213 §3)."""

_IPV6_HEADER = 40
_ICMPV6 = 58
_UNREACHABLE, _ADDRESS = 1, 3
"""ICMPv6 destination unreachable, address unreachable (RFC 4443 §3.1): what a tunnel without its far end reports."""

_MOST_QUOTED = 1280 - _IPV6_HEADER - 8
_HOP_LIMIT = 64
_MULTICAST = 0xFF


def inside(packet: bytes) -> bytes:
    """Return the IPv6 packet inside an IPv4 packet of protocol 41; empty if there is none."""
    start = (packet[0] & 15) * 4 if packet else 0
    inner = packet[start:]
    return inner if len(inner) >= _IPV6_HEADER and inner[0] >> 4 == 6 else b""  # noqa: PLR2004 - the version


def may_be_answered(packet: bytes) -> bool:
    """Return whether an ICMPv6 error may answer a packet (RFC 4443 §2.4): it is no error, and from and to one host."""
    is_error = packet[6] == _ICMPV6 and len(packet) > _IPV6_HEADER and packet[_IPV6_HEADER] < 128  # noqa: PLR2004
    return not is_error and packet[24] != _MULTICAST and any(packet[8:24])


def unreachable(packet: bytes, source: bytes) -> bytes:
    """Return the ICMPv6 error of a router with the address ``source`` for an IPv6 packet that the tunnel loses."""
    target = packet[8:24]
    message = struct.pack("!BBHI", _UNREACHABLE, _ADDRESS, 0, 0) + packet[:_MOST_QUOTED]
    pseudo = source + target + struct.pack("!II", len(message), _ICMPV6)
    checksum = struct.pack("!H", internet_checksum(pseudo + message))
    header = struct.pack("!IHBB", 6 << 28, len(message), _ICMPV6, _HOP_LIMIT) + source + target
    return header + message[:2] + checksum + message[4:]
