"""ICMP messages and what stands for them in the other family (RFC 7915 §4.2, §5.2)."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

ECHO = {(4, 8): 128, (4, 0): 129, (6, 128): 8, (6, 129): 0}
"""The type that stands for one of echo request and reply, by the version of IP and the type."""

UNREACHABLE, TOO_BIG, TIME_EXCEEDED, PARAMETER = 1, 2, 3, 4
"""Types of ICMPv6 errors (RFC 4443)."""

UNREACHABLE_V4, TIME_EXCEEDED_V4, PARAMETER_V4 = 3, 11, 12
"""Types of ICMP errors (RFC 792)."""

FRAGMENTATION_NEEDED = 4
"""The code of ICMP destination unreachable that is about the size of a packet."""

ADMINISTRATIVELY_PROHIBITED, POLICY_FAILED = 1, 5
_NO_ROUTE, _PROHIBITED, _PORT, _NEXT_HEADER = 0, 1, 4, 1

_PROTOCOL_UNREACHABLE = 2

_TO_IPV6: Mapping[int, tuple[int, int]] = {
    **dict.fromkeys((0, 1, 5, 6, 7, 8, 11, 12), (UNREACHABLE, _NO_ROUTE)),
    _PROTOCOL_UNREACHABLE: (PARAMETER, _NEXT_HEADER),
    3: (UNREACHABLE, _PORT),
    FRAGMENTATION_NEEDED: (TOO_BIG, 0),
    **dict.fromkeys((9, 10, 13, 15), (UNREACHABLE, _PROHIBITED)),
}
"""Type and code of ICMPv6 for each code of ICMP destination unreachable that is translated."""

_TO_IPV4: Mapping[int, int] = {0: 1, 1: 10, 2: 1, 3: 1, 4: 3}
"""The code of ICMP destination unreachable for each code of ICMPv6 destination unreachable that is translated."""

_POINTERS = {
    0: 0,
    1: 1,
    2: 4,
    3: 4,
    6: 7,
    8: 6,
    9: 6,
    **dict.fromkeys(range(12, 16), 8),
    **dict.fromkeys(range(16, 20), 24),
}
"""Where in an IPv6 header stands what an octet of an IPv4 header has (RFC 7915 figure 3)."""

_POINTERS_V4 = {
    0: 0,
    1: 1,
    4: 2,
    5: 2,
    6: 9,
    7: 8,
    **dict.fromkeys(range(8, 24), 12),
    **dict.fromkeys(range(24, 40), 16),
}
"""Where in an IPv4 header stands what an octet of an IPv6 header has (RFC 7915 figure 6)."""

_NEXT_HEADER_AT = 6
_PLATEAUS = (1492, 1006, 508, 296, 68)
"""Sizes of packets for routers that do not say their MTU, those up to Ethernet's (RFC 1191 §7)."""

_HEADERS_DIFFER = 20
_LEAST_IPV6 = 1280


@dataclass(frozen=True, slots=True)
class Error:
    """An ICMP error without the packet that it quotes.

    Attributes:
        type: Its type.
        code: Its code.
        info: The four bytes after its checksum, as a number.
    """

    type: int
    code: int
    info: int = 0

    @property
    def head(self) -> bytes:
        """Its first eight bytes, with a checksum of zero."""
        return struct.pack("!BBHI", self.type, self.code, 0, self.info)


def error_to_ipv6(message: bytes, inner: int, mtus: tuple[int, int]) -> Error | None:
    """Return the ICMPv6 error for an ICMP error; None if there is none.

    Args:
        message: The ICMP message.
        inner: The bytes of the packet that it quotes, as its header says.
        mtus: The MTUs of the IPv4 and the IPv6 link.
    """
    kind, code, _, info = struct.unpack_from("!BBHI", message)
    if kind == TIME_EXCEEDED_V4:
        return Error(TIME_EXCEEDED, code)
    if kind == PARAMETER_V4 and code in (0, 2):
        pointer = _POINTERS.get(info >> 24)
        return None if pointer is None else Error(PARAMETER, 0, pointer)
    if kind != UNREACHABLE_V4 or code not in _TO_IPV6:
        return None
    type6, code6 = _TO_IPV6[code]
    if type6 == PARAMETER:
        return Error(type6, code6, _NEXT_HEADER_AT)
    if type6 == TOO_BIG:
        known = info & 0xFFFF or next((size for size in _PLATEAUS if size < inner), _PLATEAUS[-1])
        return Error(type6, code6, max(_LEAST_IPV6, min(known + _HEADERS_DIFFER, mtus[1], mtus[0] + _HEADERS_DIFFER)))
    return Error(type6, code6)


def error_to_ipv4(message: bytes, mtus: tuple[int, int]) -> Error | None:
    """Return the ICMP error for an ICMPv6 error; None if there is none.

    Args:
        message: The ICMPv6 message.
        mtus: The MTUs of the IPv4 and the IPv6 link.
    """
    kind, code, _, info = struct.unpack_from("!BBHI", message)
    if kind == UNREACHABLE and code in _TO_IPV4:
        return Error(UNREACHABLE_V4, _TO_IPV4[code])
    if kind == TOO_BIG:
        mtu = min(info - _HEADERS_DIFFER, mtus[0], mtus[1] - _HEADERS_DIFFER)
        return Error(UNREACHABLE_V4, FRAGMENTATION_NEEDED, mtu)
    if kind == TIME_EXCEEDED:
        return Error(TIME_EXCEEDED_V4, code)
    if kind == PARAMETER and code == _NEXT_HEADER:
        return Error(UNREACHABLE_V4, _PROTOCOL_UNREACHABLE)
    if kind == PARAMETER and not code and info in _POINTERS_V4:
        return Error(PARAMETER_V4, 0, _POINTERS_V4[info] << 24)
    return None


def is_error(version: int, message: bytes) -> bool:
    """Return whether an ICMP message of the family is an error, which is never answered by another."""
    if not message:
        return True
    errors = (UNREACHABLE_V4, 4, 5, TIME_EXCEEDED_V4, PARAMETER_V4)
    return message[0] in errors if version == 4 else message[0] < 128  # noqa: PLR2004 - RFC 4443 §2.1
