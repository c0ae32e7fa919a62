"""A listener that is told one IPv6 address on a host that cannot use it: it is refused, or bound as it stands. Pure."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address

from dualstack.families import BOTH, Family
from dualstack.prober.messages import SocketRow

_LITERAL = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


def literal_in(text: str) -> str:
    """Return the IPv6 address in a listen address, in canonical form, also ``::``; empty if it contains none."""
    inside = re.findall(r"\[([^]%]*)", text)
    for found in (*inside, *_LITERAL.findall(text)):
        try:
            return str(IPv6Address(found))
        except ValueError:
            continue
    return ""


def replacements(rows: Iterable[SocketRow], told: str) -> list[SocketRow]:
    """Return the sockets that stand where a listener on one IPv6 address was wanted, and are another one.

    Args:
        rows: The listener's sockets.
        told: The address, in canonical form; with ``::``, or nothing, every socket that takes IPv6 is right: whether it
            takes IPv4, too, is another requirement's matter.
    """
    if told in ("", Family.IPV6.wildcard):
        return [row for row in rows if row.serves == {Family.IPV4}]
    return [row for row in rows if row.address != told]


def where(rows: Iterable[SocketRow]) -> str:
    """Return where sockets listen, with the families that reach them, in words."""
    kinds = {f"{row.address} ({' and '.join(family.label for family in BOTH if family in row.serves)})" for row in rows}
    return " and ".join(sorted(kinds))
