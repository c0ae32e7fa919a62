"""Printing for all commands: wrapped text and tables, also on terminals without UTF-8 and into closed pipes."""

import codecs
import fcntl
import io
import os
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dualstack.errors import UsageError

_NO_WIDTH = 100_000
"""The width of a pipe or file, in characters: more than any line has."""

_GAP = 2
"""How many spaces are between the columns of a table."""

_PLAIN = {
    "✗": "x", "✓": "+", "≈": "~", "→": "->", "←": "<-", "↔": "<->", "…": "...", "\N{EN DASH}": "-", "·": ".",
    "§": "section ",
}  # fmt: skip
"""Replacements for characters that a terminal's encoding lacks."""


class Terminal(Console):
    """A console that wraps text between words on a terminal, and prints one row a line into a pipe or file.

    When its reader closes the pipe, it stops printing; the command continues and keeps its exit code.
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of rich's console; pipes and files have no width limit."""
        super().__init__(**options)
        if not self.is_terminal:
            self.width = _NO_WIDTH

    def paragraph(
        self, text: str, *, indent: int = 0, hang: int = 0, style: str = "", lead: int = 0, mark: str = "bold"
    ) -> None:
        """Print a text, wrapped between words; a word that is longer than the line is printed whole.

        Args:
            text: The text; nothing in it is markup.
            indent: How many spaces each line begins with.
            hang: How many more each line but the first begins with.
            style: The text's style.
            lead: The number of characters at the beginning that have the style ``mark``.
            mark: The style of these characters.
        """
        wrapped = textwrap.wrap(
            text,
            max(self.width, 1),
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hang),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, line in enumerate(wrapped):
            written = Text(line, style=style)
            if not number:
                written.stylize(mark, indent, indent + lead)
            self.print(written, soft_wrap=True)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table, with cells wrapped between words; if it is too wide for the terminal, as a list of rows."""
        rows = [[" ".join(cell.split()) for cell in row] for row in rows]
        columns = [*zip(heads, *rows, strict=True)]
        least = [max(len(word) for cell in column for word in [*cell.split(), ""]) for column in columns]
        most = [max(map(len, column)) for column in columns]
        if not self.is_terminal:
            for row in (heads, *rows):
                padded = (cell.ljust(width) for cell, width in zip(row, most, strict=True))
                self.print(Text((" " * _GAP).join(padded).rstrip()), soft_wrap=True)
            return
        room = self.width - _GAP * (len(columns) - 1)
        if sum(least) > room:
            for first, *others in rows:
                self.paragraph(first, style="bold")
                for head, cell in zip(heads[1:], others, strict=True):
                    self.paragraph(f"{head}: {cell}", indent=2, hang=2)
            return
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
        for head, width in zip(heads, _narrowed(most, least, room), strict=True):
            table.add_column(Text(head), width=width, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        self.print(table)

    def on_broken_pipe(self) -> None:
        """Write nothing more (rich would exit with 1, which means that a service is broken)."""
        self.quiet = True
        abandon_output()


def _narrowed(most: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return the widths of the columns: the widest is narrowed until all fit into ``room``."""
    widths = list(most)
    while sum(widths) > room:
        widest = max((at for at, width in enumerate(widths) if width > least[at]), key=lambda at: widths[at])
        widths[widest] -= 1
    return widths


def prepare_output() -> None:
    """Make standard output and error replace characters that their encoding lacks, instead of failing.

    Raises:
        UsageError: Standard output is closed.
    """
    for number in (0, 1, 2):  # a file that is opened later must not take the number of a closed stream
        if (sys.stdin, sys.stdout, sys.stderr)[number] is None:
            os.dup2(_nowhere(), number)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - a descriptor, to the end
    if sys.stdout is None:
        raise UsageError("standard output is closed (>&-): write it to a file, or discard it with >/dev/null")
    codecs.register_error("dualstack.plain", _in_plain_characters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="dualstack.plain")


def abandon_output() -> None:
    """Discard further output: standard output cannot be written any more."""
    os.dup2(_nowhere(), sys.stdout.fileno())


@cache
def _nowhere() -> int:
    """Return a descriptor that discards what is written to it."""
    return fcntl.fcntl(os.open(os.devnull, os.O_RDWR), fcntl.F_DUPFD_CLOEXEC, 3)


def _in_plain_characters(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return a replacement for the characters that could not be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(char: str) -> str:
    """Return ``char`` in ASCII: a letter without its accents; ``?`` if there is no replacement."""
    if char in _PLAIN:
        return _PLAIN[char]
    if "\udc80" <= char <= "\udcff":  # a byte of a file's name that was not UTF-8 (PEP 383)
        return f"\\x{ord(char) - 0xDC00:02x}"
    if "\u2500" <= char <= "\u257f":  # box drawing
        return "|" if char in "│┃║" else "-" if char in "─━═╴╶╸╺" else "+"
    return unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode() or "?"
