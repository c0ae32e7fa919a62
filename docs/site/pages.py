"""Pages of the site that are made: the catalogue of requirements, and a page for each product that was measured."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dualstack.causes import load_causes
from dualstack.content import ROOT
from dualstack.requirement import Requirement
from dualstack.suites import suites

DOCS = ROOT / "docs"
_TABLE = re.compile(r"^<!-- the table.*?-->\n(.*?)^<!-- the end of the table -->$", re.DOTALL | re.MULTILINE)
_NOTE = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)

NAVIGATION = {
    "First steps": ("tutorial", "results", "everyday", "commands", "faq", "gallery"),
    "How to": ("protocols", "ci", "manifest", "docker", "compose", "shards", "pytest", "own-suites"),
    "What others do": ("real-servers", "real-clients", "real-relays", "systems", "generated/products/index"),
    "Reference": ("generated/requirements/index", "causes", "draft", "glossary", "isolation", "../SECURITY"),
    "How it works": ("../ARCHITECTURE", "decisions/README", "coverage", "parity", "../CONTRIBUTING", "../CHANGELOG"),
}
"""The chapters of the site, with their pages; a page that does not exist is left out."""


BELOW = {"docs/decisions/README": ("0*",), "docs/systems": ("../fixtures/services/named/*/README",)}
"""The pages below a page, as patterns."""


def navigation(page: str) -> str:
    """Return what a page gets at its end for the navigation: the first page the chapters, others the pages below."""
    if page in BELOW:
        return _tree(BELOW[page], ":glob:")
    if page != "docs/index":
        return ""
    chapters = []
    for title, names in NAVIGATION.items():
        entries = [name for name in names if name.startswith("generated/") or (DOCS / f"{name}.md").exists()]
        chapters.append(_tree(entries, f":caption: {title}"))
    return "".join(chapters)


def _tree(entries: Sequence[str], *options: str) -> str:
    """Return a part of the navigation that is not shown on the page itself."""
    return "\n".join(["", "```{toctree}", ":hidden:", *options, "", *entries, "```", ""])


def write(folder: Path) -> None:
    """Write all pages into ``folder``; a page whose text is the same is not touched."""
    made = {f"requirements/{name}": text for name, text in catalogue().items()}
    made |= {f"products/{name}": text for name, text in products().items()}
    for name, text in made.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).with_suffix("").as_posix() not in made:
            path.unlink()


def catalogue() -> dict[str, str]:
    """Return the pages of the catalogue by name: one for each suite, and the index."""
    found = {suite: list(items.values()) for suite, items in suites().items()}
    rows = [
        f"| [{item.id}]({suite}.md#{_anchor(item)}) | {item.title} | {item.level.value} | {item.role.value} | {suite} |"
        for suite, items in found.items()
        for item in items
    ]
    intro = f"All {len(rows)} requirements. A heading sorts the table. `dualstack explain ID` shows one in a terminal."
    index = [
        "# Requirements",
        "",
        intro,
        "",
        "| id | requirement | level | of | suite |",
        "|---|---|---|---|---|",
        *rows,
        _tree([*found]),
    ]
    pages = {suite: "\n".join(_suite(suite, items)) + "\n" for suite, items in found.items()}
    return pages | {"index": "\n".join(index) + "\n"}


def _anchor(item: Requirement) -> str:
    """Return the anchor of a requirement, in the form of its heading on GitHub."""
    return re.sub(r"[^\w\- ]", "", f"{item.id} {item.title}".lower()).replace(" ", "-")


def _suite(name: str, items: Sequence[Requirement]) -> Iterator[str]:
    """Yield the lines of the page of a suite."""
    yield f"# Suite {name}\n"
    yield f"`dualstack run --suite {name} service.toml` checks these requirements.\n"
    for item in items:
        yield f"## {item.id} {item.title}\n"
        yield f"**{item.level.value}**, for each {item.role.value}. {_escaped(item.statement)}\n"
        yield f"*Sources:* {_escaped('; '.join(item.cites))}\n"
        yield f"*How it is checked:* {_escaped(item.stimulus)} {_escaped(item.wire)}\n"
        yield f"*On:* {', '.join(f'`{topology}`' for topology in item.topologies)}\n"
        if item.needs:
            yield f"*It does not apply if* {'; or '.join(_escaped(need.reason) for need in item.needs)}.\n"
        yield from _causes(item)


def _causes(item: Requirement) -> Iterator[str]:
    """Yield the likely causes of a failure with their fixes, folded."""
    known = load_causes()
    if item.causes:
        yield "*If it fails*, likely causes and fixes:\n"
    for code in item.causes:
        cause = known[code]
        yield f"- **{cause.title}** ({code}). {_escaped(cause.explanation)} *Fix:* {_escaped(cause.fix)}"
        for language, remedy in cause.remedy.items():
            yield f"  - {language}: {_escaped(remedy)}"
    yield ""


def _escaped(text: str) -> str:
    """Return a text in which no character is Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)


