"""Packets that tests make have a hardware address, so that scapy looks none up: it would ask this machine's network."""

import ast
from pathlib import Path

import pytest

from dualstack.content import ROOT

FRAMES = ("Dot3", "Ether")
"""Layers whose destination scapy resolves by ARP or neighbour solicitations unless it is given."""


def unaddressed(source: str) -> list[int]:
    """Return the lines where a frame is made, also by a partial, without its destination and not from bytes."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        made = [node.func, *(node.args[:1] if _name(node.func) == "partial" else [])]
        values = node.args[1:] if len(made) > 1 else node.args
        if _name(made[-1]) in FRAMES and not values and "dst" not in {item.arg for item in node.keywords}:
            found.append(node.lineno)
    return found


def _name(node: ast.expr) -> str:
    """Return the last name of an expression."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("Ether(src=A) / IP(dst=B)", [1]),
        ("x = partial(Ether, src=A)", [1]),
        ("l2.Ether()", [1]),
        ("Ether(dst=A)\nEther(data)\npartial(Ether, dst=A)\nEther", []),
    ],
)
def test_the_check_finds_frames(source: str, lines: list[int]) -> None:
    """Frames without a destination are found; those with one, and those that are read, are not."""
    assert unaddressed(source) == lines


def test_every_frame_is_addressed() -> None:
    """No test, benchmark or service makes a frame without its destination."""
    files = [path for folder in ("tests", "benchmarks", "fixtures", "suites", "src") for path in _python(ROOT / folder)]
    assert len(files) > 500
    sources = {path: path.read_text(encoding="utf-8") for path in files}
    making = {path: source for path, source in sources.items() if any(frame in source for frame in FRAMES)}
    assert making
    assert [f"{path.relative_to(ROOT)}:{line}" for path, source in making.items() for line in unaddressed(source)] == []


def _python(folder: Path) -> list[Path]:
    """Return the Python files below a folder."""
    return sorted(folder.rglob("*.py"))
