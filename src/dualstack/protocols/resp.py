"""The commands of RESP2, read piece by piece."""

MOST_WORDS = 1024  # of one command
_MOST_LINE = 64 << 10  # bytes of one line
_MOST_WORD = 64 << 10  # bytes of one word
_MOST_COMMAND = 256 << 10  # bytes of the words of one command


class ProtocolError(Exception):
    """The bytes are not RESP2; the message is the answer."""


class Commands:
    """Finds the commands in what a client sends: arrays of bulk strings, and inline commands. Each byte is read once.

    Memory is bounded by `_MOST_COMMAND` and one piece.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._buffer = bytearray()
        self._searched = 0  # how much of the buffer is known to have no line end
        self._words: list[bytes] = []
        self._left = 0  # words of an array that are still missing
        self._room = 0  # bytes that they may have
        self._bulk = -1  # the size of the word that is being read; -1 before its size is known

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._buffer += data

    @property
    def is_partial(self) -> bool:
        """Whether the last command is not complete."""
        return bool(self._buffer or self._left)

    def next(self) -> list[bytes] | None:
        """Return the next command; None if there is no complete one.

        Raises:
            ProtocolError: The bytes are not RESP2, or too many.
        """
        while True:
            if self._bulk >= 0:
                if len(self._buffer) < self._bulk + 2:
                    return None
                self._take_word()
                if not self._left:
                    words, self._words = self._words, []
                    return words
                continue
            line = self._line()
            if line is None:
                return None
            if self._left:
                self._bulk = _size(line, b"$", 0, min(_MOST_WORD, self._room))
                self._room -= self._bulk
            elif line.startswith(b"*"):
                self._left, self._room = max(_size(line, b"*", -1, MOST_WORDS), 0), _MOST_COMMAND
            elif words := line.split():
                return words

    def _take_word(self) -> None:
        """Move a complete word out of the buffer."""
        if self._buffer[self._bulk : self._bulk + 2] != b"\r\n":
            raise ProtocolError("expected a line end after a bulk string")
        self._words.append(bytes(self._buffer[: self._bulk]))
        del self._buffer[: self._bulk + 2]
        self._searched, self._bulk = 0, -1
        self._left -= 1

    def _line(self) -> bytes | None:
        """Move a complete line out of the buffer; None if there is none."""
        end = self._buffer.find(b"\n", self._searched)
        if end < 0 and len(self._buffer) <= _MOST_LINE:
            self._searched = len(self._buffer)
            return None
        if end < 0 or end > _MOST_LINE:
            raise ProtocolError("too big inline request")
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        self._searched = 0
        return line


def _size(line: bytes, mark: bytes, least: int, most: int) -> int:
    """Return the number after a mark, as in ``$4``.

    Raises:
        ProtocolError: There is no such number, or it is out of range.
    """
    digits = line.removeprefix(mark)
    if line.startswith(mark) and digits.removeprefix(b"-").isdigit() and len(digits) < len(str(most)) + 2:
        size = int(digits)
        if least <= size <= most:
            return size
    kind = "multibulk" if mark == b"*" else "bulk"
    raise ProtocolError(f"invalid {kind} length")
