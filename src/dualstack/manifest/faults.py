"""What is wrong with a TOML file: key and text; and how it is reported, each fault with its line."""

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
    """One thing that is wrong.

    Attributes:
        key: Where: ``("listen", 0, "port")``; empty for the file as a whole.
        text: What was found there, what is allowed.
    """

    key: Key
    text: str

    def __str__(self) -> str:
        """Return ``listen[0].port: found …``."""
        return f"{written(self.key)}: {self.text}" if self.key else self.text


def written(key: Key) -> str:
    """Write a key as a person does: ``listen[0].port``."""
    text = ""
    for part in key:
        name = part if isinstance(part, int) or _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
        text += f"[{part}]" if isinstance(part, int) else (f".{name}" if text else str(name))
    return text


def refusal(path: Path, faults: Iterable[Fault]) -> UsageError:
    """Return the error that names every fault of a file, one a line, in the order of the lines.

    Each reads ``FILE:LINE: KEY: TEXT``. The line of a key that the file lacks is that of its table.
    """
    try:
        lines = lines_of(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):  # it was read before, and is gone or another one now
        lines = {}
    placed = sorted(((line_of(fault.key, lines), str(fault)) for fault in dict.fromkeys(faults)), key=lambda x: x[0])
    return UsageError("\n".join(f"{path}:{line}: {text}" for line, text in placed))
