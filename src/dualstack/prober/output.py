"""A program's output: bounded, with its head and its tail, and lines that are looked out for."""

import re
from dataclasses import dataclass, field

from dualstack.prober.messages import Log

HEAD = 64 << 10
"""How many bytes of the beginning are kept."""

TAIL = 256 << 10
"""How many bytes of the end are kept."""

_LONGEST_LINE = 8 << 10
"""How much of a line that does not end is looked at."""


@dataclass(slots=True)
class Watch:
    """A line that is looked out for.

    Attributes:
        pattern: What it must match.
        line: The first line that did; None as long as there is none.
    """

    pattern: re.Pattern[str]
    line: str | None = None
    _rest: bytes = field(default=b"", repr=False)

    def feed(self, data: bytes) -> None:
        """Look at more output; a line that has not ended yet counts as it stands."""
        if self.line is not None:
            return
        lines = (self._rest + data).split(b"\n")
        self._rest = lines[-1][-_LONGEST_LINE:]
        for raw in lines:
            line = raw.decode(errors="replace").rstrip("\r")
            if self.pattern.search(line):
                self.line = line
                return


class Output:
    """What a program has written, in memory that does not grow.

    Attributes:
        size: How many bytes it was in all.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.size = 0
        self._head = bytearray()
        self._tail = bytearray()
        self._watches: list[Watch] = []

    def feed(self, data: bytes) -> None:
        """Take more output."""
        self.size += len(data)
        room = HEAD - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * TAIL:  # cut seldom: each cut moves what is kept
            del self._tail[:-TAIL]
        for watch in self._watches:
            watch.feed(data)

    def watch(self, pattern: str, since: int = 0) -> Watch:
        """Look out for a line that matches, in what is kept of the past and in all that comes, until `unwatch`.

        Args:
            pattern: What the line must match.
            since: The first byte that counts.
        """
        watch = Watch(re.compile(pattern))
        watch.feed(bytes(self._head[since:]))
        if self._left_out:
            watch.feed(b"\n")  # what follows is no continuation
        tail = bytes(self._tail[-TAIL:])
        watch.feed(tail[max(0, since - (self.size - len(tail))) :])
        self._watches.append(watch)
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Look out no more."""
        self._watches.remove(watch)

    @property
    def _left_out(self) -> int:
        """How many bytes are kept no more."""
        return self.size - len(self._head) - min(len(self._tail), TAIL)

    def log(self) -> Log:
        """Return what is kept; a byte that is no UTF-8 appears as its hexadecimal escape."""
        head, tail = bytes(self._head), bytes(self._tail[-TAIL:])
        middle = f"\n[… {self._left_out} bytes left out …]\n".encode() if self._left_out else b""
        return Log(text=(head + middle + tail).decode(errors="backslashreplace"), size=self.size)
