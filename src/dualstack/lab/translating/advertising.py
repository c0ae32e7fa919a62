"""Router advertisements with the translator's prefix (PREF64, RFC 8781), and how a host asks for one.

A lab's hosts take neither addresses nor routes from advertisements, so these have a router lifetime of 0 and that one
option.
"""

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

from dualstack.deadline import Deadline

LIFETIME = 1800
"""Seconds for which hosts may use the prefix: longer than any lab exists, so it is not advertised again."""

_SOLICITATION, _ADVERTISEMENT = 133, 134
_ALL_NODES, _ALL_ROUTERS = "ff02::1", "ff02::2"

_HOP_LIMIT = 255
"""Receivers drop messages with another one: they could come from outside the link (RFC 4861 §6.1)."""

_OPTION, _UNIT = 38, 8
"""The type of the option, and the unit of its length in bytes, and of its lifetime in seconds (RFC 8781 §4)."""

_LENGTHS = (96, 64, 56, 48, 40, 32)
"""The prefix lengths, in the order of their codes."""

_HEAD, _PREFIX = 16, 12
"""Bytes of an advertisement before its options (RFC 4861 §4.2), and of the prefix in the option."""

_ICMPV6_FILTER = 1
_TIMEOUT = 0.5
"""Seconds after which a host asks again."""


def advertisement(prefix: str) -> bytes:
    """Return the message, with a checksum of 0: the kernel computes it (RFC 3542 §3.1)."""
    network = ipaddress.IPv6Network(prefix)
    lifetime = LIFETIME // _UNIT << 3 | _LENGTHS.index(network.prefixlen)
    option = struct.pack("!BBH", _OPTION, 2, lifetime) + network.network_address.packed[:_PREFIX]
    return struct.pack("!BBHBBHII", _ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0) + option


def prefixes_in(message: bytes) -> Iterator[str]:
    """Yield each prefix of an advertisement whose lifetime is not over; malformed options end it."""
    at = _HEAD
    while at + 2 <= len(message) and message[at + 1]:
        option = message[at : at + message[at + 1] * _UNIT]
        at += len(option)
        if option[0] == _OPTION and len(option) == 2 * _UNIT:
            lifetime = int.from_bytes(option[2:4])
            if lifetime >> 3 and lifetime & 7 < len(_LENGTHS):
                address = ipaddress.IPv6Address(option[4:] + bytes(4))
                yield str(ipaddress.IPv6Network((address, _LENGTHS[lifetime & 7]), strict=False))


class Advertiser:
    """Advertises a prefix on links: at once, whenever it changes, and to hosts that ask.

    Attributes:
        source: The socket on which solicitations arrive.
    """

    def __init__(self, interfaces: Sequence[str], prefix: str, undo: ExitStack) -> None:
        """Advertise a prefix on interfaces.

        Raises:
            OSError: The socket cannot be opened.
        """
        self.source = undo.enter_context(_opened(_SOLICITATION))
        self._interfaces = [socket.if_nametoindex(name) for name in interfaces]
        for index in self._interfaces:
            group = socket.inet_pton(socket.AF_INET6, _ALL_ROUTERS) + struct.pack("=I", index)
            self.source.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        self._prefix = prefix
        self.use(prefix)

    def use(self, prefix: str) -> None:
        """Advertise another prefix from now on."""
        self._prefix = prefix
        for index in self._interfaces:
            self._send(index)

    def answer(self) -> None:
        """Advertise the prefix on each link from which a solicitation has arrived."""
        with suppress(BlockingIOError):
            while True:
                _, _, _, sender = self.source.recvmsg(1500)
                if sender[3] in self._interfaces:
                    self._send(sender[3])

    def _send(self, index: int) -> None:
        """Send an advertisement to all nodes of a link; what the kernel cannot send is lost."""
        with suppress(OSError):
            self.source.sendto(advertisement(self._prefix), (_ALL_NODES, 0, 0, index))


def solicit(interface: str, deadline: Deadline) -> list[str]:
    """Ask the routers of a link for an advertisement; return the prefixes in the first one, none if there is none."""
    index = socket.if_nametoindex(interface)
    with _opened(_ADVERTISEMENT) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        while not deadline.expired:
            raw.sendto(struct.pack("!BBHI", _SOLICITATION, 0, 0, 0), (_ALL_ROUTERS, 0, 0, index))
            raw.settimeout(max(min(_TIMEOUT, deadline.remaining), 0.01))
            with suppress(TimeoutError):
                message, control, _, _ = raw.recvmsg(1500, 64)
                if [int.from_bytes(value, sys.byteorder) for _, _, value in control] == [_HOP_LIMIT]:
                    return list(prefixes_in(message))
    return []


def _opened(kind: int) -> socket.socket:
    """Return a socket that receives ICMPv6 messages of one type, and sends with the hop limit that they need."""
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMPV6)
    blocked = [0xFFFFFFFF] * 8
    blocked[kind >> 5] &= ~(1 << (kind & 31))
    raw.setsockopt(socket.IPPROTO_ICMPV6, _ICMPV6_FILTER, struct.pack("=8I", *blocked))
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOP_LIMIT)
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    return raw
