"""``dualstack diff``: compare the results of two runs."""

import argparse
import json
from collections.abc import Sequence

from rich.text import Text

from dualstack.cli.terminal import Terminal
from dualstack.report.comparison import Change, Comparison, compare
from dualstack.report.comparison_text import HEADS, as_data, as_markdown, label, rows
from dualstack.report.reading import read_results
from dualstack.report.terminal import is_ascii, shown

_MOST = 40
"""How many rows of each kind of change a terminal shows."""


def main(options: argparse.Namespace) -> int:
    """Compare two runs; return 1 if a case fails in the later one that did not fail in the earlier one, else 0."""
    comparison = compare(read_results(options.before), read_results(options.after))
    match options.format:
        case "json":
            print(json.dumps(as_data(comparison), ensure_ascii=False, indent=1))
        case "markdown":
            print(as_markdown(comparison), end="")
        case _:
            _show(comparison, Terminal(highlight=False, markup=False, emoji=False))
    return int(bool(comparison.of(Change.BROKEN)))


def _show(comparison: Comparison, console: Terminal) -> None:
    """Print the table of differences, and the headline."""

    def safe(text: str) -> str:
        """Return text of a service that the terminal can show."""
        return shown(text, ascii_only=is_ascii(console))

    for word, report in (("before", comparison.before), ("after", comparison.after)):
        console.print(safe(f"{word:<7} {label(report)}"), soft_wrap=True)
    console.print()
    lines: list[Sequence[str]] = []
    more: list[str] = []
    for change in Change:
        found = rows(comparison.of(change))
        lines += found[:_MOST]
        if len(found) > _MOST:
            more.append(f"... and {len(found) - _MOST} more rows of {change.value} cases; --format json has them all.")
    if lines:
        console.table(HEADS, [[safe(cell) for cell in line] for line in lines])
        console.print()
    for text in (*more, *(f"Note: {warning}" for warning in comparison.warnings)):
        console.print(Text(safe(text), style="yellow"))
    console.print(Text(safe(comparison.headline), style="bold"))
