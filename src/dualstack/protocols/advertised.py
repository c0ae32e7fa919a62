"""An address that an answer hands out for the clients to use, and why a client cannot use it."""

import ipaddress
import re
from dataclasses import dataclass

from dualstack.families import Family, IPAddress

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#]*)")
_BRACKETED = re.compile(r"\[([^\[\]]*)\]:(\d{1,5})")
_PLAIN = re.compile(r"([^:\[\]]+):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Advertised:
    """One address or name in an answer.

    Attributes:
        host: The address or name as the answer writes it, without a port; if the port stands in the same text, also
            without the brackets that separate it from an IPv6 address.
        port: The port; None if the answer has none, and the client uses the port that it knows.
        where: Where it stands in the answer, in words: ``broker 1``, ``c= of the session``.
        connects: Whether a client may connect to it after the exchange: not to the data port of a connection that is
            closed by then, and not to a port of RTP.
    """

    host: str
    port: int | None
    where: str
    connects: bool = True


def split_endpoint(text: str) -> tuple[str, int | None]:
    """Return the host and the port in ``host``, ``host:port``, ``[address]:port`` or a URL.

    The port is None if there is none. A text of another form is returned unchanged, as the host: an IPv6 address
    without a port, brackets without a port, a text with a port and without the brackets that it needs.
    """
    url = _URL.match(text)
    if url:
        text = re.sub(r"^\[([^\[\]]*)\]$", r"\1", url[1])  # in a URL brackets are needed without a port too
    found = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text)
    return (found[1], int(found[2])) if found else (text, None)


def parsed(host: str) -> IPAddress | None:
    """Return the address that a text is, without its zone; None if it is none."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def why_unusable(host: str, family: Family, *, inside: bool = False) -> str:
    """Return why a client of a family cannot use a host that an answer hands out; empty if it may, or if it is a name.

    Args:
        host: The host, as in `Advertised`.
        family: The client's family.
        inside: Whether the client is on the service's own host, so that it can use loopback addresses.
    """
    address = parsed(host)
    if address is None:
        return _why_no_name(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    faults = {
        "it is IPv4-mapped: such an address is never on a network (RFC 4291 §2.5.5.2)": mapped is not None,
        "it is the unspecified address, to which no client can connect": address.is_unspecified,
        f"it is an {family.other.label} address, and the client has {family.label}": Family.of(address) is not family,
        "it is a loopback address, which is the client's own host": address.is_loopback and not inside,
        "it is a link-local address, which needs a zone that only the client knows (RFC 4007 §6)": (
            address.is_link_local and family is Family.IPV6
        ),
    }
    return next((fault for fault, holds in faults.items() if holds), "")


NOT_CLOSED = "it has one bracket alone: the host is cut, as at a colon of its address (RFC 3986 §3.2.2)"


def _why_no_name(host: str) -> str:
    """Return why a text that is no address cannot be a name either; empty if it can."""
    if host.count("[") != host.count("]"):
        return NOT_CLOSED
    if "[" in host or "]" in host:
        return "it has brackets, which do not belong to the address: only URLs have them (RFC 3986 §3.2.2)"
    if ":" in host:
        return "it is no address and no name: it has a colon"
    return "" if host.strip() else "it is empty"
