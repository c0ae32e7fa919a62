"""The documentation site: it is built without a warning, loads nothing from other servers, and has what it promises."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.suites import requirements

PAGES = import_module("dualstack.content.docs.site.pages")

LOADED = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
}
"""The attributes of elements whose address a browser loads without a click."""

ELSEWHERE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"(?:url\(\s*|@import\s+)['\"]?((?:https?:)?//[^'\")\s]+)", re.IGNORECASE)


class Loads(HTMLParser):
    """Collects what a browser loads for a page from other servers."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.found = list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of one element."""
        self.found += [
            value for name, value in attrs if value and name in LOADED.get(tag, ()) and ELSEWHERE.match(value)
        ]


def loads(text: str, *, markup: bool) -> list[str]:
    """Return what a browser loads from other servers for a page or picture (markup), or a style sheet."""
    found = IN_STYLE.findall(text)
    if markup:
        parser = Loads()
        parser.feed(text)
        found += parser.found
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, built as ``make docs`` builds it; a warning fails all tests of it."""
    folder = tmp_path_factory.mktemp("site")
    command = ["sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", "docs/site"]
    command += ["-d", str(folder / "doctrees"), ".", str(folder / "html")]
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def texts(site: Path, *suffixes: str) -> Iterator[tuple[str, str]]:
    """Yield the files of the site with these suffixes: path and text."""
    for path in sorted(site.rglob("*")):
        if path.suffix in suffixes:
            yield path.relative_to(site).as_posix(), path.read_text(encoding="utf-8")


def test_nothing_comes_from_other_servers(site: Path) -> None:
    """No page, picture or style sheet of the site makes a browser load anything from another server."""
    found = {name: loads(text, markup=True) for name, text in texts(site, ".html", ".svg")}
    found |= {name: loads(text, markup=False) for name, text in texts(site, ".css")}
    assert len(found) > 100
    assert {name: urls for name, urls in found.items() if urls} == {}


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        '<img alt="" src="http://example.org/a.png">',
        "<style>@font-face { src: url('https://fonts.example/a.woff2') }</style>",
        '<style>@import "https://fonts.example/css";</style>',
    ],
)
def test_what_is_loaded_is_found(text: str) -> None:
    """The search finds scripts, styles, pictures and fonts of other servers; a link to click is none of them."""
    assert len(loads(text, markup=True)) == 1
    assert loads('<a href="https://example.org/">there</a><img src="a.png">', markup=True) == []


def test_every_requirement_has_its_anchor(site: Path) -> None:
    """The catalogue has each requirement once, with an anchor to which the index links."""
    index = (site / "docs/generated/requirements/index.html").read_text(encoding="utf-8")
    for name, item in requirements().items():
        (suite, anchor) = re.findall(rf'href="([a-z]+)\.html#({name.lower()}-[^"]*)"', index)[0]
        page = (site / f"docs/generated/requirements/{suite}.html").read_text(encoding="utf-8")
        assert page.count(f'id="{anchor}"') == 1
        assert item.level.value in page


def test_every_product_has_its_page(site: Path) -> None:
    """Each product of a table of real servers or clients has a page, and its row links to it."""
    for page, (_, _, rows, _) in PAGES.measured().items():
        text = (site / "docs" / page).with_suffix(".html").read_text(encoding="utf-8")
        for name in {row[0] for row in rows}:
            assert f'href="generated/products/{PAGES.slug(name)}.html"' in text
            assert (site / f"docs/generated/products/{PAGES.slug(name)}.html").is_file()


def test_tables_of_products_are_read_whole() -> None:
    """The pages of products have as many rows as the tables, with their notes; nginx has both kinds of facts."""
    tables = PAGES.measured()
    assert {"real-servers.md", "real-clients.md"} <= set(tables)
    assert all(len({len(row) for row in [heads, *rows]}) == 1 for _, heads, rows, _ in tables.values())
    nginx = PAGES.products()["nginx"]
    assert len(re.findall(r"^\| [\d.]+ \| `", nginx, re.MULTILINE)) == sum(
        row[0] == "nginx" for row in tables["real-servers.md"][2]
    )
    assert "dualstack run fixtures/services/real/nginx.toml" in nginx


def test_navigation_has_every_page() -> None:
    """Each page of docs/ is in one chapter of the navigation, except the first page itself."""
    named = [name for names in PAGES.NAVIGATION.values() for name in names]
    assert len(named) == len(set(named))
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert pages <= set(named)


def test_first_address_leads_to_the_first_page(site: Path) -> None:
    """The index at the top of the site leads to a page that exists."""
    target = re.search(r"url=([\w/.]+)", (site / "index.html").read_text(encoding="utf-8"))
    assert target is not None
    assert (site / target[1]).is_file()
