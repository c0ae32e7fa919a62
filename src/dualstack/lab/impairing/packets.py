"""The packets of an impaired port: the SYNs that clients send, and what they get in reply."""

import socket
import struct
from dataclasses import dataclass

from dualstack.checksum import internet_checksum
from dualstack.families import Family

_TCP, _ICMP, _ICMPV6 = socket.IPPROTO_TCP, socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6

_HEADER = {Family.IPV4: 20, Family.IPV6: 40}
"""Bytes of an IP header without options; SYNs of Linux have none."""

_ADDRESSES = {Family.IPV4: (slice(12, 16), slice(16, 20)), Family.IPV6: (slice(8, 24), slice(24, 40))}

_TCP_CHECKSUM = slice(16, 18)
_PORTS = struct.Struct("!HHI")
_RESET_ACK = 0x14
_HOP_LIMIT = 64

_UNREACHABLE = {Family.IPV4: (_ICMP, 3), Family.IPV6: (_ICMPV6, 1)}
"""The protocol and the type of destination unreachable."""


@dataclass(frozen=True, slots=True)
class Syn:
    """A SYN.

    Attributes:
        family: Its family.
        source: The client's address.
        source_port: The client's port.
        target: The address that is tried.
        port: The port that is tried.
        number: Its sequence number.
        packet: The IP packet.
    """

    family: Family
    source: str
    source_port: int
    target: str
    port: int
    number: int
    packet: bytes


def read_syn(packet: bytes) -> Syn:
    """Return the SYN in an IP packet without options or extension headers."""
    family = Family.IPV4 if packet[0] >> 4 == 4 else Family.IPV6  # noqa: PLR2004 - the version of IP
    at = _HEADER[family]
    source, target = (socket.inet_ntop(family.af, packet[part]) for part in _ADDRESSES[family])
    source_port, port, number = _PORTS.unpack_from(packet, at)
    length = (
        struct.unpack_from("!H", packet, 2)[0] if family is Family.IPV4 else at + struct.unpack_from("!H", packet, 4)[0]
    )
    return Syn(family, source, source_port, target, port, number, packet[:length])


def repeat(syn: Syn) -> bytes:
    """Return the packet of a SYN with its checksum: on a virtual link the kernel leaves that to hardware."""
    at = _HEADER[syn.family]
    return syn.packet[:at] + _with_checksum(syn, syn.packet[at:], *_ADDRESSES[syn.family])


def reset(syn: Syn) -> bytes:
    """Return the packet that resets a connection attempt (RFC 9293 §3.10.7.1)."""
    segment = struct.pack(
        "!HHIIBBHHH", syn.port, syn.source_port, 0, (syn.number + 1) % (1 << 32), 5 << 4, _RESET_ACK, 0, 0, 0
    )
    source, target = _ADDRESSES[syn.family]
    return _reply(syn, _TCP, _with_checksum(syn, segment, target, source))


def unreachable(syn: Syn, code: int) -> bytes:
    """Return the packet of ICMP destination unreachable that answers a SYN (RFC 792, RFC 4443 §3.1)."""
    protocol, kind = _UNREACHABLE[syn.family]
    message = struct.pack("!BBHI", kind, code, 0, 0) + syn.packet
    pseudo = b""
    if syn.family is Family.IPV6:
        source, target = _ADDRESSES[syn.family]
        pseudo = syn.packet[target] + syn.packet[source] + struct.pack("!II", len(message), protocol)
    checksum = struct.pack("!H", internet_checksum(pseudo + message))
    return _reply(syn, protocol, message[:2] + checksum + message[4:])


def _with_checksum(syn: Syn, segment: bytes, source: slice, target: slice) -> bytes:
    """Return a TCP segment with its checksum; ``source`` and ``target`` say which address of the SYN is which."""
    blank = segment[: _TCP_CHECKSUM.start] + b"\0\0" + segment[_TCP_CHECKSUM.stop :]
    pseudo = syn.packet[source] + syn.packet[target] + struct.pack("!II", len(blank), _TCP)
    checksum = struct.pack("!H", internet_checksum(pseudo + blank))
    return blank[: _TCP_CHECKSUM.start] + checksum + blank[_TCP_CHECKSUM.stop :]


def _reply(syn: Syn, protocol: int, payload: bytes) -> bytes:
    """Return an IP packet from the address that was tried to the client."""
    at = _ADDRESSES[syn.family]
    source, target = bytes(syn.packet[at[1]]), bytes(syn.packet[at[0]])
    if syn.family is Family.IPV6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, _HOP_LIMIT) + source + target + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, _HOP_LIMIT, protocol, 0) + source + target
    return header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:] + payload
