"""Headers of IPv4, IPv6 and ICMP: the fields that packet evidence needs."""

import functools
import socket
import struct
from dataclasses import dataclass

from dualstack.families import Family

KINDS = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6"}
"""The kind of a frame by its protocol number."""

_EXTENSIONS = frozenset({0, 43, 60, 135, 139, 140})
_FRAGMENT, _AUTHENTICATION = 44, 51
_ICMP_ERRORS = {"icmp": frozenset({3, 11, 12}), "icmpv6": frozenset({1, 2, 3, 4})}


@dataclass(frozen=True, slots=True)
class Quote:
    """The packet that an ICMP error quotes, as far as it quotes it.

    Attributes:
        kind: As in `Frame`.
        src: The source address of the quoted packet.
        dst: Its destination address.
        sport: Its source port.
        dport: Its destination port.
        seq: Its TCP sequence number.
    """

    kind: str
    src: str
    dst: str
    sport: int
    dport: int
    seq: int


PORT_UNREACHABLE = frozenset({("icmp", 3, 3), ("icmpv6", 1, 4)})
TOO_BIG = frozenset({("icmp", 3, 4), ("icmpv6", 2, 0)})
HOPS_EXCEEDED = frozenset({("icmp", 11, 0), ("icmpv6", 3, 0)})
"""Errors: the protocol, the type and the code. `TOO_BIG` is "fragmentation needed" in ICMP."""


@dataclass(frozen=True, slots=True)
class Icmp:
    """The fields of an ICMP or ICMPv6 message.

    Attributes:
        type: Its type.
        code: Its code.
        mtu: The MTU of "packet too big" (RFC 4443 §3.2) or "fragmentation needed" (RFC 1191 §4), 0 in any other.
        quoted: The packet that an error is about; None in any other message.
    """

    type: int
    code: int
    mtu: int = 0
    quoted: Quote | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A network header.

    Attributes:
        src: The source address, canonical text.
        dst: The destination address.
        protocol: The number of the transport's protocol.
        at: Where the transport begins in the frame; -1 in any fragment but the first.
        end: Where the packet ends; behind the frame's end if that was cut off.
        length: The packet's length in bytes.
        fragment: Whether it is a fragment.
        hop_limit: The hop limit; of IPv4 the time to live.
        whole: Whether routers must not fragment it: IPv6, and IPv4 with DF.
    """

    src: str
    dst: str
    protocol: int
    at: int
    end: int
    length: int
    fragment: bool
    hop_limit: int
    whole: bool = True


def network_header(data: bytes, at: int, family: Family, whole: int) -> Network | None:
    """Return the network header at ``at``, past any options and extension headers; None if it is truncated or no IP."""
    return _ipv4(data, at) if family is Family.IPV4 else _ipv6(data, at, whole)


def _ipv4(data: bytes, at: int) -> Network | None:
    """RFC 791 §3.1."""
    if len(data) < at + 20 or data[at] >> 4 != 4 or data[at] & 15 < 5:  # noqa: PLR2004 - version, least header
        return None
    total, _, fragment = struct.unpack_from("!HHH", data, at + 2)
    later = bool(fragment & 0x1FFF)
    return Network(
        src=address(data[at + 12 : at + 16]),
        dst=address(data[at + 16 : at + 20]),
        protocol=data[at + 9],
        at=-1 if later else at + (data[at] & 15) * 4,
        end=at + total,
        length=total,
        fragment=later or bool(fragment & 0x2000),
        hop_limit=data[at + 8],
        whole=bool(fragment & 0x4000),
    )


def _ipv6(data: bytes, at: int, whole: int) -> Network | None:
    """RFC 8200 §3 and §4; a payload length of 0 (jumbograms, segmentation offload) means all of the frame."""
    if len(data) < at + 40 or data[at] >> 4 != 6:  # noqa: PLR2004 - the version
        return None
    payload, protocol, hops = struct.unpack_from("!HBB", data, at + 4)
    length = 40 + payload if payload else whole - at
    src, dst = address(data[at + 8 : at + 24]), address(data[at + 24 : at + 40])
    here, fragment = at + 40, False
    while protocol in _EXTENSIONS or protocol in {_FRAGMENT, _AUTHENTICATION}:
        if len(data) < here + 8:
            here = len(data)
            break
        following, size = data[here], data[here + 1]
        if protocol == _FRAGMENT:
            fragment = True
            if int.from_bytes(data[here + 2 : here + 4], "big") >> 3:
                return Network(src, dst, following, -1, at + length, length, fragment=True, hop_limit=hops)
            here += 8
        else:
            here += (size + 2) * 4 if protocol == _AUTHENTICATION else (size + 1) * 8
        protocol = following
    return Network(src, dst, protocol, here, at + length, length, fragment, hops)


def icmp_message(data: bytes, network: Network, kind: str) -> Icmp | None:
    """Return the ICMP or ICMPv6 message behind ``network``, None if there is none."""
    at = network.at
    if kind not in _ICMP_ERRORS or at < 0 or len(data) < at + 8:
        return None
    number, code = data[at], data[at + 1]
    if number not in _ICMP_ERRORS[kind]:
        return Icmp(number, code)
    mtu = 0
    if (kind, number) == ("icmpv6", 2):
        mtu = int.from_bytes(data[at + 4 : at + 8], "big")
    if (kind, number, code) == ("icmp", 3, 4):
        mtu = int.from_bytes(data[at + 6 : at + 8], "big")
    return Icmp(number, code, mtu, _quote(data, at + 8, Family.IPV4 if kind == "icmp" else Family.IPV6))


def _quote(data: bytes, at: int, family: Family) -> Quote | None:
    """Return the packet that an ICMP error quotes; eight bytes of its transport are enough (RFC 792)."""
    quoted = network_header(data, at, family, len(data))
    if quoted is None or quoted.at < 0:
        return None
    kind, start = KINDS.get(quoted.protocol, "other"), quoted.at
    sport = dport = seq = 0
    if kind in {"tcp", "udp"} and len(data) >= start + 8:
        sport, dport, seq = struct.unpack_from("!HHI", data, start)
    return Quote(kind, quoted.src, quoted.dst, sport, dport, seq if kind == "tcp" else 0)


@functools.lru_cache(maxsize=4096)
def address(packed: bytes) -> str:
    """Return the canonical text of an address of 4 or 16 bytes (RFC 5952; mapped ones end in dotted decimals)."""
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)  # noqa: PLR2004
