"""The lines about a failure in a service's output: those that it does not write normally. Pure."""

import re
from collections.abc import Iterable

from dualstack.facts.log import names_other_port

IN_USE = re.compile(r"(?i)in[ _-]?use|EADDRINUSE|\b(?:errno|error|code)\W{0,3}(?:98|10048)\b")
"""Forms of "address already in use": strerror's text, names in several languages, the number after a noun."""

_VARIABLE = re.compile(r"\x1b\[[0-9;]*m|0x[0-9a-f]+|\b[0-9a-f]*\d[0-9a-f]*\b|\d+", re.IGNORECASE)
"""What differs between two runs of one program: colours, numbers, identifiers."""

_FAILS = re.compile(
    r"(?i)\b(?:err(?:no|ors?)?|fail\w*|fatal|panic\w*|\w*exception|can ?no?t|can't|could ?n[o']t|unable|unavailable|"
    r"refus\w+|denied|abort\w*|impossible|conflict\w*|busy|occupied|taken|already|skip\w*|ignor\w+|gives? up|giving up|"
    r"disabled|warn\w*|not (?:\w+ )?(?:available|bound|listening|open\w*|possible|served|started))\b"
)

_LISTENER = re.compile(
    r"(?i)bind|bound|listen|port|socket|addr|endpoint|interface|ip ?v[46]|inet6?|tcp|udp|start|server|service|accept|::"
    r"|0\.0\.0\.0"
)


def new_lines(usual: str, text: str) -> list[str]:
    """Return the lines of ``text`` that are not in ``usual``; numbers and identifiers are ignored."""
    known = {_shape(line) for line in usual.splitlines()}
    return [line.strip() for line in text.splitlines() if line.strip() and _shape(line) not in known]


def _shape(line: str) -> str:
    """Return the part of a line that is the same in every run."""
    return _VARIABLE.sub("#", line).strip().casefold()


def in_use_line(text: str, port: int) -> str:
    """Return the first line that says that an address is in use and is not about another port; empty if none is."""
    lines = (line.strip() for line in text.splitlines() if IN_USE.search(line))
    return next((line for line in lines if not names_other_port(line, port)), "")


def naming_line(lines: Iterable[str], port: int) -> str:
    """Return the first line that reports a failure of a listener or of its port; empty if none does.

    Lines that match `IN_USE` come first.
    """
    found = list(lines)
    in_use = [line for line in found if IN_USE.search(line)]
    own = [line for line in found if _FAILS.search(line) and (_LISTENER.search(line) or str(port) in line)]
    return next(iter([*in_use, *own]), "")
