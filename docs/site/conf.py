"""The settings of Sphinx for the documentation site: ``make docs``.

The source folder is the repository, so that one link works on a code hosting site, in an editor and on this site.
"""

import re
from importlib import import_module
from pathlib import Path

from sphinx.application import Sphinx

from dualstack import __version__
from dualstack.content import ROOT

pages = import_module("dualstack.content.docs.site.pages")

project = "dualstack"
version = release = __version__
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "fixtures/services/named/*/README.md"]
include_patterns += ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = [".*", "build", "src", "tests", "suites", "mutants", "dualstack-results", "**/node_modules"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"dualstack {__version__}"
html_static_path = ["static"]
html_extra_path = ["root"]
html_css_files = ["tables.css"]
html_js_files = ["tables.js"]
smartquotes = False  # texts contain code
html_show_sourcelink = html_copy_source = html_show_copyright = html_show_sphinx = False

_LINK = re.compile(r"\[([^]]+)\]\((?!https?:)([^)#\s]+)\)")


def _write_pages(app: Sphinx) -> None:
    """Write the pages that are made from declarations and tables."""
    pages.write(Path(app.srcdir) / "docs" / "generated")


def _adapt(app: Sphinx, name: str, source: list[str]) -> None:
    """Name folders instead of linking to them, link tables to the pages of products, and add the navigation."""
    page = Path(app.srcdir) / f"{name}.md"

    def named(link: re.Match[str]) -> str:
        """Return a link as it is, or the name of the folder that it leads to."""
        target = (page.parent / link[2]).resolve()
        return link[1] if target.is_dir() and target.is_relative_to(ROOT) else link[0]

    source[0] = _LINK.sub(named, source[0])
    if name.startswith("docs/real-"):
        source[0] = pages.linked(source[0], "generated")
    source[0] += pages.navigation(name)


def setup(app: Sphinx) -> None:
    """Connect the functions above."""
    app.connect("builder-inited", _write_pages)
    app.connect("source-read", _adapt)
