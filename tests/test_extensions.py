"""Suites of installed packages: found by their entry points, without importing the packages."""

import importlib.metadata
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from dualstack import extensions
from dualstack.errors import UsageError
from dualstack.extensions import GROUP, SuiteFolder, outside_folders


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Forget the installed packages before and after a test."""
    extensions._installed.cache_clear()
    yield
    extensions._installed.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Pretend that packages with these entry points are installed."""
    found = [EntryPoint(name="team", value=module, group=GROUP) for module in modules]
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: [item for item in found if item.group == group]
    )


def test_group() -> None:
    """The group has the documented name."""
    assert GROUP == "dualstack.suites"


def test_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a package is found, once for two entry points, and the package is not imported."""
    (tmp_path / "team_suites").mkdir()
    (tmp_path / "team_suites" / "__init__.py").write_text("raise RuntimeError\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    install(monkeypatch, "team_suites", "team_suites")
    assert outside_folders() == (SuiteFolder(tmp_path / "team_suites", "team_suites"),)
    assert "team_suites" not in sys.modules


@pytest.mark.parametrize("module", ["nowhere_at_all", "nowhere_at_all.suites", "secrets"])
def test_no_package(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """An entry point that names no package, or a module without a folder, is refused by its name."""
    install(monkeypatch, module)
    with pytest.raises(UsageError, match=f"the entry point '{module}' of the group '{GROUP}' names no package"):
        outside_folders()
