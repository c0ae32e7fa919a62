"""The HTML report that is compared with an earlier run: each case that differs is linked, and texts stay texts."""

import re
from pathlib import Path
from urllib.parse import unquote

from dualstack.report import render_report
from dualstack.report.reading import read_results
from dualstack.verdict import Verdict
from tests.report.conftest import record, write_run


def section(tmp_path: Path, reason: str = "no answer") -> str:
    """Return the section of a report with a broken, a fixed, a new and a gone case."""
    before = [record(element="broken"), record(Verdict.FAIL, element="fixed"), record(element="gone")]
    after = [
        record(Verdict.FAIL, element="broken", findings=(), reason=reason),
        record(element="fixed"),
        record(element="new"),
    ]
    earlier = read_results(write_run(tmp_path / "before", before, exit_code=1))
    page = render_report(write_run(tmp_path / "after", after, exit_code=1), earlier).read_text(encoding="utf-8")
    found = re.search(r'<section aria-labelledby="compared">(.*?)</section>', page, re.DOTALL)
    assert found is not None
    return found[1]


def test_each_difference_is_linked(tmp_path: Path) -> None:
    """Broken, fixed and new cases link to their case; a gone case is named."""
    text = section(tmp_path)
    assert "Compared with the run of 20261120T163107Z-a1b2, 20 November 2026, 16:31:07 UTC" in text
    assert "1 broken, 1 fixed, 0 changed, 1 new, 1 gone; 0 cases are the same." in text
    links = [unquote(link) for link in re.findall(r'href="#([^"]*)"', text)]
    assert links == [f"LISTEN-001:nginx/both:{name}@dual-stack" for name in ("broken", "fixed", "new")]
    assert "gone@dual-stack: pass → not run" in text
    assert "pass → fail: no answer" in text


def test_hostile_reasons_stay_text(tmp_path: Path, hostile: str) -> None:
    """Markup and control characters in a reason are shown, not obeyed."""
    text = section(tmp_path, hostile)
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    assert not any(part in text for part in ("<b>", "</script>", "\x1b", "\x00"))


def test_no_section_without_an_earlier_run(tmp_path: Path) -> None:
    """A report that is compared with nothing has no such section."""
    page = render_report(write_run(tmp_path / "run", [record()])).read_text(encoding="utf-8")
    assert "Compared with" not in page
