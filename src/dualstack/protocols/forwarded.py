"""The client's address in a relayed HTTP request: ``Forwarded`` (RFC 7239 §4, §6) and ``X-Forwarded-For``."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from dualstack.families import Family, cut_of, endpoint

Field = Literal["Forwarded", "X-Forwarded-For"]

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR = re.compile(rf'({_WORD})=(?:({_WORD})|"((?:[^"\\]|\\.)*)")')
_NODE = re.compile(r"(?P<name>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>\d{1,5}|_[0-9A-Za-z._-]+))?")
_HIDDEN = re.compile(r"unknown|_[0-9A-Za-z._-]+", re.IGNORECASE)
_MOST_READ = 8 << 10  # bytes of all fields of a request


@dataclass(frozen=True, slots=True)
class Chain:
    """The nodes that a request has passed, as its fields name them.

    Attributes:
        nodes: Their addresses in canonical form, the client's first; empty texts for nodes without an address.
        fault: What is malformed, as a clause; empty if nothing is. The nodes before it are there.
    """

    nodes: tuple[str, ...] = ()
    fault: str = ""


class _Malformed(ValueError):
    """A field is malformed; the message says why."""


def written(field: Field, client: str, port: int = 0) -> str:
    """Return the value of a field that names one client; with a port only in ``Forwarded``."""
    if field == "X-Forwarded-For":
        return client
    if Family.of(client) is Family.IPV4 and not port:
        return f"for={client}"
    return f'for="{endpoint(client, port)}"' if port else f'for="[{client}]"'


def values_in(head: str, field: Field) -> list[str]:
    """Return the values of a field in the head of a request, in their order."""
    rows = (line.partition(":") for line in re.split(r"\r?\n", head)[1:])
    return [value.strip() for name, _, value in rows if name.strip().lower() == field.lower()]


def read(field: Field, values: Iterable[str]) -> Chain:
    """Return the nodes in all values of a field; damaged values have a fault, and never raise."""
    found: list[str] = []
    text = ", ".join(values)[:_MOST_READ]
    try:
        found.extend(_forwarded(text) if field == "Forwarded" else _listed(text))
    except _Malformed as fault:
        return Chain(tuple(found), str(fault))
    return Chain(tuple(found))


def _listed(text: str) -> Iterator[str]:
    """Yield the nodes of ``X-Forwarded-For``: addresses without brackets and port.

    Raises:
        _Malformed: One is something else.
    """
    for item in filter(None, (part.strip(" \t") for part in text.split(","))):
        if _HIDDEN.fullmatch(item):
            yield ""
            continue
        if cut := cut_of(item):
            raise _Malformed(f"{item!r}: {cut}")
        if "[" in item or "]" in item:
            raise _Malformed(f"{item!r} has brackets, and X-Forwarded-For has the address alone")
        if item.count(":") == 1:
            raise _Malformed(f"{item!r} has a port, and X-Forwarded-For has the address alone")
        yield _address(item)


def _forwarded(text: str) -> Iterator[str]:
    """Yield the node of each ``for`` in ``Forwarded``.

    Raises:
        _Malformed: The field or a node breaks the grammar of RFC 7239 §4 and §6.
    """
    at, size = 0, len(text)
    while True:
        at = _skip(text, at, " \t;,")
        if at >= size:
            return
        pair = _PAIR.match(text, at)
        if pair is None:
            raise _Malformed(_why_no_pair(text[at:]))
        end = _skip(text, pair.end(), " \t")
        if end < size and text[end] not in ";,":
            raise _Malformed(_why_no_pair(text[at:]))
        if pair[1].lower() == "for":
            yield _node(pair[2] if pair[2] is not None else re.sub(r"\\(.)", r"\1", pair[3]))
        at = end


def _skip(text: str, at: int, what: str) -> int:
    """Return the place of the next character that is none of these."""
    while at < len(text) and text[at] in what:
        at += 1
    return at


def _why_no_pair(text: str) -> str:
    """Return why the text at one place of ``Forwarded`` is no parameter."""
    shown = re.split(r"[;,]", text, maxsplit=1)[0].strip()
    name, equals, value = shown.partition("=")
    if not value.startswith('"') and (cut := cut_of(value)):
        return f"{shown!r}: {cut}"
    if equals and not value.startswith('"') and re.search(r"[:\[\]]", value):
        return f"the value of {name!r} is not quoted, but has a colon or brackets (RFC 7239 §4): {shown!r}"
    return f"{shown!r} is no parameter (RFC 7239 §4)"


def _node(text: str) -> str:
    """Return the address of a node; empty for ``unknown`` and obfuscated names.

    Raises:
        _Malformed: It is no node.
    """
    found = _NODE.fullmatch(text)
    if found is None:
        if cut := cut_of(text):
            raise _Malformed(f"{text!r}: {cut}")
        if text.count(":") > 1 and not text.startswith("["):
            raise _Malformed(f"the IPv6 address in {text!r} has no brackets (RFC 7239 §6.1)")
        raise _Malformed(f"{text!r} is no node (RFC 7239 §6)")
    name = found["name"]
    if _HIDDEN.fullmatch(name):
        return ""
    address = _address(name.strip("[]"))
    if (":" in address) != name.startswith("["):
        raise _Malformed(f"{text!r} is no node: only IPv6 addresses have brackets (RFC 7239 §6)")
    return address


def _address(text: str) -> str:
    """Return an address in canonical form.

    Raises:
        _Malformed: It is none, or has a zone.
    """
    try:
        if "%" not in text:
            return str(ipaddress.ip_address(text))
    except ValueError:
        raise _Malformed(f"{text!r} is no address") from None
    raise _Malformed(f"{text!r} has a zone, which has no meaning on other hosts (RFC 4007 §6)")
