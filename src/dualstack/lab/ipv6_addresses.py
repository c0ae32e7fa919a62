"""The IPv6 addresses of a network namespace, and when they can be used: read from the kernel's tables.

An address can be used when no duplicate of it is being looked for (it is not tentative, RFC 4862 §5.4), and found by
neighbours when its solicited-node group is joined: the kernel does that later, in a worker. Every function here speaks
of the calling thread's network namespace.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dualstack.prober.netlink import IFA_F_DADFAILED, IFA_F_TENTATIVE

LOOK_SECONDS = 0.001
"""Seconds to wait before looking again: no event announces that a group is joined."""

_NET = Path("/proc/thread-self/net")

_RTF_LOCAL = 0x80000000
"""The flag of a route to one of the host's addresses: <linux/ipv6_route.h>."""


@dataclass(frozen=True, slots=True)
class Ipv6Address:
    """One address of an interface.

    Attributes:
        interface: The interface's name.
        digits: The address as 32 hexadecimal digits.
        flags: Its flags: IFA_F_* of <linux/if_addr.h>.
    """

    interface: str
    digits: str
    flags: int

    def __str__(self) -> str:
        """Return the address in its shortest form (RFC 5952)."""
        return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(self.digits))

    @property
    def tentative(self) -> bool:
        """Whether duplicates of it are being looked for."""
        return bool(self.flags & IFA_F_TENTATIVE)

    @property
    def usable(self) -> bool:
        """Whether it is neither tentative nor a duplicate."""
        return not self.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)


def ipv6_addresses(interface: str = "") -> list[Ipv6Address]:
    """Return the addresses of an interface, or of all; none where the kernel has no IPv6."""
    table = _NET / "if_inet6"
    rows = [line.split() for line in table.read_text().splitlines()] if table.exists() else []
    found = [Ipv6Address(row[5], row[0], int(row[4], 16)) for row in rows]
    return [address for address in found if interface in ("", address.interface)]


def unready_address(interface: str, address: str, *, tentative: bool = False) -> str:
    """Return why neighbours do not find an address yet; empty if they do.

    Args:
        interface: The interface that has it.
        address: The address.
        tentative: Whether an address that is still tentative will do.
    """
    digits = socket.inet_pton(socket.AF_INET6, address).hex()
    found = next((item for item in ipv6_addresses(interface) if item.digits == digits), None)
    if found is None:
        return f"{address} is not on {interface}"
    if found.tentative and not tentative:
        return f"{address} is tentative"
    return _not_joined([found])


def unready_addresses(interface: str, wanted: int) -> str:
    """Return why an interface does not have ``wanted`` addresses that neighbours find; empty if it does."""
    settled = [address for address in ipv6_addresses(interface) if not address.tentative]
    if len(settled) < wanted:
        return f"{len(settled)} of {wanted} IPv6 addresses of {interface} are usable"
    return _not_joined(settled)


def _not_joined(addresses: list[Ipv6Address]) -> str:
    """Return which address has a solicited-node group (RFC 4291 §2.7.1) that is not joined yet; empty if none has."""
    joined = (_NET / "igmp6").read_text() if addresses else ""
    missing = [address for address in addresses if f"ff0200000000000000000001ff{address.digits[-6:]}" not in joined]
    return f"the solicited-node group of {missing[0]} is not joined" if missing else ""


def unrouted_address(addresses: Iterable[str]) -> str:
    """Return the first IPv6 address for which the kernel does not accept packets yet; empty if there is none.

    The kernel adds an address at once, and its route in the table ``local`` a little later.
    """
    table = _NET / "ipv6_route"
    rows = [line.split() for line in table.read_text().splitlines()] if table.exists() else []
    local = {row[0] for row in rows if int(row[8], 16) & _RTF_LOCAL}
    own = [address for address in addresses if ":" in address]
    return next((item for item in own if socket.inet_pton(socket.AF_INET6, item).hex() not in local), "")
