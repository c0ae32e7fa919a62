"""The checksum of IP, ICMP, UDP and TCP."""

import struct


def internet_checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071."""
    total: int = sum(word for (word,) in struct.iter_unpack("!H", data + b"\0" * (len(data) % 2)))
    while total > 0xFFFF:  # noqa: PLR2004 - sixteen bits
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
