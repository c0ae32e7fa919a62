"""Counts the frames of each family on an interface, and those of tunnels."""

import errno
import socket
from collections.abc import Iterator

from dualstack.families import BOTH, Family

_ETHERTYPES = {0x0800: Family.IPV4, 0x0806: Family.IPV4, 0x86DD: Family.IPV6}
"""The family of each EtherType: IPv4, ARP, IPv6."""

TUNNELLED = "6in4"
"""The key of IPv4 packets that carry IPv6 packets."""

TO_ALL = "to all"
"""The key of what other hosts send to all or to a group, of whatever family."""

_PROTOCOL_41 = 41

_HOP_BY_HOP, _REPORT = 0, b"\x8f"
"""The next header of a packet with hop-by-hop options, and the type of an MLDv2 report (RFC 3810 §5.2)."""

_ALL_FRAMES = 0x0003
"""ETH_P_ALL."""

_BROADCAST, _MULTICAST, _OTHER_HOST, _OUTGOING = 1, 2, 3, 4
"""PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST and PACKET_OUTGOING: the direction of a frame, packet(7)."""


def watch(interface: str) -> socket.socket:
    """Return a socket that gets every frame of an interface, in both directions, from now on.

    Until it is bound it gets nothing: a packet socket that is made for a protocol gets the frames of all interfaces.
    """
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    tap.bind((interface, _ALL_FRAMES))
    return tap


def count(tap: socket.socket) -> dict[str, int]:
    """Return the number of frames of each family that a socket of `watch` has got, from or for its interface.

    ARP is IPv4. IPv4 packets that carry IPv6 packets count again, as `TUNNELLED`. What others send to many hosts counts
    as `TO_ALL` here, and by family where it is sent: in docker labs it also passes links of the other family. So do the
    frames of an interface on top of this one, which do not count. Nor do the kernel's own reports of its multicast
    groups, which it sends for up to 2 s after an interface came up (RFC 3810 §6.1): in docker labs IPv6 cannot be
    disabled on one interface alone.
    """
    counts = {**{family.value: 0 for family in BOTH}, TUNNELLED: 0, TO_ALL: 0}
    own = tap.getsockname()[-1]
    for frame, direction in _frames(tap):
        ethertype = int.from_bytes(frame[12:14], "big")
        kind = _ETHERTYPES.get(ethertype)
        if kind is None or direction == _OTHER_HOST or (direction == _OUTGOING and frame[6:12] != own):
            continue
        if kind is Family.IPV6 and is_report(frame):
            continue
        if direction in (_BROADCAST, _MULTICAST):
            counts[TO_ALL] += 1
            continue
        counts[kind.value] += 1
        if ethertype == Family.IPV4.ethertype and frame[23] == _PROTOCOL_41:
            counts[TUNNELLED] += 1
    return counts


def is_report(frame: bytes) -> bool:
    """Return whether an Ethernet frame with an IPv6 packet, or its first 63 bytes, is an MLDv2 report."""
    return frame[20] == _HOP_BY_HOP and frame[54:55] == bytes([socket.IPPROTO_ICMPV6]) and frame[62:63] == _REPORT


def _frames(tap: socket.socket) -> Iterator[tuple[bytes, int]]:
    """Yield what a socket has got, and the direction; that its interface went down is reported once, before that."""
    while True:
        try:
            frame, (_, _, direction, _, _) = tap.recvfrom(64)
            yield frame, direction
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENETDOWN:
                raise
