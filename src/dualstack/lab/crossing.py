"""What packets meet on the way to another host: who is the first hop, and how large they may be.

`cross` runs inside a host, and asks what the network tells of packets that it does not deliver: the router of one whose
hop limit is 1, and of one that is too large; the destination of one to a port that is not open. Nothing that is sent
here makes a host remember a path MTU of an address that a case will use.
"""

import errno
import select
import socket
import struct
from dataclasses import dataclass

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.topology import LINK_MTU

_CLOSED = 9
"""A UDP port on which no host of a lab listens while it is proved: discard (RFC 863)."""

_HEADERS = {Family.IPV4: 20 + 8, Family.IPV6: 40 + 8}
"""Bytes of the headers of IP and UDP."""

_PROBE = 3
"""IP_PMTUDISC_PROBE, IPV6_PMTUDISC_PROBE: whatever is known of the path, send it whole."""


@dataclass(frozen=True, slots=True)
class _Options:
    """The socket options of a family: <linux/in.h>, <linux/in6.h>."""

    level: int
    discover: int
    errors: int
    hops: int


_OPTIONS = {
    Family.IPV4: _Options(socket.IPPROTO_IP, 10, 11, socket.IP_TTL),
    Family.IPV6: _Options(socket.IPPROTO_IPV6, 23, 25, socket.IPV6_UNICAST_HOPS),
}

_EXTENDED_ERROR = struct.Struct("=IBBBxII")
_FROM_NETWORK = frozenset({2, 3})
"""SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6."""

Told = tuple[str, str, int]
"""An ICMP error: the errno's name, the address that it came from, and the MTU that it says, 0 if none."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One host's packets to another.

    Attributes:
        source: The name of the host that sent.
        target: The address that it sent to.
        first: The address of the first hop: whoever says that the hop limit was exceeded, or the target itself; empty
            if nobody said anything.
        mtu: The largest packet that arrives, in bytes; 0 if nobody said anything.
        teller: Who said so: a router, or the target where a packet as large as the link carries arrived.
    """

    source: str
    target: str
    first: str
    mtu: int
    teller: str


def cross(target: str, far: str, deadline: Deadline) -> tuple[str, int, str]:
    """Return `Crossing.first`, `Crossing.mtu` and `Crossing.teller` of packets from this host.

    Args:
        target: The address whose first hop is wanted.
        far: The address to which a large packet is sent; its path MTU is remembered by the kernel.
        deadline: How long to wait for who says something.
    """
    _, first, _ = _send(target, 0, 1, deadline)
    error, teller, mtu = _send(far, LINK_MTU - _HEADERS[Family.of(far)], None, deadline)
    if error == "ECONNREFUSED":
        return first, LINK_MTU, teller
    return first, mtu if error == "EMSGSIZE" else 0, teller


def _send(address: str, size: int, hops: int | None, deadline: Deadline) -> Told:
    """Send a datagram of ``size`` bytes to a closed port; return what the network says of it."""
    family = Family.of(address)
    options = _OPTIONS[family]
    with socket.socket(family.af, socket.SOCK_DGRAM) as one:
        one.setsockopt(options.level, options.errors, 1)
        one.setsockopt(options.level, options.discover, _PROBE)
        if hops is not None:
            one.setsockopt(options.level, options.hops, hops)
        poller = select.poll()
        poller.register(one, 0)  # an error is always reported
        try:
            one.sendto(bytes(size), (address, _CLOSED))
            if not poller.poll(deadline.remaining * 1000):
                return "ETIMEDOUT", "", 0
            return _error(family, one)
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error)), "", 0


def _error(family: Family, one: socket.socket) -> Told:
    """Return the first error of a socket's queue that came from the network."""
    _, ancillary, _, _ = one.recvmsg(1, 512, socket.MSG_ERRQUEUE)
    for level, kind, data in ancillary:
        if (level, kind) == (_OPTIONS[family].level, _OPTIONS[family].errors):
            number, origin, _, _, info, _ = _EXTENDED_ERROR.unpack_from(data)
            at = _EXTENDED_ERROR.size + (4 if family is Family.IPV4 else 8)  # in a sockaddr
            teller = socket.inet_ntop(family.af, data[at : at + (4 if family is Family.IPV4 else 16)])
            name = errno.errorcode.get(number, str(number))
            if origin in _FROM_NETWORK:
                return name, teller, info if name == "EMSGSIZE" else 0
    return "ETIMEDOUT", "", 0
