"""Output for a terminal, with or without UTF-8, colour and a width."""

import sys
from typing import TextIO

from rich.console import Console
from rich.text import Text

from dualstack.report.text import visible
from dualstack.report.verdict_style import TONE_STYLES, VERDICT_STYLES, VerdictStyle
from dualstack.verdict import Verdict

_NO_WIDTH = 100_000
"""The width that is used for a pipe or file."""

_ASCII = str.maketrans({"→": "->", "←": "<-", "…": "...", "\N{EN DASH}": "-", "—": "-", "·": "-", "§": "section "})


def make_console(file: TextIO | None = None, *, width: int | None = None) -> Console:
    """Return a console that prints text as it is, without markup; NO_COLOR and TERM=dumb are respected by rich.

    Args:
        file: Where it writes; None for standard output.
        width: Columns; None for the terminal's width, or no limit without a terminal.
    """
    console = Console(file=file or sys.stdout, width=width, highlight=False, markup=False, emoji=False)
    if width is None and not console.is_terminal:
        console.width = _NO_WIDTH
    return console


def shown(text: str, *, ascii_only: bool) -> str:
    """Return ``text`` without control sequences; with ``ascii_only`` in ASCII only."""
    safe = visible(text)
    return safe.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii") if ascii_only else safe


def sign(style: VerdictStyle, *, ascii_only: bool) -> str:
    """Return a verdict's sign."""
    return style.ascii if ascii_only else style.sign


def name(style: VerdictStyle, *, ascii_only: bool) -> str:
    """Return a verdict's sign and word; without UTF-8 its word in capitals."""
    return style.verdict.value.upper() if ascii_only else f"{style.sign} {style.verdict.value}"


def styled(verdict: Verdict, text: str) -> Text:
    """Return ``text`` in the verdict's colour."""
    return Text(text, style=TONE_STYLES[VERDICT_STYLES[verdict].tone])


def is_ascii(console: Console) -> bool:
    """Return whether the terminal shows only ASCII."""
    return console.options.ascii_only
