"""Failures that a program's output reports: errno names, strerror() texts and phrases of common runtimes."""

import enum
import re
from itertools import islice

from dualstack.complaint import without_sources, without_usage

_SHOWN = 160

_KEPT = 8
"""How many lines of each kind are kept."""

_PORT = re.compile(
    r"\bport[\"']?[ =:#]+(\d{1,5})\b|\]:(\d{1,5})\b|\b\d+\.\d+\.\d+\.\d+:(\d{1,5})\b"
    r"|(?:^|[ (\"'*]|localhost|::):(\d{1,5})\b|[0-9a-f:.]+[\"'], (\d{1,5})\b"
    r"|\b(?:tcp|udp)[46]?[/:](\d{1,5})\b|\b(\d{1,5})/(?:tcp|udp)\b",
    re.IGNORECASE,
)
"""A port beside the word or a protocol, after an address (also in Python's pair ``('::', 8080)``), or after a colon.

The colon begins a word, as in Go's ``listen tcp :8080``.
"""

_COMMON = 80
"""Up to this number, a number beside the word "error" or in parentheses is rarely an errno."""


def _errno(name: str, number: int, *texts: str) -> str:
    """Return the pattern for an errno: its name, its number in an unambiguous context, and its texts."""
    by_number = rf"(?:errno|os error)[ =:]*{number}\b"
    if number > _COMMON:
        by_number += rf"|\berror:? ?\(?{number}\b|\({number}:"
    return "|".join([rf"\b{name}\b", by_number, *texts])


@enum.unique
class Sign(enum.Enum):
    """A kind of failure that output reports; the value follows "its output says" in sentences."""

    IN_USE = "EADDRINUSE"
    NO_FAMILY = "EAFNOSUPPORT"
    NO_ADDRESS = "EADDRNOTAVAIL"
    NO_NETWORK = "ENETUNREACH"
    NO_HOST = "EHOSTUNREACH"
    REFUSED = "ECONNREFUSED"
    RESET = "ECONNRESET"
    PIPE = "EPIPE"
    TIMED_OUT = "ETIMEDOUT"
    INVALID = "EINVAL"
    TOO_MANY_FILES = "EMFILE"
    INTERRUPTED = "EINTR"
    ABORTED = "ECONNABORTED"
    NOT_CONNECTED = "ENOTCONN"
    IN_PROGRESS = "EINPROGRESS"
    TOO_LARGE = "EMSGSIZE"
    COLONS = "that an address has too many colons"
    BAD_PORT = "that a port is not a number"
    BAD_ADDRESS = "that an address is invalid"
    NOT_IPV4 = "that something is not an IPv4 address"
    NOT_FOUND = "that a name was not found"
    ONE_FAMILY_ASKED = "that a host was looked up in a family that it does not have"
    OTHER_FAMILY = "that an address has a different family from its socket"
    NO_IPV4 = "that the host has no IPv4"
    UNPACKED = "that an address has more parts than expected"
    OTHER_LENGTH = "that an address has another length than expected"
    MAPPED = "an IPv4-mapped address"
    NOT_ALLOWED = "that a client is not allowed"
    NO_IPV6 = "that IPv6 is not available in this build"
    LOOPBACK = "a loopback address, beside an error"
    CERTIFICATE = "that a certificate is for another name"
    UNCAUGHT = "an error that nothing catches"
    UNDEFINED = "that a value is missing"


_OWN = r"(?:127\.0\.0\.1|(?<![0-9a-f:])::1(?![0-9a-f:])|localhost)"
_TROUBLE = r"(?:error|(?<![a-z])err|fail|refus|unreach|assign|timed? ?out)"

