"""Placeholders such as ``{port}``: which exist where, and what they become."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z][A-Za-z0-9._+-]*)\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each known placeholder by its value; other braces (of nginx, JSON, ``${shell}``) stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def unknown_placeholders(texts: Iterable[str], known: set[str]) -> Iterator[str]:
    """Yield what is to be said of each placeholder that does not exist: its name, the known ones, the nearest."""
    for text in texts:
        for name in _PLACEHOLDER.findall(text):
            if name not in known:
                allowed = sorted(f"{{{item}}}" for item in known)
                hint = did_you_mean(f"{{{name}}}", allowed)
                yield f"unknown placeholder {{{name}}} in {text!r}; allowed: {', '.join(allowed)}{hint}"


def did_you_mean(found: str, allowed: Sequence[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of what is allowed, or nothing."""
    nearest = difflib.get_close_matches(found, allowed, n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
