"""The address family, IPv4 or IPv6, and functions on address literals."""

import enum
import ipaddress
import socket

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@enum.unique
class Family(enum.Enum):
    """IPv4 or IPv6, with its constants in the socket API, in packets and in messages."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def label(self) -> str:
        """``IPv4`` or ``IPv6``, for messages."""
        return "IPv4" if self is Family.IPV4 else "IPv6"

    @property
    def number(self) -> int:
        """4 or 6."""
        return 4 if self is Family.IPV4 else 6

    @property
    def af(self) -> socket.AddressFamily:
        """The address family of the socket API."""
        return socket.AF_INET if self is Family.IPV4 else socket.AF_INET6

    @property
    def ethertype(self) -> int:
        """The EtherType of this family's packets. ARP has its own, 0x0806."""
        return 0x0800 if self is Family.IPV4 else 0x86DD

    @property
    def wildcard(self) -> str:
        """The unspecified address; bind() with it accepts on all local addresses of this family."""
        return "0.0.0.0" if self is Family.IPV4 else "::"

    @property
    def loopback(self) -> str:
        """The loopback address."""
        return "127.0.0.1" if self is Family.IPV4 else "::1"

    @property
    def record(self) -> str:
        """The DNS record type that carries an address of this family."""
        return "A" if self is Family.IPV4 else "AAAA"

    @property
    def other(self) -> "Family":
        """The other family."""
        return Family.IPV6 if self is Family.IPV4 else Family.IPV4

    @classmethod
    def of(cls, address: str | IPAddress) -> "Family":
        """Return the family of an address literal (a zone identifier is allowed).

        Raises:
            ValueError: The text is not an address.
        """
        parsed = ipaddress.ip_address(address)
        return cls.IPV4 if parsed.version == 4 else cls.IPV6  # noqa: PLR2004 - the version of IP


BOTH = (Family.IPV4, Family.IPV6)

WILDCARDS = frozenset(family.wildcard for family in BOTH)


def link_local_of(mac: str) -> str:
    """Return the link-local address that an interface derives from its MAC address (RFC 4291 appendix A)."""
    parts = bytes.fromhex(mac.replace(":", ""))
    number = bytes([0xFE, 0x80, 0, 0, 0, 0, 0, 0, parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]])
    return str(ipaddress.IPv6Address(number))


def bracketed(host: str) -> str:
    """Return a host as a URI has it: an IPv6 address in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]" if ":" in host else host


def endpoint(address: str, port: int) -> str:
    """Join an address and a port; an IPv6 literal is bracketed (RFC 5952 §6)."""
    return f"{bracketed(address)}:{port}"


def cut_of(text: str) -> str:
    """Return where an address was cut, if a text has one of its brackets and not the other; empty if it was not."""
    if text.count("[") == text.count("]"):
        return ""
    colon = "its first colon" if text.startswith("[") and ":" not in text else "a colon"
    return f"an address was cut at {colon}, and one of its brackets is left"


def unmapped(address: str) -> str:
    """Return the IPv4 address in an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2).

    Any other address is returned in canonical form, any other text unchanged.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)
