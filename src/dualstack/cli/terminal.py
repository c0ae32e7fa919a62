"""Where the commands print: also into a closed pipe, and on a terminal that does not know UTF-8."""

import codecs
import io
import os
import sys
import unicodedata

from rich.console import Console

_PLAIN = {
    "✗": "x", "✓": "+", "→": "->", "←": "<-", "↔": "<->", "…": "...", "\N{EN DASH}": "-", "·": ".", "§": "section ",
}  # fmt: skip
"""What stands for a character that a terminal's encoding lacks."""


class Terminal(Console):
    """A console that falls silent when nobody reads it any more: the work goes on, and the exit code is its own."""

    def on_broken_pipe(self) -> None:
        """Write nothing more (rich would exit with 1, which means something here)."""
        self.quiet = True
        abandon_output()


def prepare_output() -> None:
    """Let standard output and error replace what their encoding lacks, instead of failing on it."""
    codecs.register_error("dualstack.plain", _in_plain_characters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="dualstack.plain")


def abandon_output() -> None:
    """Let what is still to be written go nowhere: nobody reads standard output any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _in_plain_characters(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return a replacement for the characters that could not be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(char: str) -> str:
    """Return ASCII that stands for ``char``: a letter loses its accents; what nothing stands for is ``?``."""
    if char in _PLAIN:
        return _PLAIN[char]
    if "\udc80" <= char <= "\udcff":  # a byte of a file's name that was not UTF-8 (PEP 383)
        return f"\\x{ord(char) - 0xDC00:02x}"
    if "\u2500" <= char <= "\u257f":  # box drawing
        return "|" if char in "│┃║" else "-" if char in "─━═╴╶╸╺" else "+"
    return unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode() or "?"
