"""The pages of the manual, which a wheel carries too: ``dualstack help TOPIC``."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.markdown import Markdown

from dualstack.cli.terminal import Terminal
from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.suggestion import did_you_mean

PAGES = ("docs/*.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md")
"""The pages, as patterns in the folder of the content; hatch_build.py puts the same into a wheel."""

_WIDTH = 110
"""The longest line of text, in characters."""

_FENCE, _HEADING = re.compile(r"^ *```"), re.compile(r"^(#+) (.+)$")


def topics() -> dict[str, Path]:
    """Return the pages by their topic, such as ``manifest``, in alphabetical order."""
    pages = [path for pattern in PAGES for path in ROOT.glob(pattern)]
    return {path.stem.lower(): path for path in sorted(pages, key=lambda path: path.stem.lower())}


def title(page: Path) -> str:
    """Return the title of a page: its first heading."""
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def show(topic: str, words: Sequence[str], console: Terminal) -> None:
    """Show a page, or those of its sections whose headings contain all of ``words``.

    A terminal gets formatted text, in a pager if it is longer than the screen. A pipe or file gets the Markdown source.

    Raises:
        UsageError: If there is no such page, or no such section.
    """
    pages = topics()
    if topic not in pages:
        raise UsageError(f'no page {topic!r}{did_you_mean(topic, list(pages))}; "dualstack help" shows their names')
    text = pages[topic].read_text(encoding="utf-8")
    if words:
        text = _chosen(text, topic, words)
    if not console.is_terminal:
        console.print(text.rstrip(), soft_wrap=True, markup=False, highlight=False)
        return
    os.environ.setdefault("LESS", "FRX")  # colours; no pager for less than a screen
    with console.pager(styles=True):
        console.print(Markdown(_readable(text, pages), hyperlinks=False), width=min(console.width, _WIDTH))


def sections(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the sections of a page: the level of the heading, the heading, and the text up to the next heading."""
    level, heading, lines, fenced = 0, "", list[str](), False
    for line in text.splitlines(keepends=True):
        fenced ^= bool(_FENCE.match(line))
        found = None if fenced else _HEADING.match(line)
        if found:
            yield level, heading, "".join(lines)
            level, heading, lines = len(found[1]), found[2].strip(), []
        lines.append(line)
    yield level, heading, "".join(lines)


def _chosen(text: str, topic: str, words: Sequence[str]) -> str:
    """Return the sections whose headings contain all words, each with the sections below it."""
    found = list(sections(text))[1:]
    chosen, below = list[str](), 0
    for level, heading, body in found[1:]:
        if not below or level <= below:
            below = level if all(word.lower() in heading.lower() for word in words) else 0
        if below:
            chosen.append(body)
    if not chosen:
        named = "; ".join(heading.replace("`", "") for _, heading, _ in found[1:])
        raise UsageError(f"no section of {topic!r} has {' '.join(words)!r} in its heading; its sections are: {named}")
    return "".join(chosen)


def _readable(text: str, pages: dict[str, Path]) -> str:
    """Return a page without links that lead nowhere in a terminal; those to other pages are named at the end."""
    seen = dict.fromkeys(name.lower() for name in re.findall(r"\]\((?:\.\./)?([A-Za-z-]+)\.md[#)]", text))
    others = [f"dualstack help {name}" for name in seen if name in pages]
    text = re.sub(r"!\[([^]]*)\]\([^)]*\)", r"*Picture: \1*", text)
    text = re.sub(r"\[((?:[^]\[`]|`[^`]*`)+)\]\((?!https?://)[^)\s]+\)", r"\1", text)
    return text + (f"\nSee also: {', '.join(f'`{name}`' for name in others)}\n" if others else "")
