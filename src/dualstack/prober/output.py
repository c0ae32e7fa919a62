"""A program's output: its head and its tail are kept, and lines of it are watched for."""

import re
from dataclasses import dataclass, field

from dualstack.prober.messages import Log

HEAD = 64 << 10
"""How many bytes of the beginning are kept."""

TAIL = 256 << 10
"""How many bytes of the end are kept."""

_MOST_LINE = 8 << 10
"""How many bytes of an unfinished line are searched."""


@dataclass(slots=True)
class Watch:
    """A search for a line.

    Attributes:
        pattern: What the line must match.
        line: The first line that matches; None while there is none.
    """

    pattern: re.Pattern[str]
    line: str | None = None
    _rest: bytes = field(default=b"", repr=False)

    def feed(self, data: bytes) -> None:
        """Search more output; an unfinished line counts, too."""
        if self.line is not None:
            return
        lines = (self._rest + data).split(b"\n")
        self._rest = lines[-1][-_MOST_LINE:]
        for raw in lines:
            line = raw.decode(errors="replace").rstrip("\r")
            if self.pattern.search(line):
                self.line = line
                return


class Output:
    """What a program has written, in bounded memory.

    Attributes:
        size: How many bytes it has written in all.
    """

    def __init__(self) -> None:
        """Start without output."""
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
        if len(self._tail) > 2 * TAIL:  # seldom, because it copies what is kept
            del self._tail[:-TAIL]
        for watch in self._watches:
            watch.feed(data)

    def watch(self, pattern: str, since: int = 0) -> Watch:
        """Watch for a line that matches, in the output that is kept and in all that follows, until `unwatch`.

        Args:
            pattern: What the line must match.
            since: The first byte that counts.
        """
        watch = Watch(re.compile(pattern))
        watch.feed(bytes(self._head[since:]))
        if self._left_out:
            watch.feed(b"\n")  # the tail does not continue the head
        tail = bytes(self._tail[-TAIL:])
        watch.feed(tail[max(0, since - (self.size - len(tail))) :])
        self._watches.append(watch)
        return watch

    def unwatch(self, watch: Watch) -> None:
        """End a watch."""
        self._watches.remove(watch)

    @property
    def _left_out(self) -> int:
        """How many bytes of the middle are not kept."""
        return self.size - len(self._head) - min(len(self._tail), TAIL)

    def log(self) -> Log:
        """Return what is kept; bytes that are not UTF-8 appear as hexadecimal escapes."""
        head, tail = bytes(self._head), bytes(self._tail[-TAIL:])
        middle = f"\n[… {self._left_out} bytes left out …]\n".encode() if self._left_out else b""
        return Log(text=(head + middle + tail).decode(errors="backslashreplace"), size=self.size)
