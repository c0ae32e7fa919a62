"""Texts of one address for a connector: other forms, malformed texts, and ambiguous ones. Pure."""

import ipaddress

from dualstack.world.notations import notations


def forms(address: str) -> dict[str, str]:
    """Return the forms of an IPv6 address other than the usual one, by their description (RFC 4291 §2.2)."""
    quad = ipaddress.IPv4Address(ipaddress.IPv6Address(address).packed[-4:])
    found = notations(address)
    head, _, last = address.rpartition("::")
    if "::" in address and ":" not in last:  # the group before the last one is zero
        found["with a dotted quad"] = f"{head}::{quad}"
    return found


def malformed(address: str) -> dict[str, str]:
    """Return texts that are no addresses, and become this one if a part of them is ignored, by their description."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        head, _, last = address.rpartition(".")
        return {"a number above 255": f"{head}.{int(last) + 256}", "a fifth number": f"{address}.1"}
    groups = [f"{int(part, 16):x}" for part in parsed.exploded.split(":")]
    head, _, last = address.rpartition(":")
    return {
        "a ninth group": f"{':'.join(groups)}:9",
        "a second ::": f"{address}::",
        "a group of five digits": f"{head}:{int(last, 16):05x}",
        "a prefix length": f"{address}/64",
    }


def ambiguous(address: str) -> dict[str, str]:
    """Return texts that inet_aton(3) reads as this IPv4 address, by their description.

    With a leading zero the last number is octal. It has no digit above 7, so it can also be read as decimal.
    """
    parsed = ipaddress.IPv4Address(address)
    packed = parsed.packed
    return {
        "with a leading zero": f"{address.rpartition('.')[0]}.0{packed[3]:o}",
        "as one number": str(int(parsed)),
        "in hexadecimal": ".".join(f"0x{byte:x}" for byte in packed),
        "with three parts": f"{packed[0]}.{packed[1]}.{packed[2] << 8 | packed[3]}",
    }
