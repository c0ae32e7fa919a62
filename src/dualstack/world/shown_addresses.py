"""How an output shows an IPv6 address: its texts, with a port, and cut off. Pure."""

import ipaddress
import re
from collections.abc import Iterator, Sequence

_CANDIDATE = re.compile(r"(?<![0-9A-Za-z_:.])[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?![0-9A-Za-z_/:.])")
"""A text that could be an address, and is no network with a prefix length."""

_LEAST = 14
"""Characters of an address that a cut text must have; with fewer it could be the prefix of the network."""

_LINE = 200
"""Characters of an output line that a finding quotes."""


def texts_of(output: str, address: str) -> tuple[str, ...]:
    """Return each different text of an IPv6 address in an output, in order, without brackets and port."""
    return tuple(dict.fromkeys(text for text in _candidates(output) if _is(text, address)))


def shown(output: str, texts: Sequence[str]) -> str:
    """Return that an output shows these texts, with the first line that has the first one, cut to 200 characters."""
    line = next((line.strip() for line in output.splitlines() if texts[0] in line), "")
    return f"it shows {' and '.join(texts)}" + (f': "{line[:_LINE]}"' if line else "")


def joined_texts(output: str, address: str, port: int) -> tuple[str, ...]:
    """Return each different text in an output that is an IPv6 address, a colon and a port without brackets."""
    parts = ((text, *text.rpartition(":")) for text in _candidates(output))
    found = (text for text, head, _, last in parts if last == str(port) and _is(head, address))
    return tuple(dict.fromkeys(found))


def has_brackets(output: str, address: str, port: int) -> bool:
    """Return whether an output has an IPv6 address in brackets, followed by a port."""
    return any(f"[{text}]:{port}" in output for text in texts_of(output, address))


def cut_texts(output: str, address: str) -> tuple[str, ...]:
    """Return each different text in an output that is the beginning of an IPv6 address, and ends too early."""
    whole = str(ipaddress.IPv6Address(address))
    texts = (text.lower() for text in _candidates(output) if len(text) >= _LEAST)
    return tuple(dict.fromkeys(text for text in texts if text != whole and whole.startswith(text)))


def _candidates(output: str) -> Iterator[str]:
    """Yield the texts that could be an address, without the punctuation of the sentence."""
    for match in _CANDIDATE.finditer(output):
        text = match[0].rstrip(".")
        yield text[:-1] if text.endswith(":") and not text.endswith("::") else text


def _is(text: str, address: str) -> bool:
    """Return whether a text is this IPv6 address, in any form."""
    try:
        return ipaddress.IPv6Address(text) == ipaddress.IPv6Address(address)
    except ValueError:
        return False
