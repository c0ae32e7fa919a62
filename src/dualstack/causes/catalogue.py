"""The catalogue of root causes: what goes wrong, and how it is fixed in each language."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dualstack.errors import HarnessError
from dualstack.suggestion import did_you_mean

LANGUAGES = ("C", "Go", "Python", "Java", "Node", "Rust")
"""The languages with a remedy for every cause, in display order."""

_FILE = Path(__file__).parents[1] / "causes.toml"


@dataclass(frozen=True, slots=True)
class Cause:
    """A root cause.

    Attributes:
        code: Stable and short: ``RC-V6ONLY``.
        title: One line.
        explanation: What goes wrong, understandable without further reading.
        fix: The fix in one sentence, for any language.
        remedy: The fix by language, for each of `LANGUAGES`.
    """

    code: str
    title: str
    explanation: str
    fix: str
    remedy: Mapping[str, str]

    def __post_init__(self) -> None:
        """Check that every text is present.

        Raises:
            HarnessError: A text or a remedy is missing.
        """
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
    """Return the root cause with this code.

    Raises:
        HarnessError: No cause has it.
    """
    causes = load_causes()
    if code not in causes:
        raise HarnessError(f"no root cause {code!r}{did_you_mean(code, tuple(causes))}")
    return causes[code]
