"""Faults of a TOML file, and the error that reports all of them, each with its line and key."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dualstack.errors import UsageError
from dualstack.manifest.lines import Key, line_of, lines_of

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a TOML file.

    Attributes:
        key: The key, e.g. ``("listen", 0, "port")``; empty if the fault is of the whole file.
        text: What was found, and what is allowed.
    """

    key: Key
    text: str

    def __str__(self) -> str:
        """Return ``listen[0].port: found …``."""
        return f"{written(self.key)}: {self.text}" if self.key else self.text


def written(key: Key) -> str:
    """Return a key as text: ``listen[0].port``."""
    text = ""
    for part in key:
        name = part if isinstance(part, int) or _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
        text += f"[{part}]" if isinstance(part, int) else (f".{name}" if text else str(name))
    return text


def refusal(path: Path, faults: Iterable[Fault]) -> UsageError:
    """Return the error that reports all faults of a file, one per line, ordered by line number.

    The format is ``FILE:LINE: KEY: TEXT``. The line of a missing key is that of its table.
    """
    try:
        lines = lines_of(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):  # it was changed or removed after it was read
        lines = {}
    placed = sorted(((line_of(fault.key, lines), str(fault)) for fault in dict.fromkeys(faults)), key=lambda x: x[0])
    return UsageError("\n".join(f"{path}:{line}: {text}" for line, text in placed))
