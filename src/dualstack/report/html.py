"""The HTML report: one file that loads nothing else."""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from dualstack.content import ROOT
from dualstack.errors import HostCannot
from dualstack.report.atomic import write_atomically
from dualstack.report.comparison import compare
from dualstack.report.comparison_text import label
from dualstack.report.draft import draft_tables
from dualstack.report.gate import Gate, shown_place
from dualstack.report.payload import in_order, payload
from dualstack.report.provenance import provenance, started
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.text import visible
from dualstack.report.timelines import figures
from dualstack.report.uncollected import uncollected
from dualstack.report.verdict_style import VERDICT_STYLES
from dualstack.rootfs.store import cache_folder
from dualstack.scenarios import DRAFT

REPORT = "report.html"
"""The report's file in a run's folder."""

_MOST = 100
"""How many entries of baselines, and cases of each change since an earlier run, the report lists."""

TEMPLATES = ROOT / "reports"
_SCRIPTS = ("case.js", "page.js")
_STYLE = "report.css"


def render_report(folder: Path, earlier: Report | None = None, report: Report | None = None) -> Path:
    """Write the report of the run in ``folder``; return its path.

    Args:
        folder: The run's folder.
        earlier: A run that it is compared with.
        report: The run, if it is read already.

    Raises:
        OSError: The folder cannot be read or written.
    """
    with uncollected():
        return write_atomically(folder / REPORT, render(report or Report.of(folder), earlier))


class _Cache(jinja2.FileSystemBytecodeCache):
    """Keeps compiled templates in the cache folder; if that cannot be written, they are compiled each time."""

    def __init__(self) -> None:
        """Use the cache folder."""
        folder = cache_folder() / "templates"
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(str(folder))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Keep a template, if the disk has room."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _cache() -> _Cache | None:
    """Return the cache of templates; None if it cannot be created."""
    with suppress(OSError, HostCannot):
        return _Cache()
    return None


def render(report: Report, earlier: Report | None = None) -> str:
    """Return the report as HTML text; with an ``earlier`` run it says what differs from it."""
    script = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    style = (TEMPLATES / _STYLE).read_text(encoding="utf-8")
    return template("report.html").render(
        report=report,
        comparison=compare(earlier, report) if earlier else None,
        compared_with=label(earlier) if earlier else "",
        most=_MOST,
        gate=Gate(report),
        place=shown_place,
        started=started(report.run),
        provenance=provenance(report.run),
        verdict_styles=VERDICT_STYLES,
        why=reason,
        draft=DRAFT,
        tables=draft_tables(report),
        timelines=figures(in_order(report)),
        data=packed(payload(report)),
        script=Markup(script),  # noqa: S704 - our own file
        style=Markup(style),  # noqa: S704 - our own file
        script_hash=_hash(script),
        style_hash=_hash(style),
    )


def template(name: str) -> jinja2.Template:
    """Return a template; what it shows is escaped, and its control characters are made visible."""
    environment = jinja2.Environment(
        bytecode_cache=_cache(),
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["address"] = _address
    return environment.get_template(name)


def _address(text: str) -> str:
    """Return a text as a part of the page's address after its ``#``; it is the same text as in the page's data."""
    return quote(visible(text), safe="")


def _shown(value: object) -> object:
    """Make text of unknown origin safe to show; the template engine escapes it afterwards."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def packed(data: dict[str, Any]) -> str:
    """Return data as JSON, compressed (RFC 1950), in base64: about a fifth of its size, and never markup.

    Lists, which are the large values, are written item by item, so that the whole text is never in memory.
    """
    pack = zlib.compressobj()
    done = b"".join(pack.compress(part.encode()) for part in _parts(data)) + pack.flush()
    return base64.b64encode(done).decode()


def _parts(data: dict[str, Any]) -> Iterator[str]:
    """Yield the JSON text of a table in parts."""
    write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for place, (key, value) in enumerate(data.items()):
        yield f"{',' if place else '{'}{write(key)}:"
        if isinstance(value, list) and value:
            yield from (f"{',' if at else '['}{write(item)}" for at, item in enumerate(value))
            yield "]"
        else:
            yield write(value)
    yield "}" if data else "{}"


def _hash(text: str) -> str:
    """Return a text's hash in the form of a content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