def measured() -> dict[str, tuple[str, list[str], list[list[str]], dict[str, str]]]:
    """Return the tables of what products do, by page: title, heads, rows, and notes by number.

    Every page ``docs/real-*.md`` with a table between its two marks counts; the first column names the product.
    """
    found = {}
    for page in sorted(DOCS.glob("real-*.md")):
        text = page.read_text(encoding="utf-8")
        marked = _TABLE.search(text)
        if marked:
            lines = [line for line in marked[1].splitlines() if line.startswith("|")]
            cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
            title = text.partition("\n")[0].removeprefix("# ")
            found[page.name] = title, cells[0], cells[2:], dict(_NOTE.findall(marked[1]))
    return found


def products() -> dict[str, str]:
    """Return the pages of the products by name, and their index."""
    tables, manifests = measured(), dict(_manifests())
    names = sorted({row[0] for _, _, rows, _ in tables.values() for row in rows}, key=str.casefold)
    pages = {slug(name): "\n".join(_product(name, tables, manifests.get(name))) + "\n" for name in names}
    index = ["# Products", "", "| product | measured as | summary |", "|---|---|---|"]
    for name in names:
        kinds = [
            f"[{page.removeprefix('real-').removesuffix('.md').removesuffix('s')}](../../{page})"
            for page, (_, _, rows, _) in tables.items()
            if any(row[0] == name for row in rows)
        ]
        summary = manifests[name][1]["service"].get("summary", "") if name in manifests else ""
        index.append(f"| [{name}]({slug(name)}.md) | {', '.join(kinds)} | {summary} |")
    return pages | {"index": "\n".join([*index, _tree(list(pages))]) + "\n"}


def slug(name: str) -> str:
    """Return the name of a product's page: ``apache2-http`` for ``apache2: http``."""
    return re.sub(r"[^\w.+-]+", "-", name)


def _manifests() -> Iterator[tuple[str, tuple[Path, Mapping[str, Any]]]]:
    """Yield the manifests of real software by the name of the service."""
    for folder in ("real", "heavy"):
        for path in sorted((ROOT / "fixtures" / "services" / folder).glob("*.toml")):
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            if "service" in table:
                yield table["service"]["name"], (path, table)


Tables = Mapping[str, tuple[str, list[str], list[list[str]], dict[str, str]]]
"""The tables of what products do, by page."""


def _product(name: str, tables: Tables, manifest: tuple[Path, Mapping[str, Any]] | None) -> Iterator[str]:
    """Yield the lines of the page of a product."""
    yield f"# {name}\n"
    if manifest:
        path, table = manifest
        where = path.relative_to(ROOT).as_posix()
        yield f"{table['service'].get('summary', '')}\n"
        yield f"Its manifest is [{where}](../../../{where}); `dualstack run {where}` verifies it again.\n"
    for page, (title, heads, rows, notes) in tables.items():
        ours = [row[1:] for row in rows if row[0] == name]
        if not ours:
            continue
        yield f"## {title}\n"
        yield f"[How to read it](../../{page}).\n"
        for row in (heads[1:], ["---"] * len(heads[1:]), *ours):
            yield f"| {' | '.join(row)} |"
        yield ""
        used = sorted({number for row in ours for cell in row for number in re.findall(r"\[(\d+)\]", cell)}, key=int)
        yield from (f"[{number}] {notes[number]}\n" for number in used if number in notes)
    if manifest and manifest[1].get("known"):
        yield "## Requirements that it does not meet\n"
        for known in manifest[1]["known"]:
            wanted = known["requirement"]
            where = f" on {', '.join(known['topologies'])}" if "topologies" in known else ""
            link = f" ([source]({known['url']}))" if "url" in known else ""
            ids = ", ".join(wanted if isinstance(wanted, list) else [wanted])
            yield f"- {ids}{where}: {_escaped(known['reason'])}{link}"


def linked(text: str, folder: str) -> str:
    """Return a page with a table of products in which the first cells link to the pages of the products."""
    marked = _TABLE.search(text)
    if not marked:
        return text
    head, line, rest = marked[1].split("\n", 2)
    rows = re.sub(
        r"^\| ([^|]+?) \|", lambda row: f"| [{row[1]}]({folder}/products/{slug(row[1])}.md) |", rest, flags=re.MULTILINE
    )
    return text.replace(marked[1], f"{head}\n{line}\n{rows}")
