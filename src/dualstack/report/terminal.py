"""Output for a terminal, with or without UTF-8, colour and a width."""

from rich.console import Console
from rich.text import Text

from dualstack.report.text import visible
from dualstack.report.verdict_style import TONE_STYLES, VERDICT_STYLES, VerdictStyle
from dualstack.verdict import Verdict

_ASCII = str.maketrans({"→": "->", "←": "<-", "…": "...", "\N{EN DASH}": "-", "—": "-", "·": "-", "§": "section "})


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
