"""A conversation with a command at a terminal."""

import os
import select
import time

_SECONDS = 100
"""How long something may take to appear."""


class Talk:
    """A conversation with ``dualstack`` at a terminal."""

    def __init__(self, pid: int, terminal: int) -> None:
        """Talk to a process at the other end of a terminal."""
        self._pid, self._terminal, self._heard = pid, terminal, ""

    def say(self, text: str) -> None:
        """Type a text."""
        os.write(self._terminal, text.encode())

    def until(self, text: str) -> str:
        """Read until a text has appeared; return what was before it, and forget both."""
        end = time.monotonic() + _SECONDS
        while text not in self._heard:
            assert self._hear(end), f"it ended: {self._heard}"
        before, _, self._heard = self._heard.partition(text)
        return before

    def exit_code(self) -> int:
        """Read to the end; return the exit code."""
        end = time.monotonic() + _SECONDS
        while self._hear(end):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _hear(self, end: float) -> bool:
        """Read what appears next, at the latest by ``end`` of the monotonic clock; return False at the end of all."""
        assert select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))[0], self._heard
        try:
            more = os.read(self._terminal, 4096)
        except OSError:  # EIO: nothing has it open any more
            return False
        self._heard += more.decode(errors="replace")
        return bool(more)
