"""Errors in a host with an optional port, as URIs and headers have it (RFC 3986 §3.2.2)."""

import ipaddress
import re
from urllib.parse import unquote

from dualstack.finding import Symptom

_HOST = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::\d*)?")
_CUT = re.compile(r"\[[0-9A-Fa-f]{1,4}(?::\d+)?")
"""An IPv6 address in brackets up to its first colon, with a port: ``[2001:8080``."""
_NAME = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_FUTURE = re.compile(r"v[0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+")


def wrong_host(text: str, asked: str = "") -> str:
    """Return what is wrong with a host and its optional port; empty if nothing is.

    Args:
        text: The host, and the port after a colon.
        asked: The host that the client was given, if the text should name it: a literal or a name.
    """
    match = _HOST.fullmatch(text)
    if match is None:
        if is_ipv6(_without_port(text)):
            return "the IPv6 address lacks brackets (RFC 3986 §3.2.2)"
        if is_ipv6(_without_port(unquote(text))):
            return "the brackets of its IPv6 address are percent-encoded (RFC 3986 §3.2.2)"
        return "it is not a host with an optional port (RFC 3986 §3.2.2)"
    host = match["host"]
    return _wrong_literal(host[1:-1]) if host.startswith("[") else _wrong_name(host, asked)


def host_symptoms(text: str) -> tuple[Symptom, ...]:
    """Return what a wrong host and its optional port show about the cause; empty if nothing, or if they are right."""
    if _CUT.fullmatch(text):
        return (Symptom.CUT_AT_COLON,)
    return (Symptom.NO_BRACKETS,) if _HOST.fullmatch(text) is None and is_ipv6(_without_port(text)) else ()


def _without_port(text: str) -> str:
    """Return a host that is not in both brackets, without its port, zone and brackets."""
    bare = text if is_ipv6(text) else text.rpartition(":")[0]
    return bare.partition("%")[0].strip("[]")


def is_ipv6(text: str) -> bool:
    """Return whether a text is an IPv6 address."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


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
    if is_ipv6(inside) or _FUTURE.fullmatch(inside):
        return ""
    return f"{inside!r} in brackets is not an IPv6 address (RFC 3986 §3.2.2)"
