"""The textual forms of an IPv6 address, and the networks that tell two addresses apart. Pure."""

import ipaddress
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby

from dualstack.families import Family, unmapped

_LITERAL = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
"""What may be an address of either family, or begin with one."""

_IPV4_WIDE, _IPV6_WIDE = 28, 64


def notations(address: str) -> dict[str, str]:
    """Return the non-canonical textual forms of an address (RFC 4291 §2.2, RFC 5952 §2), by their description.

    An IPv4 address has no other form that all programs agree on.
    """
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return {}
    groups = [f"{int(part, 16):x}" for part in parsed.exploded.split(":")]
    found = {
        "in upper case": str(parsed).upper(),
        "without ::": ":".join(groups),
        "with leading zeros": parsed.exploded,
        "with :: at another place": _abbreviated_elsewhere(groups),
    }
    return {what: text for what, text in found.items() if text and text != str(parsed)}


def _abbreviated_elsewhere(groups: list[str]) -> str:
    """Return the address with ``::`` for the longest run of zeros except its first group; empty if there is none."""
    runs, position = list[tuple[int, int]](), 0
    for text, same in groupby(groups):
        length = len(list(same))
        runs += [(length, position)] if text == "0" else []
        position += length
    length, start = max(runs, default=(0, 0), key=lambda run: run[0])
    if length < 2:  # noqa: PLR2004 - :: stands for at least one group, and one stays
        return ""
    return f"{':'.join(groups[: start + 1])}::{':'.join(groups[start + length :])}"


def wide_network(address: str) -> str:
    """Return a network of an ordinary size that the address is in: a /28 or a /64."""
    length = _IPV4_WIDE if Family.of(address) is Family.IPV4 else _IPV6_WIDE
    return str(ipaddress.ip_network((address, length), strict=False))


def network_without(inside: str, outside: str) -> str:
    """Return the largest network that has the first address and not the second; its length need not be a whole byte."""
    one, other = ipaddress.ip_address(inside), ipaddress.ip_address(outside)
    common = one.max_prefixlen - (int(one) ^ int(other)).bit_length()
    return str(ipaddress.ip_network((inside, common + 1), strict=False))


def addresses_in(text: str) -> set[str]:
    """Return the addresses in a text, in canonical form and without zones; a port may follow each of them."""
    found = set()
    for literal in _LITERAL.findall(text):
        for candidate in _without_port(literal):
            with suppress(ValueError):
                found.add(unmapped(str(ipaddress.ip_address(candidate))))
    return found


def _without_port(literal: str) -> Iterator[str]:
    """Yield a literal without punctuation at its end, and without what may be a port."""
    bare = literal.rstrip(":.")
    yield bare
    if "." not in bare:
        yield bare.rpartition(":")[0]
