"""The obfuscated forms of targets that a service must refuse, and the requests that name a target. Pure.

The address that a form reaches is Linux's and glibc's rule: connect() to an unspecified address reaches loopback
(ip(7), ipv6(7)), getaddrinfo() accepts all forms of inet_aton(3), and an IPv4-mapped address is dialled over IPv4.
"""

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from dualstack.families import Family, endpoint
from dualstack.manifest import Fetch, Refused
from dualstack.prober.names import query_name
from dualstack.rfc6052 import embed

NAT64 = "64:ff9b::/96"
"""The well-known prefix (RFC 6052 §2.1); it MUST NOT stand for addresses that are not global (§3.1)."""

PRIVATE = ("10.51.0.1", "fd51:51:51:1::1")
"""Additional addresses of the service's host, so that private targets exist."""

ALLOWED = "203.0.113.33"
"""The allowed IPv4 target if private ones are refused and the link's own network is private (RFC 5737)."""

METADATA = "169.254.169.254"
"""The IPv4 link-local address of cloud metadata services, which filters block most often."""

_RFC1918 = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))

REBOUND_AFTER = (1, 2)
"""After how many DNS answers a name is rebound: a service may look it up once or twice before it connects."""


@dataclass(frozen=True, slots=True)
class Target:
    """One form of a target, as a client names it.

    Attributes:
        host: The host: a name or a literal; IPv6 without brackets, a zone follows ``%``.
        reaches: The address that a socket reaches which connects to it.
        what: A description.
        named: Whether it is a name that the lab's name server resolves.
    """

    host: str
    reaches: str
    what: str
    named: bool = False


def request_for(fetch: Fetch, host: str, server: str, path: str = "/") -> str:
    """Return the request with which a client makes the service fetch from ``host``.

    Args:
        fetch: How clients name what the service fetches.
        host: The target's host, as in `Target`.
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
    """Return the addresses that must be added to the service's host so that every form reaches it."""
    given = {
        Refused.LINK_LOCAL: (METADATA,),
        Refused.PRIVATE: PRIVATE,
        Refused.NAT64: (embed(NAT64, Family.IPV4.loopback),),
    }
    return tuple(address for kind in Refused if kind in refused for address in given[kind])


def is_private(address: str) -> bool:
    """Return whether an IPv4 address is in a network of RFC 1918."""
    return any(ipaddress.IPv4Address(address) in network for network in _RFC1918)


def refused_targets(refused: Collection[Refused], link_local: Sequence[str], *, names: bool) -> tuple[Target, ...]:
    """Return all forms of the targets that the service must refuse.

    Args:
        refused: The kinds of targets that it claims to refuse, in addition to loopback.
        link_local: The IPv6 link-local addresses of its own host, with their zones.
        names: Whether a target may be a name.
    """
    found = [*_loopback(), *_unspecified()]
    if Refused.LINK_LOCAL in refused:
        found += [Target(address, address, "link-local, with its zone") for address in link_local]
        found += _ipv4(METADATA, "link-local")
    if Refused.PRIVATE in refused:
        found += [*_ipv4(PRIVATE[0], "private"), Target(PRIVATE[1], PRIVATE[1], "private (unique local)")]
    if Refused.NAT64 in refused:
        address = embed(NAT64, Family.IPV4.loopback)
        found.append(Target(address, address, "127.0.0.1 behind NAT64"))
        found.append(Target("64:ff9b::127.0.0.1", address, "127.0.0.1 behind NAT64, as dotted quad"))
    return (*found, *(_named() if names else ()))


def _loopback() -> list[Target]:
    """Return the forms of loopback addresses."""
    return [
        *_ipv4(Family.IPV4.loopback, "loopback"),
        Target("127.1", "127.0.0.1", "loopback in two parts"),
        Target("0x7f.1", "127.0.0.1", "loopback in hexadecimal"),
        Target("0177.0.0.1", "127.0.0.1", "loopback in octal"),
        Target("127.0.0.2", "127.0.0.2", "another address of the loopback network"),
        Target("::1", "::1", "loopback"),
        Target("0:0:0:0:0:0:0:1", "::1", "loopback without abbreviation"),
        Target("localhost", "127.0.0.1", "loopback by its name"),
    ]


def _unspecified() -> list[Target]:
    """Return the forms of unspecified addresses: a socket that connects to them reaches loopback."""
    return [
        Target("0.0.0.0", "0.0.0.0", "unspecified"),
        Target("0", "0.0.0.0", "unspecified, as one number"),
        Target("::", "::", "unspecified"),
        Target("::ffff:0.0.0.0", "::ffff:0.0.0.0", "unspecified and IPv4-mapped"),
    ]


def _ipv4(address: str, what: str) -> list[Target]:
    """Return the forms of an IPv4 address."""
    number = int(ipaddress.IPv4Address(address))
    mapped = f"::ffff:{address}"
    groups = f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}"
    return [
        Target(address, address, what),
        Target(str(number), address, f"{what}, as one number"),
        Target(mapped, mapped, f"{what} and IPv4-mapped"),
        Target(groups, mapped, f"{what} and IPv4-mapped, in hexadecimal groups"),
    ]


def _named() -> list[Target]:
    """Return fresh names that resolve to loopback addresses, at once or after a rebinding."""
    ipv4, ipv6 = Family.IPV4.loopback, Family.IPV6.loopback
    found = [
        Target(query_name(a="loopback"), ipv4, "a name whose only record is A 127.0.0.1", named=True),
        Target(query_name(aaaa="loopback"), ipv6, "a name whose only record is AAAA ::1", named=True),
        Target(
            query_name(aaaa="mapped"),
            "::ffff:127.0.0.1",
            "a name whose only record is AAAA ::ffff:127.0.0.1",
            named=True,
        ),
        Target(query_name(a="ok", aaaa="loopback"), ipv6, "a name with AAAA ::1 and an allowed A", named=True),
        Target(query_name(a="loopback", aaaa="ok"), ipv4, "a name with A 127.0.0.1 and an allowed AAAA", named=True),
    ]
    for times in REBOUND_AFTER:
        answers = "1 answer that is" if times == 1 else f"{times} answers that are"
        what = f"a name that is rebound to loopback after {answers} allowed"
        found.append(Target(query_name(a=f"rebind-{times}"), ipv4, f"{what} (A)", named=True))
        found.append(Target(query_name(aaaa=f"rebind-{times}"), ipv6, f"{what} (AAAA)", named=True))
    return found
