"""Errors in the hosts that requests of HTTP, RTSP and SIP name: in the request line, and in header fields."""

import re
from collections.abc import Iterable, Iterator

from dualstack.world.uri_hosts import wrong_host

_REQUEST_LINE = re.compile(r"(?P<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+) (?P<target>[^ ]+) HTTP/(?P<version>\d\.\d)")
_OTHER_REQUEST_LINE = re.compile(r"[A-Z_]+ (?P<target>[^ ]+) (?P<protocol>RTSP|SIP)/\d\.\d")
_FIRST_LINE = re.compile(r"[A-Z_]+ [^ ]+ (?:RTSP|SIP|HTTP)/\d\.\d|:method: [^ ]+")
"""Of HTTP/2, whose requests have no first line, the lab's server reports ``:method`` first."""
_URI = re.compile(r"(?:https?|wss?|rtspu?|rtsps)://(?P<authority>[^/?#\s<>\"]*)", re.IGNORECASE)
_SIP_URI = re.compile(r"\bsips?:(?P<rest>[^\s<>\",]*)", re.IGNORECASE)
_SENT_BY = re.compile(r"SIP\s*/\s*\d\.\d\s*/\s*\w+\s+(?P<host>[^;,]+)")

_WITH_URIS = frozenset({"origin", "referer", "destination"})
"""Headers of HTTP whose value may be a URI."""

_OF_SIP = frozenset({"from", "f", "to", "t", "contact", "m", "route", "record-route", "refer-to", "reply-to"})
"""Headers of SIP whose value has SIP URIs, with their short forms (RFC 3261 §7.3.3)."""

_VIA = frozenset({"via", "v"})


def requests_in(text: str) -> list[str]:
    """Return the request line and headers of each request in what a client sent, without bodies."""
    found: list[list[str]] = []
    is_head = False
    for line in (item.removesuffix("\r") for item in text.split("\n")):
        if _FIRST_LINE.fullmatch(line):
            found.append([])
            is_head = True
        is_head = is_head and bool(line)
        if is_head:
            found[-1].append(line)
    return ["\r\n".join(lines) for lines in found]


def head_fault(head: str, asked: str) -> str:
    """Return what is wrong with the hosts that a request of HTTP, RTSP or SIP names; empty if nothing is.

    Args:
        head: The request line and the headers, without the blank line.
        asked: The host that the client was given: a literal or a name.
    """
    if head.startswith(":method:"):
        return authority_fault(head, asked)
    other = _OTHER_REQUEST_LINE.fullmatch(head.partition("\r\n")[0])
    if other is None:
        return host_fault(head, asked)
    hosts = _sip_hosts if other["protocol"] == "SIP" else _rtsp_hosts
    return "; ".join(_faults(hosts(head, other["target"]), asked))


def host_fault(head: str, asked: str) -> str:
    """Return what is wrong with the Host header, the target or another URI of an HTTP request; empty if nothing is."""
    line, *fields = head.split("\r\n")
    request = _REQUEST_LINE.fullmatch(line)
    if request is None:
        return f"{line!r} is not a request line (RFC 9112 §3)"
    headers = [*_headers(fields)]
    hosts = [value for name, value, _ in headers if name == "host"]
    if len(hosts) > 1:
        return f"it has {len(hosts)} Host headers: {', '.join(hosts)} (RFC 9112 §3.2)"
    if not hosts and request["version"] != "1.0":
        return f"it has no Host header, which HTTP/{request['version']} requires (RFC 9112 §3.2)"
    named = [(f"Host: {host}", host) for host in hosts]
    if request["method"] == "CONNECT":
        named.append((line, request["target"]))
    named += [(line, host) for host in _authorities(request["target"])]
    named += [(text, host) for name, value, text in headers if name in _WITH_URIS for host in _authorities(value)]
    return "; ".join(_faults(named, asked))


def authority_fault(head: str, asked: str) -> str:
    """Return what is wrong with :authority or another URI of an HTTP/2 request; empty if nothing is."""
    fields = [*_pseudo_headers(head)]
    named = [value for name, value in fields if name == ":authority"]
    hosts = [value for name, value in fields if name == "host"]
    if len(named) > 1 or len(hosts) > 1:
        return f"it names the host more than once: {', '.join([*named, *hosts])} (RFC 9113 §8.3.1)"
    if not named and not hosts:
        return "it has no :authority (RFC 9113 §8.3.1)"
    if named and hosts and named != hosts:
        return f"its Host {hosts[0]} differs from its :authority {named[0]} (RFC 9113 §8.3.1)"
    if named and "@" in named[0]:
        return f"its :authority {named[0]} has user information (RFC 9113 §8.3.1)"
    said = [(f"{name}: {value}", value) for name, value in fields if name in {":authority", "host"}]
    said += [(f"{name}: {value}", host) for name, value in fields if name in _WITH_URIS for host in _authorities(value)]
    return "; ".join(_faults(said, asked))


def _pseudo_headers(head: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each field of an HTTP/2 request; the name may begin with a colon."""
    for line in head.split("\r\n"):
        name, _, value = line[1:].partition(": ")
        yield line[:1] + name, value


def _faults(named: Iterable[tuple[str, str]], asked: str) -> Iterator[str]:
    """Yield a text for each wrong host; they come with the line that has them."""
    for line, host in named:
        if fault := wrong_host(host, asked):
            yield f"{line!r}: {fault}"


def _rtsp_hosts(head: str, target: str) -> Iterator[tuple[str, str]]:
    """Yield the host of an RTSP request's URI, if it has one, with the line (RFC 7826 §4.2)."""
    yield from ((head.partition("\r\n")[0], host) for host in _authorities(target))


def _sip_hosts(head: str, target: str) -> Iterator[tuple[str, str]]:
    """Yield the hosts of a SIP request's URIs and of its Via header, each with its line (RFC 3261 §19.1.1, §20.42)."""
    line, *fields = head.split("\r\n")
    yield from ((line, host) for host in _sip_authorities(target))
    for name, value, text in _headers(fields):
        if name.rstrip() in _OF_SIP:
            yield from ((text, host) for host in _sip_authorities(value))
        if name.rstrip() in _VIA:
            yield from ((text, found["host"].strip()) for found in _SENT_BY.finditer(value))


def _headers(fields: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each header in lower case, its value, and its line."""
    for field in fields:
        name, colon, value = field.partition(":")
        if colon:
            yield name.lower(), value.strip(" \t"), field


def _authorities(text: str) -> list[str]:
    """Return the host, with its port, of the URI with which a text begins, without user information; empty if none."""
    found = _URI.match(text)
    return [found["authority"].rpartition("@")[2]] if found else []


def _sip_authorities(text: str) -> Iterator[str]:
    """Yield the host, with its port, of each SIP URI in a text, without user, parameters and headers."""
    return (re.split(r"[;?]", found["rest"].rpartition("@")[2], maxsplit=1)[0] for found in _SIP_URI.finditer(text))
