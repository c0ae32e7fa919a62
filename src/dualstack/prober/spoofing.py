"""A datagram over IPv6 with a spoofed source address, built by hand."""

import socket
import struct

from dualstack.checksum import internet_checksum
from dualstack.errors import HarnessError
from dualstack.prober.messages import SpoofedDatagram
from dualstack.prober.verbs import Agent, verb

_HOP_LIMIT = 64


@verb(SpoofedDatagram)
async def send_spoofed(_: Agent, request: SpoofedDatagram) -> None:
    """Send one datagram as it is described; the kernel adds only the link-layer header.

    Raises:
        HarnessError: The kernel refuses, or there is no route to the address.
    """
    try:
        with socket.socket(
            socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW
        ) as raw:  # the IPv6 header is part of the data
            raw.sendto(packet(request), (request.address, 0))
    except OSError as error:
        raise HarnessError(
            f"cannot send a datagram with the spoofed source {request.source}: {error.strerror}"
        ) from error


def packet(request: SpoofedDatagram) -> bytes:
    """Return the IPv6 packet (RFC 8200 §3), with a correct UDP checksum (§8.1)."""
    ends = b"".join(socket.inet_pton(socket.AF_INET6, end) for end in (request.source, request.address))
    payload = request.text.encode("latin-1")
    ports, length = struct.pack("!HH", request.source_port, request.port), 8 + len(payload)
    pseudo = ends + struct.pack("!II", length, socket.IPPROTO_UDP)
    checksum = internet_checksum(pseudo + ports + struct.pack("!HH", length, 0) + payload) or 0xFFFF
    header = struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_UDP, _HOP_LIMIT) + ends
    return header + ports + struct.pack("!HH", length, checksum) + payload
