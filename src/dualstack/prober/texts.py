"""The text files that a program has written to its private folder: log files, mostly."""

import os
from pathlib import Path

_FILES, _BYTES = 100, 64 << 10
"""How many files are read, and how much of the end of each."""


def read_texts(folder: str) -> list[str]:
    """Return the ends of the text files below a folder; what is no UTF-8, and what cannot be read, is left out."""
    paths = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    texts = []
    for path in sorted(paths)[:_FILES]:
        try:
            if not path.is_file() or path.is_symlink():  # to open a FIFO, or what a link leads to, could take for ever
                continue
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _BYTES))
                texts.append(file.read(_BYTES).decode())
        except (OSError, UnicodeDecodeError):
            continue
    return texts
