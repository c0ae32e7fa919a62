"""``dualstack explain``: a requirement in full, with likely causes and how to fix them."""

import argparse

from dualstack.causes import load_causes
from dualstack.cli.terminal import Terminal
from dualstack.requirement import Requirement
from dualstack.suites import requirement

_FACTS_DECIDE = (
    "A report names only causes that fit the facts of a case, also causes that are not listed here. If none fits, it "
    "says that the cause is not known, and shows the facts."
)


def main(options: argparse.Namespace) -> int:
    """Print each requirement that is named."""
    console = Terminal(highlight=False)
    for wanted in options.id:
        _explain(console, requirement(wanted))
    return 0


def _explain(console: Terminal, item: Requirement) -> None:
    """Print one requirement."""
    console.paragraph(f"{item.id}  {item.title}  ({item.level.value})", style="bold")
    parts = {
        "required": item.statement,
        "checked by": item.stimulus,
        "packets": item.wire,
        "topologies": ", ".join(item.topologies),
        "sources": "; ".join(item.cites),
    }
    for heading, text in parts.items():
        _part(console, heading, text, 2)
    causes = load_causes()
    if item.causes:
        console.paragraph("likely causes:", indent=2, style="bold")
        console.paragraph(_FACTS_DECIDE, indent=4, style="dim")
    for code in item.causes:
        cause = causes[code]
        console.paragraph(f"{code}  {cause.title}", indent=4)
        console.paragraph(cause.explanation, indent=6, style="dim")
        for language, remedy in cause.remedy.items():
            _part(console, language, remedy, 6)
    console.print()


def _part(console: Terminal, heading: str, text: str, indent: int) -> None:
    """Print a text with its heading before it."""
    console.paragraph(f"{heading}: {text}", indent=indent, lead=len(heading) + 1)
