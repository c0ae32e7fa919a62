"""The sizes of the code: modules, classes, functions and their complexity. Exceptions have a reason, and only shrink.

Ruff measures complexity (C901); these tests check its limit and its exceptions. The modules of tests and benchmarks may
be longer, because many of them are lists; their functions have the same limit.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from dualstack.content import ROOT

MODULE, CLASS, FUNCTION, COMPLEXITY = 300, 20, 40, 12
"""The most lines of a module, public methods of a class, lines of code of a function, and paths through a function."""

SPLIT = "to be split"

EXCEPTIONS: dict[str, tuple[int, str]] = {
    "src/dualstack/rootfs/build.py:_bootstrap": (45, SPLIT),
    "src/dualstack/wire/counts.py:_count": (60, "one loop without calls: this makes it fast"),
    "src/dualstack/world/base.py:World": (25, SPLIT),
    "tests/lab/test_hostile.py:attempted": (60, "the list of what a hostile service tries"),
    "tests/report/conftest.py:record": (50, "one record with each of its fields"),
}
"""What exceeds a limit: how large it may be, and why. What is no longer too large must be removed from this table."""

COMPLEX = {"src/dualstack/wire/counts.py": "one loop without calls: this makes it fast"}
"""Modules with a function that is exempt from the limit of complexity, and why."""

Size = tuple[str, int, int]
"""What is measured, how large it is, and its limit."""

DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def modules() -> list[Path]:
    """Return the modules of the engine, the content, the tests and the benchmarks; not the services under test."""
    found = [path for folder in ("src", "suites", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    return sorted([*found, *(ROOT / "fixtures").glob("*.py"), ROOT / "hatch_build.py", ROOT / "conftest.py"])


def sizes_of(source: str, name: str) -> Iterator[Size]:
    """Yield the size of a module, its classes and its functions, also of those inside others."""
    lines = source.splitlines()
    if not name.startswith(("tests/", "benchmarks/")):
        yield name, len(lines), MODULE
    tree = ast.parse(source)
    without = _without_code(tree, lines)
    yield from _sizes_below(tree, f"{name}:", without)


def _without_code(tree: ast.Module, lines: list[str]) -> set[int]:
    """Return the numbers of the lines without code: docstrings, comments and empty lines."""
    found = {number for number, line in enumerate(lines, 1) if not line.strip() or line.lstrip().startswith("#")}
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS) and ast.get_docstring(node) is not None:
            found |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return found


def _sizes_below(node: ast.AST, name: str, without: set[int]) -> Iterator[Size]:
    """Yield the sizes of the classes and functions inside a node."""
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, DEFINITIONS):
            yield from _sizes_below(inner, name, without)
            continue
        own = f"{name}{inner.name}"
        if isinstance(inner, ast.ClassDef):
            methods = {item.name for item in inner.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}
            yield own, sum(not method.startswith("_") for method in methods), CLASS
        else:
            yield own, len(set(range(inner.lineno, (inner.end_lineno or 0) + 1)) - without), FUNCTION
        yield from _sizes_below(inner, f"{own}.", without)


@cache
def sizes() -> tuple[Size, ...]:
    """Return every size of the repository."""
    return tuple(
        size
        for path in modules()
        for size in sizes_of(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    )


def test_everything_was_measured() -> None:
    """Modules, classes, methods and functions of each folder were found."""
    names = {name for name, _, _ in sizes()}
    assert len(names) > 2000
    assert {"src/dualstack/plan.py", "conftest.py", "fixtures/world.py:world"} <= names
    assert {"src/dualstack/families.py:Family.label", "tests/test_sizes.py:sizes", "benchmarks/start.py:run"} <= names


def test_nothing_is_too_large() -> None:
    """Each module, class and function keeps its limit, or the one that its exception gives it."""
    allowed = {name: most for name, (most, _) in EXCEPTIONS.items()}
    limits = [(name, size, allowed.get(name, limit)) for name, size, limit in sizes()]
    large = [f"{name}: {size} (limit: {limit})" for name, size, limit in limits if size > limit]
    assert large == [], "make it smaller: see CONTRIBUTING.md"


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exception_is_needed(name: str) -> None:
    """What an exception is about exists and is still too large, and the exception has a reason."""
    found = [(size, limit) for own, size, limit in sizes() if own == name]
    assert found, f"{name} does not exist any more: remove its exception"
    assert all(size > limit for size, limit in found), f"{name} keeps its limit: remove its exception"
    assert EXCEPTIONS[name][1]


def test_complexity_is_limited() -> None:
    """Ruff checks the complexity of every function, with a limit that is not higher than ours."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert lint["select"] == ["ALL"]
    assert not {"C", "C9", "C90", "C901"} & set(lint["ignore"])
    assert lint["mccabe"]["max-complexity"] <= COMPLEXITY


def test_exemptions_from_complexity_are_listed() -> None:
    """No module turns the check of complexity off but those in the table, each with its reason."""
    marked = [
        path.relative_to(ROOT).as_posix()
        for path in modules()
        if re.search(
            r"# (ruff|flake8): noqa|# noqa(?!: )|# noqa: [A-Z0-9, ]*\bC901\b", path.read_text(encoding="utf-8")
        )
    ]
    assert [name for name in marked if name != "tests/test_sizes.py"] == list(COMPLEX)


def test_sizes_are_right() -> None:
    """A docstring, a comment and an empty line are no code; a property counts once; inner functions count as well."""
    source = '''"""Module."""


class One:
    """Doc.

    More.
    """

    @property
    def first(self):
        """Doc."""
        # a comment

        def inner():
            return 1

        return inner

    @first.setter
    def first(self, value):
        pass

    async def second(self): ...

    def _third(self): ...
'''
    assert list(sizes_of(source, "src/a.py")) == [
        ("src/a.py", 26, MODULE),
        ("src/a.py:One", 2, CLASS),
        ("src/a.py:One.first", 4, FUNCTION),
        ("src/a.py:One.first.inner", 2, FUNCTION),
        ("src/a.py:One.first", 2, FUNCTION),
        ("src/a.py:One.second", 1, FUNCTION),
        ("src/a.py:One._third", 1, FUNCTION),
    ]
    assert next(name for name, _, _ in sizes_of(source, "tests/a.py")) == "tests/a.py:One"
