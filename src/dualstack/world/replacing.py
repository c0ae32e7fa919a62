"""Whether a service listens elsewhere than on the IPv6 address that it was given. Pure."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address

from dualstack.families import BOTH, Family
from dualstack.prober.messages import SocketRow

_LITERAL = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


def literal_in(text: str) -> str:
    """Return the IPv6 address in a listen address, in canonical form, including ``::``; empty if it contains none."""
    inside = re.findall(r"\[([^]%]*)", text)
    for found in (*inside, *_LITERAL.findall(text)):
        try:
            return str(IPv6Address(found))
        except ValueError:
            continue
    return ""


def replacements(rows: Iterable[SocketRow], given: str) -> list[SocketRow]:
    """Return the sockets that differ from the listen address that the service was given.

    Args:
        rows: The listener's sockets.
        given: The IPv6 address, in canonical form. With ``::``, or empty, every socket that takes IPv6 is right;
            another requirement covers whether it takes IPv4 too.
    """
    if given in ("", Family.IPV6.wildcard):
        return [row for row in rows if row.serves == {Family.IPV4}]
    return [row for row in rows if row.address != given]


def where(rows: Iterable[SocketRow]) -> str:
    """Return the addresses on which sockets listen, with the families that reach them."""
    kinds = {f"{row.address} ({' and '.join(family.label for family in BOTH if family in row.serves)})" for row in rows}
    return " and ".join(sorted(kinds))
