"""Root causes: why services fall short on a family, and how that is cured in each language."""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dualstack.errors import HarnessError

LANGUAGES = ("C", "Go", "Python", "Java", "Node", "Rust")
"""The languages that every cause has a remedy for, in the order in which they are shown."""

_FILE = Path(__file__).with_name("causes.toml")


@dataclass(frozen=True, slots=True)
class Cause:
    """A root cause.

    Attributes:
        code: Stable and short: ``RC-V6ONLY``.
        title: A line.
        explanation: What goes wrong, for an engineer who has read nothing else.
        fix: The cure in one sentence, whatever the language.
        remedy: The cure by language, for each of `LANGUAGES`.
        sign: What a service writes that suffers from it, as a regular expression; empty where nothing is typical.
    """

    code: str
    title: str
    explanation: str
    fix: str
    remedy: Mapping[str, str]
    sign: str = ""

    def __post_init__(self) -> None:
        """Refuse a cause that would leave its reader without an answer."""
        for name in ("title", "explanation", "fix"):
            if not getattr(self, name):
                raise HarnessError(f"{self.code}: {name} is empty")
        if tuple(self.remedy) != LANGUAGES or not all(self.remedy.values()):
            raise HarnessError(f"{self.code}: remedies for {', '.join(self.remedy)}; wanted: {', '.join(LANGUAGES)}")


@cache
def load_causes() -> Mapping[str, Cause]:
    """Return all root causes by code, in the order of their file.

    Raises:
        HarnessError: The file is incomplete.
    """
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    try:
        return {code: Cause(code=code, **table) for code, table in tables.items()}
    except TypeError as error:
        raise HarnessError(f"{_FILE.name}: {error}") from None


def cause(code: str) -> Cause:
    """Return the root cause of that code.

    Raises:
        HarnessError: There is none.
    """
    causes = load_causes()
    if code not in causes:
        nearest = difflib.get_close_matches(code, causes, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise HarnessError(f"no root cause {code!r}{hint}")
    return causes[code]


def likely(codes: Sequence[str], works: Mapping[str, bool], output: str = "") -> tuple[str, ...]:
    """Return the causes that fit what the application saw, in their order; first those that the output is a sign of.

    Where IPv4 works and IPv6 does not, a default of IPV6_V6ONLY is not to blame; where IPv6 works and IPv4 does not, an
    IPv4-only socket is not.

    Args:
        codes: A requirement's causes, most likely first.
        works: Whether each family worked; a family that was not tried is absent.
        output: What the service wrote.
    """
    lost = {family for family, ok in works.items() if not ok}
    excluded = {frozenset({"ipv6"}): "RC-V6ONLY", frozenset({"ipv4"}): "RC-V4SOCK"}.get(frozenset(lost), "")
    fitting = [code for code in codes if code != excluded] or list(codes)
    signs = {code: item.sign for code, item in load_causes().items() if item.sign}
    return tuple(sorted(fitting, key=lambda code: code not in signs or not re.search(signs[code], output)))
