"""The public module: documented in full, and enough for the documented and the example's tests."""

import ast
import re
from pathlib import Path
from types import ModuleType

import pytest

from dualstack import protocols, testing
from dualstack.content import ROOT
from dualstack.families import Family
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.protocols.outside import Source, add
from dualstack.protocols.registry import client_for, server_for

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


@pytest.mark.parametrize("module", [testing, protocols], ids=lambda module: module.__name__)
def test_every_name_is_documented(module: ModuleType) -> None:
    """The page lists every public name of a public module, and no other."""
    table = PAGE.partition(f"## `{module.__name__}`")[2].partition("\n## ")[0]
    listed = [
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    assert sorted(listed) == sorted(module.__all__)


@pytest.mark.parametrize("module", [testing, protocols], ids=lambda module: module.__name__)
def test_every_name_exists(module: ModuleType) -> None:
    """Each public name is there, once."""
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_import_nothing_else(path: Path) -> None:
    """An example imports from ``dualstack.testing`` alone, a protocol from ``dualstack.protocols`` alone."""
    public = "dualstack.protocols." if path.parent.name == "protocols" else "dualstack.testing."
    assert all(name.startswith(public) for name in imported(path.read_text(encoding="utf-8")))


def test_documented_requirement_is_right(tmp_path: Path) -> None:
    """The page's requirement can be imported, and imports from ``dualstack.testing`` alone."""
    source, _ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert all(name.startswith("dualstack.testing.") for name in imported(source))
    names: dict[str, object] = {}
    exec(compile(source, "own-suites.md", "exec"), names)  # noqa: S102 - our own page
    found = testing.Requirement.of(names["test_same_answer"])
    assert found is not None
    assert found.id == "SHOP-001"


@pytest.mark.usefixtures("own_registry")
def test_documented_protocol_is_right() -> None:
    """The page's protocol can be added, and both of its ends understand each other."""
    _, source = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    add(Source("own-suites.md", source))
    client = client_for(Dial(Family.IPV6, "::1", 80, protocol="stock"))
    server = server_for(Serve(("::1",), 80, protocol="stock"), "::1")
    request = client.start()
    answer = b"".join(server.receive(request[at : at + 1]).send for at in range(len(request)))
    judgement = client.receive(answer).judgement
    assert judgement is not None
    assert (judgement.outcome, server.end("").outcome) == (Outcome.ANSWERED, Outcome.ANSWERED)
