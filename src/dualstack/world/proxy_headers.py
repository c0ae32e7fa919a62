"""The PROXY headers that a receiver must take, and malformed ones, each with its bytes and its meaning. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dualstack.families import BOTH, Family
from dualstack.protocols.proxy_header import SIGNATURE, Endpoints, Version, write

CLIENTS = {Family.IPV4: "203.0.113.201", Family.IPV6: "2001:db8::c1"}
"""The clients in the headers: no host of a lab has these addresses."""

_LONGEST = "2001:0db8:abcd:1234:5678:9abc:def0:4321"
_LEADING_ZEROS = "2001:0db8:0000:0000:0000:0000:0000:00C1"
_PORT = 56324
_TLV = b"\x04\x00\x04none"  # a field of type NOOP, whose content has no meaning
_LONG_UNKNOWN = " ".join(["ffff:" * 7 + "ffff"] * 2 + ["65535"] * 2)


@dataclass(frozen=True, slots=True)
class Shape:
    """A header that a receiver must take.

    Attributes:
        name: What it is, for findings: ``a TCP6 line``.
        data: Its bytes.
        client: The client's address in it; empty if the connection's own address counts.
        joined: Whether it is sent in one segment with what follows.
        should: Whether a receiver should take it, and need not.
    """

    name: str
    data: bytes
    client: str = ""
    joined: bool = False
    should: bool = False


def _of(version: Version, name: str) -> str:
    """Return what a header is, with its version."""
    return f"{name} (version {version.removeprefix('v')})"


def shapes(version: Version, servers: Mapping[Family, str], port: int) -> Iterator[Shape]:
    """Yield the headers of a version.

    Args:
        version: The version.
        servers: The address of each family to which the client connected.
        port: The port to which it connected.
    """
    for shape in _shapes(version, servers, port):
        yield replace(shape, name=_of(version, shape.name))


def _shapes(version: Version, servers: Mapping[Family, str], port: int) -> Iterator[Shape]:
    """Yield the headers of a version, named without it; see `shapes`."""
    for family in BOTH:
        ends = Endpoints(CLIENTS[family], _PORT, servers[family], port)
        name = f"a TCP{family.number} line" if version == "v1" else f"a header for TCP over {family.label}"
        yield Shape(name, write(version, ends), CLIENTS[family])
        yield Shape(f"{name} in one segment with what follows", write(version, ends), CLIENTS[family], joined=True)
    server = servers[Family.IPV6]
    if version == "v1":
        for text, name in ((_LONGEST, "of 39 characters"), (_LEADING_ZEROS, "with leading zeros")):
            line = f"PROXY TCP6 {text} {server} {_PORT} {port}\r\n".encode()
            yield Shape(f"a TCP6 line with an address {name}", line, text)
        yield Shape("an UNKNOWN line", write("v1", None), should=True)
        yield Shape("an UNKNOWN line of 107 bytes", f"PROXY UNKNOWN {_LONG_UNKNOWN}\r\n".encode(), should=True)
        return
    whole = write("v2", Endpoints(_LONGEST, _PORT, server, port))
    extended = whole[:14] + (len(whole) - 16 + len(_TLV)).to_bytes(2, "big") + whole[16:] + _TLV
    yield Shape("a header for TCP over IPv6 with a type-length-value field", extended, _LONGEST)
    yield Shape("a LOCAL header", write("v2", None))
    yield Shape("a LOCAL header with addresses, which do not count", whole[:12] + b"\x20" + whole[13:])


def malformed(version: Version, servers: Mapping[Family, str], port: int) -> Iterator[tuple[str, bytes]]:
    """Yield malformed headers of a version, each with what it is; see `shapes`."""
    for name, data in _malformed(version, servers, port):
        yield _of(version, name), data


def _malformed(version: Version, servers: Mapping[Family, str], port: int) -> Iterator[tuple[str, bytes]]:
    """Yield malformed headers of a version, named without it; see `shapes`."""
    (ipv4, ipv6), (client4, client6) = ((found[family] for family in BOTH) for found in (servers, CLIENTS))
    if version == "v1":
        lines = {
            "a TCP4 line with IPv6 addresses": f"TCP4 {client6} {ipv6} {_PORT} {port}",
            "a TCP6 line with IPv4 addresses": f"TCP6 {client4} {ipv4} {_PORT} {port}",
            "a line with the port 65536": f"TCP4 {client4} {ipv4} 65536 {port}",
            "a line without ports": f"TCP6 {client6} {ipv6}",
            "a line that says TCP5": f"TCP5 {client4} {ipv4} {_PORT} {port}",
        }
        yield from ((name, f"PROXY {line}\r\n".encode()) for name, line in lines.items())
        yield "a line without CRLF in its first 107 bytes", b"PROXY TCP6 " + b"a" * 120 + b"\r\n"
        return
    for family in BOTH:
        good = write("v2", Endpoints(CLIENTS[family], _PORT, servers[family], port))
        if family is Family.IPV4:
            yield "a header with the version number 1", good[:12] + b"\x11" + good[13:]
            yield "a header with the unassigned command 0xf", good[:12] + b"\x2f" + good[13:]
            yield "a header with the unassigned family 0x4", good[:13] + b"\x41" + good[14:]
            yield "a header for TCP over IPv6 with the addresses of IPv4", good[:13] + b"\x21" + good[14:]
        else:
            yield "a header whose signature has a wrong byte", SIGNATURE[:11] + b"\r" + good[12:]
