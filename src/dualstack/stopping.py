"""When a run starts no further case: its time is used up, or a case has failed and that ends it.

The reason is a file in the run's folder, which every process of the run sees. Cases that run already end; the others
have no result.
"""

import time
from contextlib import suppress
from pathlib import Path

_FILE = "stopped"


class Stopping:
    """Whether a run starts no further case; each of its processes has its own copy."""

    def __init__(self, folder: Path, deadline: float | None, budget: float | None) -> None:
        """Take what ends the run.

        Args:
            folder: The run's folder.
            deadline: When no further case starts, as `time.monotonic` counts; None if that does not end it.
            budget: The seconds that the run was given, for the reason.
        """
        self._file = folder / _FILE
        self._deadline = deadline
        self._budget = budget

    def reason(self) -> str:
        """Return why no further case starts; empty if one may."""
        with suppress(FileNotFoundError):
            return self._file.read_text(encoding="utf-8")
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return f"the time budget of {self._budget:g} s is used up"
        return ""

    def stop(self, reason: str) -> None:
        """Start no further case; the first reason counts.

        Raises:
            OSError: It cannot be written, for example because the disk is full.
        """
        with suppress(FileExistsError), self._file.open("x", encoding="utf-8") as file:
            file.write(reason)

    def end(self) -> str:
        """Return the reason, and remove its file: the run has ended."""
        reason = self.reason()
        self._file.unlink(missing_ok=True)
        return reason
