"""Advertising: what a neighbour says that takes itself for a router (RFC 6104), built by hand."""

import socket
import struct

from dualstack.errors import HarnessError
from dualstack.prober.messages import Advertise

ALL_NODES = "ff02::1"

HOP_LIMIT = 255
"""With any other hop limit it would not be valid: it could have come from beyond the link (RFC 4861 §6.1.2)."""

_ROUTER_ADVERTISEMENT = 134
_PREFIX_INFORMATION, _PREFIX_LENGTH = 3, 64
_ON_LINK, _AUTONOMOUS = 0x80, 0x40


def send_advertisement(advertise: Advertise) -> None:
    """Send one advertisement to all nodes of a link.

    The kernel adds the IPv6 header, with a link-local source since the destination is link-local (RFC 6724 §5, rule 2),
    and the checksum (RFC 3542 §3.1). This host does not hear it.

    Raises:
        HarnessError: The kernel does not let us, or there is no such interface.
    """
    try:
        index = socket.if_nametoindex(advertise.interface)
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            raw.sendto(message(advertise), (ALL_NODES, 0, 0, index))
    except OSError as error:
        where = f"{advertise.prefix}/64 on {advertise.interface}"
        raise HarnessError(f"cannot advertise {where}: {error.strerror or error}") from error


def message(advertise: Advertise) -> bytes:
    """Return the message (RFC 4861 §4.2) with one Prefix Information option (§4.6.2), its checksum left to be filled.

    The prefix is on the link, and hosts may make themselves addresses of it. Nothing is said of other parameters.
    """
    router = min(advertise.lifetime, 0xFFFF)
    head = struct.pack("!BBHBBHII", _ROUTER_ADVERTISEMENT, 0, 0, 0, 0, router, 0, 0)
    option = struct.pack(
        "!BBBBIII",
        _PREFIX_INFORMATION,
        4,
        _PREFIX_LENGTH,
        _ON_LINK | _AUTONOMOUS,
        advertise.lifetime,
        advertise.preferred,
        0,
    )
    return head + option + socket.inet_pton(socket.AF_INET6, advertise.prefix)
