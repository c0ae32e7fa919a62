"""Witness packets: known frames that prove that a capture works and records what leaves the host.

A witness is a valid UDP datagram between documentation addresses (RFC 5737, RFC 3849). No interface has its destination
hardware address, so every host drops it.
"""

import socket
import struct

from dualstack.checksum import internet_checksum
from dualstack.families import BOTH, Family

MARK = b"dualstack-witness "
"""The beginning of the payload of every witness."""

UNUSED_MAC = bytes.fromhex("02005effffee")
"""The destination hardware address: locally administered, unicast, and unused."""

DISCARD = 9
"""Both ports of a witness: the discard service (RFC 863)."""

_ENDS = {
    Family.IPV4: ("192.0.2.253", "192.0.2.254"),
    Family.IPV6: ("2001:db8:ffff:ffff::253", "2001:db8:ffff:ffff::254"),
}


def text(family: Family, moment: str, nonce: str) -> str:
    """Return the text of the witness of ``family`` at ``moment`` (``start`` or ``stop``)."""
    return f"{MARK.decode()}{family.value} {moment} {nonce}"


def witnesses(mac: bytes, moment: str, nonce: str) -> dict[Family, bytes]:
    """Return one frame for each family, from the hardware address ``mac``."""
    return {family: frame(family, mac, text(family, moment, nonce).encode()) for family in BOTH}


def frame(family: Family, mac: bytes, payload: bytes) -> bytes:
    """Return a whole Ethernet frame: a UDP datagram with ``payload`` and valid checksums."""
    src, dst = (socket.inet_pton(family.af, end) for end in _ENDS[family])
    length = 8 + len(payload)
    pseudo = src + dst + struct.pack("!II", length, socket.IPPROTO_UDP)
    datagram = struct.pack("!HHHH", DISCARD, DISCARD, length, 0) + payload
    checksum = internet_checksum(pseudo + datagram) or 0xFFFF
    datagram = datagram[:6] + struct.pack("!H", checksum) + payload
    ethernet = UNUSED_MAC + mac + struct.pack("!H", family.ethertype)
    if family is Family.IPV6:
        return ethernet + struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_UDP, 1) + src + dst + datagram
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 1, socket.IPPROTO_UDP, 0) + src + dst
    header = header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:]
    return ethernet + header + datagram
