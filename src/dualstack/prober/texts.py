"""The text files that a program has written to its private folder, mostly log files."""

import os
from pathlib import Path

from dualstack.prober.messages.tables import ReadTexts
from dualstack.prober.verbs import Agent, verb

_FILES, _BYTES = 100, 64 << 10
"""How many files are read, and how many bytes of the end of each."""


def read_texts(folder: str) -> list[str]:
    """Return the ends of the text files below a folder, without files that are not UTF-8 or cannot be read."""
    paths = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    texts = []
    for path in sorted(paths)[:_FILES]:
        try:
            if not path.is_file() or path.is_symlink():  # opening a FIFO, or the target of a link, could block
                continue
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _BYTES))
                texts.append(file.read(_BYTES).decode())
        except (OSError, UnicodeDecodeError):
            continue
    return texts


@verb(ReadTexts)
async def texts(_: Agent, request: ReadTexts) -> tuple[str, ...]:
    """Return the ends of the text files below a folder."""
    return tuple(read_texts(request.folder))
