"""IPv4 addresses inside IPv6 addresses, as translators embed them (RFC 6052 §2.2)."""

import ipaddress

LENGTHS = (32, 40, 48, 56, 64, 96)
"""The prefix lengths that RFC 6052 allows."""

WELL_KNOWN = ipaddress.IPv6Network("64:ff9b::/96")
"""The prefix that stands for global IPv4 addresses only (RFC 6052 §3.1)."""

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
    octets = bytearray(network.network_address.packed)
    for at, octet in zip(_places(network), ipaddress.IPv4Address(address).packed, strict=True):
        octets[at] = octet
    return str(ipaddress.IPv6Address(bytes(octets)))


def extract(prefix: str | ipaddress.IPv6Network, address: str | ipaddress.IPv6Address) -> str:
    """Return the IPv4 address that an IPv6 address stands for behind a translator; empty if it stands for none.

    Raises:
        ValueError: The prefix has another length than one of `LENGTHS`.
    """
    network, whole = ipaddress.IPv6Network(prefix), ipaddress.IPv6Address(address)
    places = _places(network)
    return str(ipaddress.IPv4Address(bytes(whole.packed[at] for at in places))) if whole in network else ""


def _places(network: ipaddress.IPv6Network) -> list[int]:
    """Return the four octets of an IPv6 address that hold the IPv4 address.

    Raises:
        ValueError: The prefix has another length than one of `LENGTHS`.
    """
    if network.prefixlen not in LENGTHS:
        raise ValueError(f"{network}: RFC 6052 knows no prefix of this length, only {', '.join(map(str, LENGTHS))}")
    first = network.prefixlen // 8
    return [at for at in range(first, 16) if at != _U_OCTET][:4]
