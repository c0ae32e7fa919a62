"""``[listen.multicast]``."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from pydantic import AfterValidator, Field

from dualstack.families import Family
from dualstack.manifest.base import Table
from dualstack.manifest.faults import Fault

_RESERVED = (IPv4Address("224.0.0.0"), IPv6Address("ff02::"))
_INTERFACE_LOCAL = 0x01
_SCOPE = 1


def _ipv4_group(text: str) -> str:
    """Refuse a text that is not an IPv4 multicast address."""
    return _group(text, IPv4Address, "224.0.0.0 to 239.255.255.255")


def _ipv6_group(text: str) -> str:
    """Refuse a text that is not an IPv6 multicast address, and interface-local groups (RFC 4291 §2.7)."""
    group = _group(text, IPv6Address, "ff00::/8")
    if IPv6Address(group).packed[_SCOPE] & 0x0F <= _INTERFACE_LOCAL:
        raise ValueError(f"{text!r} does not leave its host; allowed: a scope of 2 (link) or more, e.g. ff02::1:3")
    return group


def _group(text: str, kind: type[IPv4Address] | type[IPv6Address], allowed: str) -> str:
    """Return a multicast address as the kernel writes it.

    Raises:
        ValueError: It is not a multicast address of that kind.
    """
    try:
        address = kind(text)
    except ValueError:
        address = None
    if address is None or not address.is_multicast or address in _RESERVED:
        raise ValueError(f"found {text!r}, which is not a multicast address; allowed: {allowed}")
    return str(address)


class Multicast(Table):
    """The multicast groups that a UDP listener joins, on its own port, by family (UDP-009)."""

    ipv4: Annotated[str, AfterValidator(_ipv4_group)] | None = Field(
        None, description='The IPv4 group, e.g. "239.255.0.9".'
    )
    ipv6: Annotated[str, AfterValidator(_ipv6_group)] | None = Field(
        None, description='The IPv6 group, e.g. "ff05::9".'
    )

    def group(self, family: Family) -> str | None:
        """Return the group of a family; None if it has none."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    def _has_a_group(self) -> Iterator[Fault]:
        """Refuse a table without a group."""
        if self.ipv4 is None and self.ipv6 is None:
            yield Fault((), 'neither "ipv4" nor "ipv6": at least one of them is needed')

    CHECKS = (_has_a_group,)
