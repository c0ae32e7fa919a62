"""The client's address in a service's answer or output: what group 1 of ``peer_reply`` or ``peer_log`` matches."""

import ipaddress
import re

FORMS = (
    "address, address:port (IPv4), [address]:port, /address:port (as Java writes it), ipv4:address:port and "
    "ipv6:%5Baddress%5D:port (as gRPC writes them); an IPv6 zone is left out"
)
"""The forms that are understood."""

_IPV6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]*"
_WITH_PORT = re.compile(
    r"\[(?P<bracketed>[^\[\]]+)\](?::\d{1,5})?"
    r"|(?P<ipv4>\d+\.\d+\.\d+\.\d+):\d{1,5}"
    # Without brackets, only eight groups or a zone show where the address ends (Java before version 14).
    r"|(?P<whole>(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?:%[^:\[\]]+)?):\d{1,5}"
    rf"|(?P<zoned>{_IPV6}%[^:\[\]]+):\d{{1,5}}"
)
_OF_GRPC = re.compile(
    r"(?i)ipv4:(?P<ipv4>[^:%]+:\d{1,5})|ipv6:(?:%5B|\[)(?P<ipv6>[0-9A-F:.]+(?:%25[^%]+)?)(?:%5D|\]):\d{1,5}"
)
"""The peer string of gRPC's C++ library, and of what is built on it: a URI, in which brackets may be escaped."""

_PIECE = re.compile(r"[0-9A-Fa-f:.]{2,}")
_DAMAGED = re.compile(r"[0-9A-Fa-f:.\[\]%/]*")
_NO_ADDRESS = re.compile(
    r"(?i)[(<\[]?(null|nil|none|unknown|undefined|unspec(ified)?|invalid.*|error|n/a|-|\?+)[)>\]]?"
)


def shown_address(caught: str, client: str) -> str:
    """Return the address that a service shows, as it writes it, without port and zone.

    Damaged addresses (``2001:db8:1:``) and words for no address (``(null)``) are returned unchanged: they are faults
    of the service.

    Args:
        caught: The text that group 1 matched.
        client: The client's address; it decides whether a text without brackets ends with a port.

    Raises:
        ValueError: The group matched something that is not an address in one of `FORMS`.
    """
    text = _without_scheme(caught).removeprefix("/")
    match = _WITH_PORT.fullmatch(text)
    address = (match[match.lastgroup] if match and match.lastgroup else text).partition("%")[0]
    front, _, port = address.rpartition(":")
    if ":" in front and port.isdecimal() and _parsed(address) != _parsed(client) and _is_whole(front, client, address):
        raise ValueError(
            f"group 1 matched {caught!r}: an IPv6 address and a port without brackets, which is ambiguous "
            r"(RFC 5952 §6); end the group before the port, as in from (\S+):\d+"
        )
    if _parsed(address) or _NO_ADDRESS.fullmatch(caught):
        return address if _parsed(address) else caught
    if any(_parsed(piece) for piece in _PIECE.findall(text)) or not _DAMAGED.fullmatch(text):
        raise ValueError(f"group 1 matched {caught!r}; allowed: {FORMS}")
    return caught


def _without_scheme(caught: str) -> str:
    """Return what gRPC shows of a client without the scheme of its URI; any other text unchanged."""
    match = _OF_GRPC.fullmatch(caught)
    if match is None:
        return caught
    return match["ipv4"] or match["ipv6"].replace("%25", "%")


def _is_whole(front: str, client: str, address: str) -> bool:
    """Return whether the text before the last colon is an address; if both readings are possible, the client's."""
    found = _parsed(front)
    return found is not None and (found == _parsed(client) or _parsed(address) is None)


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a text is; None if it is not one."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
