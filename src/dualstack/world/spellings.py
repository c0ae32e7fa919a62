"""How a target that is refused can be spelt, and how a request names a target. Pure: nothing is dialled here.

What a socket makes of each spelling is Linux's and glibc's: connect() to an unspecified address reaches loopback
(ip(7), ipv6(7)), getaddrinfo() takes whatever inet_aton(3) takes, and an IPv4-mapped address is dialled over IPv4.
"""

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from dualstack.families import Family, endpoint
from dualstack.manifest import Fetch, Refused
from dualstack.prober.names import query_name
from dualstack.wire.rfc6052 import embed

NAT64 = "64:ff9b::/96"
"""The well-known prefix (RFC 6052 §2.1); it MUST NOT stand for addresses that are not global (§3.1)."""

PRIVATE = ("10.51.0.1", "fd51:51:51:1::1")
"""What the service's host is given besides its addresses, so that private targets are there."""

ALLOWED = "203.0.113.33"
"""What stands for an allowed target where private ones are refused and the link's own network is private (RFC 5737)."""

METADATA = "169.254.169.254"
"""The link-local address of IPv4 that filters are most often for: that of a cloud's metadata."""

_RFC1918 = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))

REBOUND_AFTER = (1, 2)
"""After how many answers a name is rebound: a service may look it up once for its filter, or twice."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """A target as a client names it.

    Attributes:
        host: Its host, as it stands alone: an IPv6 literal without brackets, with its zone behind ``%``.
        reaches: The address that a socket dials which follows it.
        what: What it is, in words.
        named: Whether it is a name for which the lab's name server is asked.
    """

    host: str
    reaches: str
    what: str
    named: bool = False


def request_for(fetch: Fetch, host: str, server: str, path: str = "/") -> str:
    """Return what a client sends to have ``host`` fetched.

    Args:
        fetch: How clients name what the service fetches.
        host: The target's host, as in `Spelling`.
        server: The service's own address and port, for the Host field of a request with a path.
        path: The path of the target's URL.
    """
    values = {
        "url": url_of(fetch, host, path),
        "target": endpoint(host, fetch.port),
        "host": host,
        "port": str(fetch.port),
    }
    text = fetch.request
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", quote(value, safe="") if fetch.is_path else value)
    if not fetch.is_path:
        return text
    return f"GET {text} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: dualstack\r\nAccept: */*\r\nConnection: close\r\n\r\n"


def url_of(fetch: Fetch, host: str, path: str = "/") -> str:
    """Return the URL of a target; the zone of an IPv6 literal is percent-encoded (RFC 6874 §2)."""
    return f"http://{endpoint(host.replace('%', '%25'), fetch.port)}{path}"


def added_addresses(refused: Collection[Refused]) -> tuple[str, ...]:
    """Return the addresses that the service's host must be given for every spelling to lead to it."""
    given = {
        Refused.LINK_LOCAL: (METADATA,),
        Refused.PRIVATE: PRIVATE,
        Refused.NAT64: (embed(NAT64, Family.IPV4.loopback),),
    }
    return tuple(address for kind in Refused if kind in refused for address in given[kind])


def is_private(address: str) -> bool:
    """Return whether an IPv4 address is in a network of RFC 1918."""
    return any(ipaddress.IPv4Address(address) in network for network in _RFC1918)


def spellings(refused: Collection[Refused], link_local: Sequence[str], *, names: bool) -> tuple[Spelling, ...]:
    """Return every target that the service must refuse.

    Args:
        refused: What it says that it refuses besides loopback.
        link_local: The IPv6 link-local addresses of its own host, with their zones.
        names: Whether a target may be a name.
    """
    found = [*_loopback(), *_unspecified()]
    if Refused.LINK_LOCAL in refused:
        found += [Spelling(address, address, "link-local, with its zone") for address in link_local]
        found += _ipv4(METADATA, "link-local")
    if Refused.PRIVATE in refused:
        found += [*_ipv4(PRIVATE[0], "private"), Spelling(PRIVATE[1], PRIVATE[1], "private (unique local)")]
    if Refused.NAT64 in refused:
        address = embed(NAT64, Family.IPV4.loopback)
        found.append(Spelling(address, address, "127.0.0.1 behind NAT64"))
        found.append(Spelling("64:ff9b::127.0.0.1", address, "127.0.0.1 behind NAT64, as dotted quad"))
    return (*found, *(_named() if names else ()))


def _loopback() -> list[Spelling]:
    """Return the literals of loopback addresses."""
    return [
        *_ipv4(Family.IPV4.loopback, "loopback"),
        Spelling("127.1", "127.0.0.1", "loopback in two parts"),
        Spelling("0x7f.1", "127.0.0.1", "loopback in hexadecimal"),
        Spelling("0177.0.0.1", "127.0.0.1", "loopback in octal"),
        Spelling("127.0.0.2", "127.0.0.2", "another address of the loopback network"),
        Spelling("::1", "::1", "loopback"),
        Spelling("0:0:0:0:0:0:0:1", "::1", "loopback without abbreviation"),
        Spelling("localhost", "127.0.0.1", "loopback by its name"),
    ]


def _unspecified() -> list[Spelling]:
    """Return the literals of unspecified addresses: whoever dials them reaches loopback."""
    return [
        Spelling("0.0.0.0", "0.0.0.0", "unspecified"),
        Spelling("0", "0.0.0.0", "unspecified, as one number"),
        Spelling("::", "::", "unspecified"),
        Spelling("::ffff:0.0.0.0", "::ffff:0.0.0.0", "unspecified and IPv4-mapped"),
    ]


def _ipv4(address: str, what: str) -> list[Spelling]:
    """Return the spellings that every IPv4 address has."""
    number = int(ipaddress.IPv4Address(address))
    mapped = f"::ffff:{address}"
    groups = f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}"
    return [
        Spelling(address, address, what),
        Spelling(str(number), address, f"{what}, as one number"),
        Spelling(mapped, mapped, f"{what} and IPv4-mapped"),
        Spelling(groups, mapped, f"{what} and IPv4-mapped, in hexadecimal groups"),
    ]


def _named() -> list[Spelling]:
    """Return fresh names that lead, or come to lead, to loopback addresses."""
    ipv4, ipv6 = Family.IPV4.loopback, Family.IPV6.loopback
    found = [
        Spelling(query_name(a="loopback"), ipv4, "a name whose only record is A 127.0.0.1", named=True),
        Spelling(query_name(aaaa="loopback"), ipv6, "a name whose only record is AAAA ::1", named=True),
        Spelling(
            query_name(aaaa="mapped"),
            "::ffff:127.0.0.1",
            "a name whose only record is AAAA ::ffff:127.0.0.1",
            named=True,
        ),
        Spelling(query_name(a="ok", aaaa="loopback"), ipv6, "a name with AAAA ::1 and an allowed A", named=True),
        Spelling(query_name(a="loopback", aaaa="ok"), ipv4, "a name with A 127.0.0.1 and an allowed AAAA", named=True),
    ]
    for times in REBOUND_AFTER:
        answers = "1 answer that is" if times == 1 else f"{times} answers that are"
        what = f"a name that is rebound to loopback after {answers} allowed"
        found.append(Spelling(query_name(a=f"rebind-{times}"), ipv4, f"{what} (A)", named=True))
        found.append(Spelling(query_name(aaaa=f"rebind-{times}"), ipv6, f"{what} (AAAA)", named=True))
    return found
