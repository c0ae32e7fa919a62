"""The HTML report: one file that loads nothing else."""

import base64
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from dualstack.content import ROOT
from dualstack.errors import HostCannot
from dualstack.report.atomic import write_atomically
from dualstack.report.payload import payload
from dualstack.report.provenance import provenance, started
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.text import visible
from dualstack.report.verdict_style import VERDICT_STYLES
from dualstack.rootfs.store import cache_folder

REPORT = "report.html"
"""The report's file in a run's folder."""

TEMPLATES = ROOT / "reports"
_SCRIPTS = ("case.js", "page.js")
_STYLE = "report.css"
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def render_report(folder: Path) -> Path:
    """Write the report of the run in ``folder``; return its path.

    Raises:
        OSError: The folder cannot be read or written.
    """
    return write_atomically(folder / REPORT, render(Report.of(folder)))


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


def render(report: Report) -> str:
    """Return the report as HTML text."""
    environment = jinja2.Environment(
        bytecode_cache=_cache(),
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    script = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    style = (TEMPLATES / _STYLE).read_text(encoding="utf-8")
    return environment.get_template("report.html").render(
        report=report,
        started=started(report.run),
        provenance=provenance(report.run),
        verdict_styles=VERDICT_STYLES,
        why=reason,
        data=_as_script_data(payload(report)),
        script=Markup(script),  # noqa: S704 - our own file
        style=Markup(style),  # noqa: S704 - our own file
        script_hash=_hash(script),
        style_hash=_hash(style),
    )


def _shown(value: object) -> object:
    """Make text of unknown origin safe to show; the template engine escapes it afterwards."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _as_script_data(data: dict[str, Any]) -> Markup:
    """Return JSON that cannot end the script element that holds it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))  # noqa: S704 - markup characters are escaped


def _hash(text: str) -> str:
    """Return a text's hash in the form of a content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