_TEXTS: dict[Sign, str] = {
    Sign.IN_USE: _errno(
        "EADDRINUSE", 98, r"address (?:already )?in use", r"\bAddrInUse\b", "port is already allocated"
    ),
    Sign.NO_FAMILY: _errno(
        "EAFNOSUPPORT",
        97,
        r"address family not supported",
        r"protocol family (?:unavailable|not supported)",
        r"address incompatible with the requested protocol",
    ),
    Sign.NO_ADDRESS: _errno(
        "EADDRNOTAVAIL",
        99,
        r"cannot assign requested address",
        r"(?:can't assign|address) not available",
        r"\bAddrNotAvailable\b",
    ),
    Sign.NO_NETWORK: _errno("ENETUNREACH", 101, r"network (?:is )?unreachable", r"\bNetworkUnreachable\b"),
    Sign.NO_HOST: _errno("EHOSTUNREACH", 113, r"no route to host", r"host is unreachable", r"\bHostUnreachable\b"),
    Sign.REFUSED: _errno("ECONNREFUSED", 111, r"connection refused", r"\bConnectionRefused\b"),
    Sign.RESET: _errno("ECONNRESET", 104, r"connection reset"),
    Sign.PIPE: _errno("EPIPE", 32, r"broken pipe"),
    Sign.TIMED_OUT: _errno(
        "ETIMEDOUT",
        110,
        r"(?:connection|operation|connect) timed out",
        r"\bi/o timeout\b",
        r"SocketTimeoutException|ConnectTimeoutError|context deadline exceeded|deadline has elapsed",
    ),
    Sign.INVALID: _errno("EINVAL", 22, r"invalid argument(?! *:? *[\"'])"),
    Sign.TOO_MANY_FILES: _errno("EMFILE", 24, r"too many open files"),
    Sign.INTERRUPTED: _errno("EINTR", 4, r"interrupted system call"),
    Sign.ABORTED: _errno("ECONNABORTED", 103, r"software caused connection abort", r"connection aborted"),
    Sign.NOT_CONNECTED: _errno("ENOTCONN", 107, r"(?:transport endpoint|socket) is not connected"),
    Sign.IN_PROGRESS: _errno("EINPROGRESS", 115, r"operation (?:now )?in progress"),
    Sign.TOO_LARGE: _errno("EMSGSIZE", 90, r"message too (?:long|large)"),
    Sign.COLONS: r"(?:too many|more than one|unexpected|multiple) colons?\b|without brackets|missing brackets",
    Sign.BAD_PORT: r"invalid literal for int|(?:invalid|bad|illegal|unknown|malformed|non-?numeric) port\b(?! \d+ )"
    r"|port (?:number )?(?:is )?(?:invalid|out of range|could not be)|strconv\.\w+: parsing|NumberFormatException"
    r"|ERR_SOCKET_BAD_PORT|invalid digit found|nonnumeric port|missing port in address|tcp/[0-9a-f:\]]*: unknown port"
    r"|input string was not in a correct format",
    Sign.BAD_ADDRESS: r"(?:invalid|illegal|malformed|unparsable) (?:\w+ ){0,3}(?:host ?name|domain|authority)\b"
    r"|(?:invalid|illegal|bad|malformed|wrong|unparsable) (?:\w+ ){0,3}(?:address|host|IP|URL|URI)\b"
    r"|invalid argument *:? *[\"']"
    r"|(?:address(?! family)|host|IP|URL|URI)\b.{0,60}\b(?:is )?(?:invalid(?! argument)|malformed|not valid)"
    r"|not a valid (?:\w+ )?(?:address|host|IP|URL)"
    r"|ERR_INVALID_(?:URL|IP_ADDRESS)|MalformedURL|URISyntax|InvalidURI|bad URI|ParseAddr|AddrParseError"
    r"|(?:can(?:no|')t|could not|failed to|unable to) parse\b.{0,40}(?:address|host|IP|endpoint)",
    Sign.NOT_IPV4: r"illegal IP address string passed to inet_aton|not an? (?:valid )?IPv4"
    r"|invalid IPv4|inet_aton|inet_addr|(?:expected|only) (?:an? )?IPv4|unsupported IP version",
    Sign.NOT_FOUND: r"name or service not known|no such host|nodename nor servname|name does not resolve"
    r"|temporary failure in name resolution|no address associated|failed to lookup|could not resolve|unknown host"
    r"|cannot resolve|can't resolve|unable to resolve|name resolution|\bENOTFOUND\b|EAI_(?:NONAME|AGAIN|NODATA)"
    r"|nxdomain|gaierror|UnknownHostException|getaddrinfo|gethostbyname|host not found|no suitable address"
    r"|UnresolvedAddress|\bbad hostname|host lookup failed",
    Sign.ONE_FAMILY_ASKED: r"address family for hostname (?:not )?supported|EAI_ADDRFAMILY",
    Sign.OTHER_FAMILY: r"address family mismatch"
    r"|wrong address family|different (?:address )?famil|non-IPv[46] address|UnsupportedAddressType"
    r"|address must be a (?:pair|tuple)|address family not supported by (?:this )?socket|mismatched (?:local )?address"
    r"|no matching local address",
    Sign.NO_IPV4: r"\bno (?:usable |global |public )?IPv4\b|IPv4 (?:is )?(?:not |un)available",
    Sign.UNPACKED: r"too many values to unpack|not enough values to unpack|too many values",
    Sign.OTHER_LENGTH: r"bad (?:arg|address) length for Socket::|bad address family for Socket::unpack_sockaddr_in\b"
    r"|packed IP wrong length|invalid length of packed IP address|addr is of illegal length|not an AF_INET sockaddr"
    r"|\(len 16 != 4\)|unpack_from requires a buffer|unpack requires a buffer of",
    Sign.MAPPED: r"::ffff:(?:\d+\.|[0-9a-f]+:)",
    Sign.NOT_ALLOWED: r"not (?:be )?allowed|denied|forbidden|not permitted|rejected|not in (?:the )?(?:allow|white)"
    r"|unauthori[sz]ed|blocked|banned",
    Sign.NO_IPV6: r"\b(?:without|no|not|lacks?) (?:(?!bind|listen|assign|connect|resolv|reach)\w+ ){0,3}IPv6"
    r"(?: support)?|IPv6 (?:support )?(?:is )?"
    r"(?:not |un)(?:compiled|built|enabled|available|supported)|IPv6 (?:support )?(?:is )?(?:disabled|off)",
    Sign.LOOPBACK: rf"{_OWN}.*{_TROUBLE}|{_TROUBLE}.*{_OWN}",
    Sign.CERTIFICATE: r"(?:host ?name|ip address) mismatch|certificate is (?:not )?valid for|contain any IP SANs"
    r"|ERR_TLS_CERT_ALTNAME|does not match (?:the )?certificate|no (?:alternative certificate )?subject alternative"
    r"|no alternative certificate subject name|NotValidForName|certificate not valid for name",
    Sign.UNDEFINED: r"cannot read propert(?:y|ies) .{0,40}\bof (?:undefined|null)|nil pointer dereference"
    r"|\bNullPointerException\b|'NoneType' object|called `Option::unwrap\(\)` on a `None` value",
    Sign.UNCAUGHT: r"^exception in thread\b|unhandled ?(?:promise ?)?(?:rejection|exception)|^panic: "
    r"|\buncaught (?:exception|error)|^thread '.*' panicked|task exception was never retrieved|recovered from panic",
}

