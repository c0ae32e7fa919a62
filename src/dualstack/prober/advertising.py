"""Rogue router advertisements (RFC 6104), built by hand."""

import socket
import struct

from dualstack.errors import HarnessError
from dualstack.prober.messages import Advertise
from dualstack.prober.verbs import Agent, verb

ALL_NODES = "ff02::1"

HOP_LIMIT = 255
"""Receivers drop any other hop limit: the message could come from outside the link (RFC 4861 §6.1.2)."""

_ROUTER_ADVERTISEMENT = 134
_PREFIX_INFORMATION, _PREFIX_LENGTH = 3, 64
_ON_LINK, _AUTONOMOUS = 0x80, 0x40


@verb(Advertise)
async def send_advertisement(_: Agent, request: Advertise) -> None:
    """Send one advertisement to all nodes of a link.

    The kernel adds the IPv6 header, with a link-local source since the destination is link-local (RFC 6724 §5, rule 2),
    and the checksum (RFC 3542 §3.1). This host does not receive it.

    Raises:
        HarnessError: The kernel refuses, or there is no such interface.
    """
    try:
        index = socket.if_nametoindex(request.interface)
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            raw.sendto(message(request), (ALL_NODES, 0, 0, index))
    except OSError as error:
        where = f"{request.prefix}/64 on {request.interface}"
        raise HarnessError(f"cannot advertise {where}: {error.strerror or error}") from error


def message(request: Advertise) -> bytes:
    """Return the message (RFC 4861 §4.2) with one Prefix Information option (§4.6.2) and a checksum of 0.

    The prefix is on the link, and hosts may configure addresses from it (SLAAC). Other parameters stay unspecified.
    """
    router = min(request.lifetime, 0xFFFF)
    head = struct.pack("!BBHBBHII", _ROUTER_ADVERTISEMENT, 0, 0, 0, 0, router, 0, 0)
    option = struct.pack(
        "!BBBBIII",
        _PREFIX_INFORMATION,
        4,
        _PREFIX_LENGTH,
        _ON_LINK | _AUTONOMOUS,
        request.lifetime,
        request.preferred,
        0,
    )
    return head + option + socket.inet_pton(socket.AF_INET6, request.prefix)
