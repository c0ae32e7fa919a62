"""A conversation's packets, one line each, taken apart so that a face can draw who spoke to whom."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LINE = re.compile(r"\s*(?P<time>[+-]?\d+(?:\.\d+)?) ms\s+(?P<src>\S*[.:]\S*) → (?P<dst>\S*[.:]\S*)\s+(?P<what>.+)")
_ENDPOINT = re.compile(r"\[(?P<ipv6>[^\]]+)\](?::\d+)?|(?P<ipv4>[^:]+)(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Step:
    """One packet of a conversation.

    Attributes:
        time: When, in milliseconds; None if the line could not be taken apart.
        left: The endpoint, with its port, of the host that spoke first; empty if the line could not be taken apart.
        right: The other endpoint.
        forward: Whether it went from left to right.
        what: What the packet is: ``TCP SYN``; the whole line if it could not be taken apart.
    """

    time: float | None
    left: str
    right: str
    forward: bool
    what: str


def ladder(lines: Iterable[str]) -> list[Step]:
    """Take packet lines such as ``+1.204 ms  192.0.2.2:40000 → 192.0.2.1:80  TCP SYN`` apart.

    Of two hosts, the one that sends the first packet stands on the left. A line of another form is kept whole.
    """
    first: dict[frozenset[str], str] = {}
    steps = []
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            steps.append(Step(time=None, left="", right="", forward=True, what=line.strip()))
            continue
        src, dst = match["src"], match["dst"]
        forward = first.setdefault(frozenset({_host(src), _host(dst)}), _host(src)) == _host(src)
        left, right = (src, dst) if forward else (dst, src)
        steps.append(Step(time=float(match["time"]), left=left, right=right, forward=forward, what=match["what"]))
    return steps


def _host(endpoint: str) -> str:
    """Return the address of ``[2001:db8::1]:80``, ``192.0.2.1:80`` or a bare address."""
    match = _ENDPOINT.fullmatch(endpoint)
    return endpoint if match is None else match["ipv6"] or match["ipv4"]
