"""``dualstack explain``: a requirement in full, with likely causes and their fixes; or a cause that reports name."""

import argparse

from dualstack.causes import Cause, load_causes
from dualstack.cli.terminal import Terminal
from dualstack.errors import UsageError
from dualstack.requirement import Requirement
from dualstack.suggestion import did_you_mean
from dualstack.suites import requirement, requirements

_PREFIX = "RC-"
"""How the code of each cause begins."""

_FACTS_DECIDE = (
    "A report names only causes that fit the facts of a case, also causes that are not listed here. If none fits, it "
    "says that the cause is not known, and shows the facts."
)


def main(options: argparse.Namespace) -> int:
    """Print each requirement and each cause that is named.

    Raises:
        UsageError: There is no such requirement or cause; the message suggests the nearest.
    """
    console = Terminal(highlight=False)
    for wanted in options.id:
        if wanted.upper().startswith(_PREFIX):
            _explain_cause(console, _cause(wanted))
        else:
            _explain(console, requirement(wanted))
    return 0


def _cause(wanted: str) -> Cause:
    """Return the cause with this code, in upper or lower case.

    Raises:
        UsageError: There is none; the message suggests the nearest.
    """
    causes = load_causes()
    if wanted.upper() not in causes:
        hint = did_you_mean(wanted.upper(), list(causes))
        raise UsageError(f"no cause {wanted!r}{hint} (reports show the code of each cause)")
    return causes[wanted.upper()]


def _explain_cause(console: Terminal, cause: Cause) -> None:
    """Print one cause, and the requirements that list it."""
    console.paragraph(f"{cause.code}  {cause.title}", style="bold")
    _part(console, "cause", cause.explanation, 2)
    _part(console, "fix", cause.fix, 2)
    for language, remedy in cause.remedy.items():
        _part(console, language, remedy, 4)
    listing = [item.id for item in requirements().values() if cause.code in item.causes]
    _part(console, "likely for", ", ".join(listing) or "no requirement in particular", 2)
    console.paragraph("A report names it for any requirement if the facts of the case fit.", indent=2, style="dim")
    console.print()


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
