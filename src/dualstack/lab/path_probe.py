"""Probes the path to another host: its first hop, its path MTU, and the hop limit that it needs.

`probe_path` and `cross` run inside a host and read the ICMP errors for packets that are not delivered: the router
reports a hop limit of 1 and a packet that is too large, the destination a closed port. No host stores the path MTU of
an address that a case will use.
"""

import errno
import select
import socket
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from dualstack.deadline import Deadline
from dualstack.families import Family

_CLOSED = 9
"""A UDP port on which no host listens during the lab proofs: discard (RFC 863)."""

_HEADERS = {Family.IPV4: 20 + 8, Family.IPV6: 40 + 8}
"""Bytes of the headers of IP and UDP."""

_PROBE = 3
"""IP_PMTUDISC_PROBE, IPV6_PMTUDISC_PROBE: send the packet whole, whatever path MTU is stored."""


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

IcmpError = tuple[str, str, int]
"""An ICMP error: the errno's name, its source address, and the MTU in it, 0 if it has none."""


@dataclass(frozen=True, slots=True)
class ProbedPath:
    """The path from one host to an address of another.

    Attributes:
        source: The name of the sending host.
        target: The destination address.
        first: The address of the first hop: the sender of Time Exceeded, or the target itself; empty without an answer.
        mtu: The path MTU in bytes; 0 without an answer.
        mtu_source: The address that reported it: a router, or the target, which got a packet of the link's MTU.
    """

    source: str
    target: str
    first: str
    mtu: int
    mtu_source: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """The path from one host to an address on another link.

    Attributes:
        source: The name of the sending host.
        target: The destination address.
        expected: The addresses, on the common link, of the first router.
        hops: The least hop limit with which a packet arrives: one more than the routers between.
        first: The address that reported that a hop limit of 1 is too small; empty without an answer.
        arrived: The address that answered a packet with that least hop limit; empty without an answer.
    """

    source: str
    target: str
    expected: frozenset[str]
    hops: int
    first: str
    arrived: str


def cross(target: str, hops: int, deadline: Deadline) -> tuple[str, str]:
    """Return `Crossing.first` and `Crossing.arrived` of the path from this host.

    Args:
        target: The address to which both packets are sent.
        hops: The hop limit of the second one.
        deadline: How long to wait for answers.
    """
    first, (error, source, _) = _send(target, 0, 1, deadline)[1], _send(target, 0, hops, deadline)
    return first, source if error == "ECONNREFUSED" else ""


def probe_path(target: str, far: str, largest: int, fits: int, deadline: Deadline) -> tuple[str, int, str]:
    """Return `ProbedPath.first`, `ProbedPath.mtu` and `ProbedPath.mtu_source` of the path from this host.

    Args:
        target: The address whose first hop is probed.
        far: The address to which a large packet is sent; the kernel stores its path MTU.
        largest: The size of that packet in bytes: the link's MTU.
        fits: The size of another packet, which is sent after it if a black hole may be on the path; 0 for none. If
            that one alone is answered, it is the path MTU.
        deadline: How long to wait for answers.
    """
    _, first, _ = _send(target, 0, 1, deadline)
    if fits:
        return first, *_last_to_arrive(far, (largest, fits), deadline)
    error, mtu_source, mtu = _send(far, largest - _HEADERS[Family.of(far)], None, deadline)
    if error == "ECONNREFUSED":
        return first, largest, mtu_source
    return first, mtu if error == "EMSGSIZE" else 0, mtu_source


def _last_to_arrive(address: str, sizes: Sequence[int], deadline: Deadline) -> tuple[int, str]:
    """Send packets of falling sizes at once; return the size of the first that is answered, and the sender of that.

    A path keeps their order, so when the last one is answered, the others are lost.
    """
    with ExitStack() as stack:
        sent = {size: stack.enter_context(_probe(Family.of(address))) for size in sizes}
        for size, one in sent.items():
            one.sendto(bytes(size - _HEADERS[Family.of(address)]), (address, _CLOSED))
        _await_error(sent[sizes[-1]], deadline)
        for size, one in sent.items():
            error, source, mtu = _error(Family.of(address), one) if _await_error(one, None) else ("", "", 0)
            if error:
                return (size if error == "ECONNREFUSED" else mtu), source
    return 0, ""


def _send(address: str, size: int, hops: int | None, deadline: Deadline) -> IcmpError:
    """Send a datagram of ``size`` bytes to a closed port; return the ICMP error for it."""
    family = Family.of(address)
    options = _OPTIONS[family]
    with _probe(family) as one:
        if hops is not None:
            one.setsockopt(options.level, options.hops, hops)
        try:
            one.sendto(bytes(size), (address, _CLOSED))
            if not _await_error(one, deadline):
                return "ETIMEDOUT", "", 0
            return _error(family, one)
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error)), "", 0


def _probe(family: Family) -> socket.socket:
    """Return a socket that sends datagrams whole and keeps the ICMP errors for them."""
    one = socket.socket(family.af, socket.SOCK_DGRAM)
    one.setsockopt(_OPTIONS[family].level, _OPTIONS[family].errors, 1)
    one.setsockopt(_OPTIONS[family].level, _OPTIONS[family].discover, _PROBE)
    return one


def _await_error(one: socket.socket, deadline: Deadline | None) -> bool:
    """Return whether an error is reported for a socket, now or until the deadline."""
    poller = select.poll()
    poller.register(one, 0)  # an error is always reported
    return bool(poller.poll(deadline.remaining * 1000 if deadline else 0))


def _error(family: Family, one: socket.socket) -> IcmpError:
    """Return the first error of a socket's queue that came from the network."""
    _, ancillary, _, _ = one.recvmsg(1, 512, socket.MSG_ERRQUEUE)
    for level, kind, data in ancillary:
        if (level, kind) == (_OPTIONS[family].level, _OPTIONS[family].errors):
            number, origin, _, _, info, _ = _EXTENDED_ERROR.unpack_from(data)
            at = _EXTENDED_ERROR.size + (4 if family is Family.IPV4 else 8)  # in a sockaddr
            source = socket.inet_ntop(family.af, data[at : at + (4 if family is Family.IPV4 else 16)])
            name = errno.errorcode.get(number, str(number))
            if origin in _FROM_NETWORK:
                return name, source, info if name == "EMSGSIZE" else 0
    return "ETIMEDOUT", "", 0
