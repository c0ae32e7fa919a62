"""Forging: a datagram over IPv6 whose source address is not its sender's, built by hand."""

import socket
import struct

from dualstack.checksum import internet_checksum
from dualstack.errors import HarnessError
from dualstack.prober.messages import Forge

_HOP_LIMIT = 64


def send_forged(forge: Forge) -> None:
    """Send one datagram as it is asked for; the kernel adds only the link's header.

    Raises:
        HarnessError: The kernel does not let us, or there is no way to the address.
    """
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:  # the header is ours
            raw.sendto(packet(forge), (forge.address, 0))
    except OSError as error:
        raise HarnessError(f"cannot forge a datagram from {forge.source}: {error.strerror}") from error


def packet(forge: Forge) -> bytes:
    """Return the IPv6 packet (RFC 8200 §3), with a right UDP checksum (§8.1)."""
    ends = b"".join(socket.inet_pton(socket.AF_INET6, end) for end in (forge.source, forge.address))
    payload = forge.text.encode("latin-1")
    ports, length = struct.pack("!HH", forge.source_port, forge.port), 8 + len(payload)
    pseudo = ends + struct.pack("!II", length, socket.IPPROTO_UDP)
    checksum = internet_checksum(pseudo + ports + struct.pack("!HH", length, 0) + payload) or 0xFFFF
    header = struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_UDP, _HOP_LIMIT) + ends
    return header + ports + struct.pack("!HH", length, checksum) + payload
