"""``dualstack explain``: a requirement in full, with likely causes and how to fix them."""

import argparse

from rich.padding import Padding
from rich.text import Text

from dualstack.causes import load_causes
from dualstack.cli.terminal import Terminal
from dualstack.requirement import Requirement
from dualstack.suites import requirement

_FACTS_DECIDE = (
    "A report names only those that fit the facts of a case, and others that these show. Where none fits, it says that "
    "the cause is not known, and shows the facts."
)


def main(options: argparse.Namespace) -> int:
    """Print each requirement that is named."""
    console = Terminal(highlight=False)
    for wanted in options.id:
        _explain(console, requirement(wanted))
    return 0


def _explain(console: Terminal, item: Requirement) -> None:
    """Print one requirement."""
    console.print(Text(f"{item.id}  {item.title}  ({item.level.value})", style="bold"))
    parts = {
        "required": item.statement,
        "done": item.stimulus,
        "on the wire": item.wire,
        "worlds": ", ".join(item.topologies),
        "sources": "; ".join(item.cites),
    }
    for heading, text in parts.items():
        console.print(Padding(Text(f"{heading}: ", style="bold").append(text, style="not bold"), (0, 0, 0, 2)))
    causes = load_causes()
    if item.causes:
        console.print(Padding(Text("likely causes:", style="bold"), (0, 0, 0, 2)))
        console.print(Padding(Text(_FACTS_DECIDE, style="dim"), (0, 0, 0, 4)))
    for code in item.causes:
        cause = causes[code]
        console.print(Padding(Text(f"{code}  {cause.title}"), (0, 0, 0, 4)))
        console.print(Padding(Text(cause.explanation, style="dim"), (0, 0, 0, 6)))
        for language, remedy in cause.remedy.items():
            console.print(Padding(Text(f"{language}: ", style="bold").append(remedy, style="not bold"), (0, 0, 0, 6)))
    console.print()
