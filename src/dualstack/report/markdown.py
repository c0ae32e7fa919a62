"""Markdown that a job page or a pull request shows. Text of services stays text, whatever it contains."""

import re
from collections.abc import Iterable, Sequence

from dualstack.counting import count
from dualstack.report.text import clip

LIMIT = 60_000
"""The most characters of a page: GitHub's comments may have 65,536 of them, its job summaries 1 MiB."""

CELL = 1000
"""The most characters of a cell of a table."""

_MARKUP = re.compile(r"[\\`*_\[\]<>|~&$]|^[-+#=]|^\d+(?=[.)]\s)|:(?=//|[a-z+-][\w+-]*:)")
"""What forms markup, HTML, links or emoji; a character reference of it is text (CommonMark §2.5)."""

_REFERENCE = re.compile(r"(?<!\w)@(?=\w)|(?<!\w)#(?=\d)|(?<=\bwww)\.|(?<=\bGH)-(?=\d)", re.IGNORECASE)
"""What GitHub and GitLab make a link of without markup: mentions, numbers of issues, addresses of pages."""

_JOINER = "\u2060"
"""WORD JOINER: it is not shown, and ends what would become a link."""


def escaped(text: str, size: int = CELL) -> str:
    """Return one line of at most ``size`` characters of ``text`` that Markdown shows as it is: nothing in it is markup.

    It notifies no user and links no issue either.
    """
    line = _REFERENCE.sub(lambda match: match[0] + _JOINER, clip(text, size))
    return _MARKUP.sub(lambda match: "".join(f"&#{ord(char)};" for char in match[0]), line)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], room: int, noun: str = "row") -> str:
    """Return a table of escaped cells in at most ``room`` characters; a line after it counts the rows left out.

    Empty without rows.

    Args:
        heads: The heads of the columns: plain words.
        rows: The rows; their cells are escaped here.
        room: The most characters of the result.
        noun: What a row is called.
    """
    lines = [" | ".join(["", *heads, ""]).strip(), "|" + " --- |" * len(heads)]
    made = ["| " + " | ".join(map(escaped, row)) + " |" for row in rows]
    if not made:
        return ""
    left = room - sum(len(line) + 1 for line in lines) - len(_more(len(made), noun))
    for place, line in enumerate(made):
        left -= len(line) + 1
        if left < 0:
            return "\n".join(lines) + _more(len(made) - place, noun)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _more(number: int, noun: str) -> str:
    """Return the line that counts what is left out."""
    return f"\n\n… and {count(number, f'more {noun}')}.\n"


def bullets(items: Iterable[str], room: int) -> str:
    """Return a list of escaped items in at most ``room`` characters; its last item counts those left out."""
    made = [f"- {escaped(item)}\n" for item in items]
    left = room - len(f"- … and {len(made)} more.\n")
    for place, line in enumerate(made):
        left -= len(line)
        if left < 0:
            return "".join(made[:place]) + f"- … and {len(made) - place} more.\n"
    return "".join(made)
