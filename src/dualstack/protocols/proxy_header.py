"""The header of the PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt §2.1 and §2.2): written and read."""

import ipaddress
import re
import struct
from dataclasses import dataclass
from typing import Literal

from dualstack.errors import UsageError
from dualstack.families import Family, cut_of
from dualstack.protocols.proxy_binary import (
    ADDRESS_BYTES,
    DATAGRAM,
    LOCAL,
    PROXY,
    STREAM,
    DamagedError,
    needed_bytes,
    unfilled,
)

Version = Literal["v1", "v2"]

VERSIONS: tuple[Version, ...] = ("v1", "v2")

LONGEST_LINE = 107
"""Bytes of the longest line of version 1, with its CRLF."""

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""The bytes with which a header of version 2 begins."""

_WORD = b"PROXY"
_CRLF = b"\r\n"
_FIXED = 16  # bytes of version 2 before the addresses
_FAMILIES = {0x1: Family.IPV4, 0x2: Family.IPV6}
_CODES = {family: code for code, family in _FAMILIES.items()}
_MOST_READ = _FIXED + max(ADDRESS_BYTES.values())
"""How many bytes of a header are read; what follows in version 2 is skipped."""

_PORTS = struct.Struct("!HH")
_DECIMAL = r"(?:0|[1-9]\d{0,4})"
_PORT = re.compile(_DECIMAL)
_IPV4 = re.compile(rf"{_DECIMAL}(?:\.{_DECIMAL}){{3}}")
_IPV6 = re.compile(r"[0-9A-Fa-f:]+")
_PROTOCOLS = {"TCP4": Family.IPV4, "TCP6": Family.IPV6}
_MOST_PORT = 65535
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Both ends of a connection, as the relay that accepted it saw them.

    Attributes:
        source: The client's address.
        source_port: The client's port.
        destination: The address that the client connected to.
        destination_port: The port that it connected to.
    """

    source: str
    source_port: int
    destination: str
    destination_port: int


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What comes where a header is expected.

    Attributes:
        version: ``v1`` or ``v2``; empty if it begins like neither.
        text: The line without its CRLF, or the bytes without type-length-value fields in hexadecimal; empty if it
            begins like no header.
        endpoints: Both ends, with addresses in their canonical form; None with UNKNOWN, LOCAL, or another family.
        datagrams: Whether it is about datagrams and not about a connection.
        fault: Why it is malformed, as a clause; empty if it is not.
    """

    version: Version | Literal[""]
    text: str
    endpoints: Endpoints | None = None
    datagrams: bool = False
    fault: str = ""


def write(version: Version, endpoints: Endpoints | None, *, datagrams: bool = False) -> bytes:
    """Return a header; without endpoints UNKNOWN (version 1) or LOCAL (version 2).

    Raises:
        UsageError: The addresses are of two families, or version 1 is asked for datagrams.
    """
    if endpoints is None:
        return b"PROXY UNKNOWN\r\n" if version == "v1" else SIGNATURE + bytes((0x20 | LOCAL, 0, 0, 0))
    ends = [ipaddress.ip_address(text) for text in (endpoints.source, endpoints.destination)]
    family = Family.of(ends[0])
    if family is not Family.of(ends[1]):
        raise UsageError(f"{ends[0]} and {ends[1]} are of different families: no PROXY header can have both")
    ports = (endpoints.source_port, endpoints.destination_port)
    if version == "v1":
        if datagrams:
            raise UsageError("version 1 of the PROXY protocol has no form for datagrams")
        texts = [end.exploded if getattr(end, "ipv4_mapped", None) else str(end) for end in ends]  # no mixed notation
        return f"PROXY TCP{family.number} {' '.join(texts)} {ports[0]} {ports[1]}\r\n".encode()
    addresses = ends[0].packed + ends[1].packed + _PORTS.pack(*ports)
    kind = _CODES[family] << 4 | (DATAGRAM if datagrams else STREAM)
    return SIGNATURE + bytes((0x20 | PROXY, kind)) + len(addresses).to_bytes(2, "big") + addresses


class HeaderReader:
    """Reads the header at the beginning of a stream. The result does not depend on how the bytes are split.

    Attributes:
        header: The header, also a malformed one; None while that is not decided.
        is_over: Whether all that comes now is behind the header. Behind a malformed line is what follows its CRLF;
            without a beginning or an end of a header everything is.
    """

    def __init__(self, versions: tuple[Version, ...] = VERSIONS) -> None:
        """Expect a header of one of these versions."""
        self.header: ProxyHeader | None = None
        self.is_over = False
        self._versions = versions
        self._data = bytearray()
        self._end = 0

    @property
    def fault(self) -> str:
        """Why the bytes are no header, as a clause; empty if they are one, or may become one."""
        return self.header.fault if self.header is not None else ""

    @property
    def missing(self) -> str:
        """Why there is no header when nothing more comes, as a clause; empty if there is one."""
        if self.header is not None:
            return self.header.fault
        return f"only {len(self._data)} bytes of it came" if self._data else "nothing came"

    def add(self, data: bytes) -> bytes:
        """Take the next bytes; return those behind the header."""
        if self.is_over:
            return data
        self._data += data
        if self.header is None:
            self._decide(bytes(self._data[:_MOST_READ]))
        self.is_over = self.header is not None and len(self._data) >= self._end
        return bytes(self._data[self._end :]) if self.is_over else b""

    def _decide(self, data: bytes) -> None:
        """Read the header, if enough of it is there."""
        if SIGNATURE.startswith(data[: len(SIGNATURE)]):
            if len(data) >= _FIXED:
                self._decide_binary(data)
        elif not _WORD.startswith(data[: len(_WORD)]):
            same = max(_common(data, SIGNATURE), _common(data, _WORD))
            fault = f"the connection begins with {data[: same + 1]!r}, and no PROXY header does"
            self.header = ProxyHeader("", "", fault=fault)
        else:
            self._decide_line(data)

    def _decide_line(self, data: bytes) -> None:
        """Read a header of version 1, if its CRLF is there, or should be."""
        end = data.find(_CRLF, 0, LONGEST_LINE)
        line = data[: end if end >= 0 else LONGEST_LINE].decode("latin-1")
        if end < 0 and len(data) >= LONGEST_LINE:
            self.header = ProxyHeader("v1", line, fault=f"its first {LONGEST_LINE} bytes have no CRLF")
        elif end >= 0:
            self._end = end + len(_CRLF)
            try:
                self.header = ProxyHeader("v1", line, _endpoints_of(line), fault=self._unexpected("v1"))
            except DamagedError as damage:
                self.header = ProxyHeader("v1", line, fault=str(damage))

    def _decide_binary(self, data: bytes) -> None:
        """Read a header of version 2, if its addresses are there, or it is malformed without them."""
        length = int.from_bytes(data[14:_FIXED], "big")
        try:
            needed = needed_bytes(data[12], data[13], length)
        except DamagedError as damage:
            self._end = _FIXED + length
            self.header = ProxyHeader("v2", data[:_FIXED].hex(), fault=str(damage))
            return
        if len(self._data) < _FIXED + length:
            return
        self._end = _FIXED + length
        family, transport = divmod(data[13], 16)
        ends = _unpacked(family, data[_FIXED : _FIXED + needed]) if needed else None
        datagrams = ends is not None and transport == DATAGRAM
        text = data[: _FIXED + needed].hex()
        rest = bytes(self._data[_FIXED + needed : self._end]) if needed else b""
        fault = unfilled(rest, length) or self._unexpected("v2")
        self.header = ProxyHeader("v2", text, ends, datagrams, fault=fault)

    def _unexpected(self, version: Version) -> str:
        """Return the fault of a header whose version is not expected; empty if it is."""
        if version in self._versions:
            return ""
        return f"it is of version {version[1]}, and version {self._versions[0][1]} is expected"


def _unpacked(family: int, data: bytes) -> Endpoints | None:
    """Return the ends in the address block of version 2; None if it has no IP addresses."""
    if family not in _FAMILIES:
        return None
    size = (len(data) - _PORTS.size) // 2
    source, destination = (str(ipaddress.ip_address(data[at : at + size])) for at in (0, size))
    ports = _PORTS.unpack(data[2 * size :])
    return Endpoints(source, ports[0], destination, ports[1])


def _endpoints_of(line: str) -> Endpoints | None:
    """Return the ends in a line of version 1; None with UNKNOWN, after which anything may follow.

    Raises:
        DamagedError: It is malformed.
    """
    fields = line.split(" ")
    name = fields[1] if len(fields) > 1 else ""
    if fields[0] == "PROXY" and name == "UNKNOWN":
        return None
    if fields[0] != "PROXY" or name not in _PROTOCOLS:
        raise DamagedError("it says neither TCP4, TCP6 nor UNKNOWN")
    if len(fields) != _FIELDS:
        raise DamagedError(f"it has {len(fields)} fields, each after one space, and not {_FIELDS}")
    source, destination = (_address(text, name) for text in fields[2:4])
    ports = [_port(text) for text in fields[4:]]
    return Endpoints(source, ports[0], destination, ports[1])


def _address(text: str, name: str) -> str:
    """Return an address of version 1 in its canonical form; ``name`` is TCP4 or TCP6.

    Raises:
        DamagedError: It is not an address of that family.
    """
    family = _PROTOCOLS[name]
    try:
        if (_IPV4 if family is Family.IPV4 else _IPV6).fullmatch(text) and Family.of(text) is family:
            return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    raise DamagedError(_why_no_address(text, name))


def _why_no_address(text: str, name: str) -> str:
    """Return why a text is no address of TCP4 or TCP6."""
    if "[" in text or "]" in text:
        cut = cut_of(text)
        return f"{text!r}: {cut}" if cut else f"the address {text!r} has brackets"
    if "%" in text:
        return f"the address {text!r} has a zone"
    if ":" in text and "." in text:
        return f"the address {text!r} is in mixed notation, which {name} does not allow"
    try:
        other = Family.of(text)
    except ValueError:
        return f"{text!r} is no address of {name}"
    if other is _PROTOCOLS[name]:
        return f"{text!r} is no address of {name}"
    return f"{text!r} is an {other.label} address, but the line says {name}"


def _port(text: str) -> int:
    """Return a port of version 1.

    Raises:
        DamagedError: It is none.
    """
    if not _PORT.fullmatch(text) or int(text) > _MOST_PORT:
        raise DamagedError(f"{text!r} is no port")
    return int(text)


def _common(data: bytes, start: bytes) -> int:
    """Return how many bytes at the beginning are the same."""
    return next((at for at, (one, other) in enumerate(zip(data, start, strict=False)) if one != other), len(start))