_SIGNS = {sign: re.compile(text, re.IGNORECASE) for sign, text in _TEXTS.items()}


def signs_of(output: str) -> tuple[tuple[Sign, str], ...]:
    """Return each kind of failure in an output, with its first lines, each once and cut to 160 characters."""
    text = without_usage(without_sources(output))
    lines = dict.fromkeys(" ".join(line.split()) for line in text.splitlines() if line.strip())
    found = []
    for sign, pattern in _SIGNS.items():
        matches = islice((match for line in lines if (match := pattern.search(line))), _KEPT)
        found += [(sign, match.string[0 if match.start() < _SHOWN else match.start() :][:_SHOWN]) for match in matches]
    return tuple(found)


def matches(sign: Sign, line: str) -> bool:
    """Return whether a line of an output has a sign."""
    return _SIGNS[sign].search(line) is not None


def own_collision(text: str) -> str:
    """Return why a port is in use in a lab, as the end of a sentence; empty if a text does not say that one is."""
    if not matches(Sign.IN_USE, text):
        return ""
    return (
        "; in a lab its port is free before it starts, so its own sockets collide: usually one on 0.0.0.0 and one on "
        "[::], which takes IPv4 too unless its option IPV6_V6ONLY is on (dualstack explain RC-DOUBLEBIND)"
    )


def names_other_port(line: str, port: int) -> bool:
    """Return whether a line names ports, and this port is none of them."""
    ports = {int(next(filter(None, match.groups()))) for match in _PORT.finditer(line)}
    return bool(ports) and port not in ports
