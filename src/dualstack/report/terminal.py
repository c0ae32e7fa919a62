"""A terminal, whatever it can show: with or without UTF-8, colour and width."""

import sys
from typing import TextIO

from rich.console import Console
from rich.text import Text

from dualstack.report.faces import FACES, STYLES, Face
from dualstack.report.text import visible
from dualstack.verdict import Verdict

_NO_WIDTH = 100_000
"""What stands for the width of a pipe or file."""

_ASCII = str.maketrans({"→": "->", "←": "<-", "…": "...", "\N{EN DASH}": "-", "—": "-", "·": "-", "§": "section "})


def make_console(file: TextIO | None = None, *, width: int | None = None) -> Console:
    """Return a console that guesses nothing into our text; NO_COLOR and TERM=dumb are respected by rich.

    Args:
        file: Where it writes; None for standard output.
        width: Columns; None for the terminal's own, or as many as it takes where there is no terminal.
    """
    console = Console(file=file or sys.stdout, width=width, highlight=False, markup=False, emoji=False)
    if width is None and not console.is_terminal:
        console.width = _NO_WIDTH
    return console


def shown(text: str, *, ascii_only: bool) -> str:
    """Return ``text`` as a terminal may have it: nothing that acts, only ASCII where that is all that it shows."""
    safe = visible(text)
    return safe.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii") if ascii_only else safe


def sign(face: Face, *, ascii_only: bool) -> str:
    """Return a verdict's sign."""
    return face.ascii if ascii_only else face.sign


def name(face: Face, *, ascii_only: bool) -> str:
    """Return a verdict's sign and word; without UTF-8 its word in capitals."""
    return face.verdict.value.upper() if ascii_only else f"{face.sign} {face.verdict.value}"


def styled(verdict: Verdict, text: str) -> Text:
    """Return ``text`` in the verdict's colour."""
    return Text(text, style=STYLES[FACES[verdict].tone])


def is_ascii(console: Console) -> bool:
    """Return whether the terminal shows nothing but ASCII."""
    return console.options.ascii_only
