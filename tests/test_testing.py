"""The public module: documented in full, and enough for the documented and the example's tests."""

import ast
import re
from pathlib import Path

import pytest

from dualstack import testing
from dualstack.content import ROOT

PAGE = (ROOT / "docs" / "own-suites.md").read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "examples" / "own_suites" / "shop_suites").rglob("*.py"))


def imported(source: str) -> set[str]:
    """Return what a source imports from dualstack, with full names."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("dualstack")}


def test_every_name_is_documented() -> None:
    """The page lists every public name, and no other."""
    table = PAGE.partition("## `dualstack.testing`")[2]
    listed = [
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    assert sorted(listed) == sorted(testing.__all__)


def test_every_name_exists() -> None:
    """Each public name is there, once."""
    assert len(set(testing.__all__)) == len(testing.__all__)
    assert all(hasattr(testing, name) for name in testing.__all__)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_import_nothing_else(path: Path) -> None:
    """An example imports from ``dualstack.testing`` alone."""
    assert all(name.startswith("dualstack.testing.") for name in imported(path.read_text(encoding="utf-8")))


def test_documented_requirement_is_right(tmp_path: Path) -> None:
    """The page's requirement can be imported, and imports from ``dualstack.testing`` alone."""
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert all(name.startswith("dualstack.testing.") for name in imported(source))
    names: dict[str, object] = {}
    exec(compile(source, "own-suites.md", "exec"), names)  # noqa: S102 - our own page
    found = testing.Requirement.of(names["test_same_answer"])
    assert found is not None
    assert found.id == "SHOP-001"
