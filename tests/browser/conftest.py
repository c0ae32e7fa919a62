"""A real browser, Debian's Chromium, that shows reports of made-up runs."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from dualstack.report import render_report
from dualstack.results import Record
from tests.report.conftest import hostile, make_record, make_run, records

__all__ = ["hostile", "make_record", "make_run", "records"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
"""The names of the program; Debian's comes first."""

READY = "html[data-ready]"
"""The page, once its cases are listed."""


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Collect these tests only if their folder is named: playwright's greenlets disturb other tests of a process.

    After a switch of greenlets, Python 3.11 counts recursion wrongly in whatever compiles source (SystemError).
    `tests/test_browser.py` runs them in a process for themselves.
    """
    return None if any("browser" in argument for argument in config.args) else True


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser without a window. Continuous integration must have one; elsewhere the tests are skipped without it."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        missing = "no browser: apt install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of 1400 by 900 px; a message on its console, an exception or a request is a failure of the test."""
    page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="light")
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: wrong.append(f"request: {request.url}") if not _own(request.url) else None)
    yield page
    page.close()
    assert wrong == []


def _own(url: str) -> bool:
    """Return whether a request is for the report itself."""
    return url.startswith("file:") and url.partition("#")[0].endswith("/report.html")


@pytest.fixture
def show(page: Page, make_run: Callable[..., Path]) -> Callable[..., Path]:
    """Show the report of these records in the page; ``at`` is the part of its address after the ``#``."""

    def shown(records: list[Record], at: str = "") -> Path:
        report = render_report(make_run(records))
        page.goto(report.as_uri() + at)
        page.wait_for_selector(READY)
        return report

    return shown
