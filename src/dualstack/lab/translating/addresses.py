"""Which IPv4 address stands for which IPv6 address in a translator (RFC 7757 §3, RFC 6052 §2)."""

import ipaddress
import socket
from collections.abc import Iterable

from dualstack.rfc6052 import embed, extract


class AddressMap:
    """The explicit mappings of a translator, its prefix, and the pool for hosts that have no mapping.

    Addresses are packed, as in packets. An explicit mapping is preferred to the prefix.
    """

    def __init__(self, prefix: str, explicit: Iterable[tuple[str, str]], pool: str = "") -> None:
        """Take the mappings.

        Args:
            prefix: The prefix (PREF64) that stands for the IPv4 network.
            explicit: An IPv4 address and the IPv6 address that it stands for, each.
            pool: A prefix of IPv4 addresses, of which each IPv6 host without a mapping gets one; empty for none.
        """
        pairs = [(socket.inet_aton(ipv4), socket.inet_pton(socket.AF_INET6, ipv6)) for ipv4, ipv6 in explicit]
        self._to_ipv6 = dict(pairs)
        self._to_ipv4 = {ipv6: ipv4 for ipv4, ipv6 in pairs}
        hosts = ipaddress.IPv4Network(pool).hosts() if pool else iter(())
        self._free = (host.packed for host in hosts if host.packed not in self._to_ipv6)
        self.use(prefix)

    def use(self, prefix: str) -> None:
        """Change the prefix; mappings stay.

        Raises:
            ValueError: RFC 6052 knows no prefix of this length.
        """
        embed(prefix, "0.0.0.0")
        self._prefix = ipaddress.IPv6Network(prefix)
        self._extracted: dict[bytes, bytes] = {}
        self._embedded: dict[bytes, bytes] = {}

    def is_translated(self, address: bytes) -> bool:
        """Return whether an IPv6 address stands for one of the IPv4 network."""
        return self.ipv4_of(address) is not None

    def ipv4_of(self, address: bytes, *, assign: bool = False) -> bytes | None:
        """Return the IPv4 address for an IPv6 address; None if there is none.

        Args:
            address: The IPv6 address.
            assign: Whether an address of the pool is taken for it if it has none.
        """
        known = self._to_ipv4.get(address) or self._extracted.get(address)
        if known is not None:
            return known
        text = extract(self._prefix, ipaddress.IPv6Address(address))
        if text:
            self._extracted[address] = socket.inet_aton(text)
            return self._extracted[address]
        taken = next(self._free, None) if assign else None
        if taken is not None:
            self._to_ipv4[address], self._to_ipv6[taken] = taken, address
        return taken

    def ipv6_of(self, address: bytes) -> bytes:
        """Return the IPv6 address for an IPv4 address."""
        known = self._to_ipv6.get(address) or self._embedded.get(address)
        if known is None:
            known = ipaddress.IPv6Address(embed(self._prefix, ipaddress.IPv4Address(address))).packed
            self._embedded[address] = known
        return known

    def is_mapped(self, address: bytes) -> bool:
        """Return whether an IPv4 address stands for an IPv6 host."""
        return address in self._to_ipv6
