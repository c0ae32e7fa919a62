"""The files of a support statement: a page as HTML and as Markdown, data, and a badge."""

import json
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from dualstack.report.atomic import write_atomically
from dualstack.report.html import template
from dualstack.report.markdown import LIMIT, bullets, escaped, table
from dualstack.report.statement import ExceptionTo, SupportStatement
from dualstack.report.text import visible
from dualstack.report.verdict_style import Tone
from dualstack.scenarios import DRAFT

_LABEL = "IPv4 + IPv6"
"""The left half of a badge."""

_COLOURS = {Tone.GOOD: "#1a7f37", Tone.WARN: "#8a5a00", Tone.BAD: "#b42318", Tone.QUIET: "#5b6570"}
"""The right half of a badge; white text on each has a contrast of at least 4.5."""

_CHARACTER = 6.7
"""The width of a character in pixels; the text is drawn in that width, whatever font there is."""


def write_statement(statement: SupportStatement, folder: Path, name: str) -> list[Path]:
    """Write the four files of a statement; return their paths.

    Raises:
        OSError: They cannot be written.
    """
    made = {
        ".html": template("statement.html").render(statement=statement, draft=DRAFT),
        ".md": as_markdown(statement),
        ".json": json.dumps(statement.as_data(), ensure_ascii=False, indent=1) + "\n",
        ".svg": badge(statement),
    }
    return [write_atomically(folder / f"{name}{suffix}", text) for suffix, text in made.items()]


def file_names(services: list[str]) -> dict[str, str]:
    """Return a file name for each service: its name with other characters than letters and digits as ``-``."""
    found: dict[str, str] = {}
    for service in services:
        name = (
            "".join(char if char.isascii() and char.isalnum() else "-" for char in service).strip("-")[:80] or "service"
        )
        same = sum(other == name or other.startswith(f"{name}~") for other in found.values())
        found[service] = f"{name}~{same + 1}" if same else name
    return found


def as_markdown(statement: SupportStatement) -> str:
    """Return the page as Markdown, of at most `LIMIT` characters; text of services is inert."""
    about = statement.statement.about
    exceptions = [_cells(item) for item in statement.exceptions]
    rows = [
        (cell.row.title, cell.row.plan.value, cell.side.value, cell.state.value, cell.reason)
        for cell in statement.cells
    ]
    room = LIMIT // 5
    page = [
        f"# Support of IPv4 and IPv6: {escaped(statement.service)}\n",
        f"{escaped(about)}\n" if about else "",
        f"**{escaped(statement.headline)}**\n",
        f"## Combinations of [{DRAFT.name}]({DRAFT.url})\n" if rows else "",
        table(("client → server", "class", "service is", "state", "why"), rows, room),
        "## Exceptions\n",
        table(("kind", "requirement", "on", "why", "declared"), exceptions, room) or "None.\n",
        "## Not tested\n",
        bullets(statement.untested, room) or "Nothing that concerns this service.\n",
        "## Evidence\n",
        table(("", ""), statement.evidence, room),
    ]
    return "\n".join(part for part in page if part)


def _cells(item: ExceptionTo) -> tuple[str, ...]:
    """Return the cells of an exception."""
    until = [f"owner: {item.owner}" if item.owner else "", f"until {item.expires}" if item.expires else ""]
    return (item.kind, item.title, item.where, item.why, ", ".join(part for part in until if part))


def badge(statement: SupportStatement) -> str:
    """Return the badge: what was verified on the left, the result on the right. It loads nothing."""
    text = statement.badge
    colour = _COLOURS[statement.level.tone]
    left, right = (round(len(part) * _CHARACTER) for part in (_LABEL, text))
    title = escape(visible(f"{statement.service}: {statement.headline}"))
    x = left + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{x + right + 12}" height="20" role="img" '
        f"aria-label={quoteattr(f'{_LABEL}: {text}')}><title>{title}</title>"
        f'<rect width="{x}" height="20" fill="#3b434b"/>'
        f'<rect x="{x}" width="{right + 12}" height="20" fill="{colour}"/>'
        '<g fill="#fff" font-family="DejaVu Sans,Verdana,sans-serif" font-size="11">'
        f'<text x="6" y="14" textLength="{left}">{_LABEL}</text>'
        f'<text x="{x + 6}" y="14" textLength="{right}">{escape(text)}</text></g></svg>\n'
    )
