"""IPv4 addresses inside IPv6 addresses, as translators embed them (RFC 6052 §2.2)."""

import ipaddress

LENGTHS = (32, 40, 48, 56, 64, 96)
"""The prefix lengths that RFC 6052 allows."""

_U_OCTET = 8
"""Bits 64 to 71 stay zero: the IPv4 address is written around them."""


def embed(prefix: str | ipaddress.IPv6Network, address: str | ipaddress.IPv4Address) -> str:
    """Return the IPv6 address that stands for an IPv4 address behind a translator, canonical text.

    Args:
        prefix: The translator's prefix, as ``64:ff9b::/96``.
        address: The IPv4 address.

    Raises:
        ValueError: The prefix has another length than one of `LENGTHS`.
    """
    network = ipaddress.IPv6Network(prefix)
    if network.prefixlen not in LENGTHS:
        raise ValueError(f"{network}: RFC 6052 knows no prefix of this length, only {', '.join(map(str, LENGTHS))}")
    octets = bytearray(network.network_address.packed)
    at = network.prefixlen // 8
    for octet in ipaddress.IPv4Address(address).packed:
        at += at == _U_OCTET
        octets[at] = octet
        at += 1
    return str(ipaddress.IPv6Address(bytes(octets)))
