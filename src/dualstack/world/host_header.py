"""Errors in the Host header of a request (RFC 9110 §7.2, RFC 9112 §3.2, RFC 3986 §3.2.2)."""

import ipaddress
import re
from urllib.parse import unquote

_REQUEST_LINE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+ (?P<target>[^ ]+) HTTP/(?P<version>\d\.\d)")
_AUTHORITY = re.compile(r"https?://(?P<authority>[^/?#]*)", re.IGNORECASE)
_HOST = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::\d*)?")
_NAME = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_FUTURE = re.compile(r"v[0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+")


def host_fault(head: str, asked: str) -> str:
    """Return what is wrong with the Host header, or the absolute target, of a request; empty if nothing is.

    Args:
        head: The request line and the headers, without the blank line.
        asked: The host that the client was given: a literal or a name.
    """
    line, *fields = head.split("\r\n")
    request = _REQUEST_LINE.fullmatch(line)
    if request is None:
        return f"{line!r} is not a request line (RFC 9112 §3)"
    hosts = [value.strip(" \t") for name, colon, value in map(_split, fields) if colon and name.lower() == "host"]
    if len(hosts) > 1:
        return f"it has {len(hosts)} Host headers: {', '.join(hosts)} (RFC 9112 §3.2)"
    if not hosts and request["version"] != "1.0":
        return f"it has no Host header, which HTTP/{request['version']} requires (RFC 9112 §3.2)"
    named = [f"Host: {host}" for host in hosts]
    absolute = _AUTHORITY.match(request["target"])
    if absolute is not None:
        hosts.append(absolute["authority"].rpartition("@")[2])
        named.append(line)
    faults = [f"{name!r}: {fault}" for name, host in zip(named, hosts, strict=True) if (fault := _wrong(host, asked))]
    return "; ".join(faults)


def _split(field: str) -> tuple[str, str, str]:
    """Return the name of a header, the colon, and its value."""
    return field.partition(":")


def _wrong(text: str, asked: str) -> str:
    """Return what is wrong with a host and its optional port."""
    match = _HOST.fullmatch(text)
    if match is None:
        bare = text if _is_ipv6(text) else text.rpartition(":")[0]
        if _is_ipv6(bare.partition("%")[0].strip("[]")):
            return "the IPv6 address lacks brackets (RFC 3986 §3.2.2)"
        return "it is not a host with an optional port (RFC 3986 §3.2.2)"
    host = match["host"]
    return _wrong_literal(host[1:-1]) if host.startswith("[") else _wrong_name(host, asked)


def _wrong_name(host: str, asked: str) -> str:
    """Return what is wrong with a host without brackets."""
    if not _NAME.fullmatch(host):
        return "its host is empty" if not host else "its host has a character that is not allowed (RFC 3986 §3.2.2)"
    if ":" in unquote(host):
        return "its host is a percent-encoded IPv6 address without brackets (RFC 3986 §3.2.2)"
    if ":" in asked and host != asked and host.lower() in asked.lower():
        return f"its host is only a piece of the address {asked}"
    return ""


def _wrong_literal(inside: str) -> str:
    """Return what is wrong with a host in brackets."""
    if "%" in inside:
        return "it has a zone, which has a meaning only on the client (RFC 6874 §4)"
    if _is_ipv6(inside) or _FUTURE.fullmatch(inside):
        return ""
    return f"{inside!r} in brackets is not an IPv6 address (RFC 3986 §3.2.2)"


def _is_ipv6(text: str) -> bool:
    """Return whether a text is an IPv6 address."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
