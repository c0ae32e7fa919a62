"""The tutorial is true: its commands, run as written in an empty folder, print what it shows."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dualstack.content import ROOT

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
PARTS = re.findall(r"^(?:`([\w.]+)`:\n\n)?```(console|python)\n(.*?)^```$", TUTORIAL, re.DOTALL | re.MULTILINE)
"""The files and the commands of the page, in order: name of the file, kind of the block, its text."""


def pattern(shown: str) -> re.Pattern[str]:
    """Return a pattern for the output that the page shows: ``…`` is any text, and alone on a line any lines."""
    lines = [line for line in shown.splitlines() if line]
    parts = [r"(?:.*\n)*?" if line == "…" else re.sub(r"…", r".*?", _quoted(line)) + r"\n" for line in lines]
    return re.compile("".join(parts))


def _quoted(line: str) -> str:
    """Return a pattern for a line; the numbers of spaces between words may differ."""
    return " +".join(re.escape(word) for word in line.strip().split()).replace(re.escape("…"), "…")


def printed(command: str, folder: Path) -> str:
    """Run a command of the page and return what it prints, without empty lines and the indentation of lines."""
    first, *words = shlex.split(command)
    program = [sys.executable, "-m", "dualstack"] if first == "dualstack" else [first]
    done = subprocess.run(
        [*program, *words], cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode in (0, 1), f"{command}: exit code {done.returncode}:\n{done.stdout}{done.stderr}"
    return "".join(f"{line.strip()}\n" for line in done.stdout.splitlines() if line.strip())


def test_tutorial_is_true(tmp_path: Path) -> None:
    """Each file is written and each command is run in the order of the page; the outputs are those that it shows."""
    count = 0
    for name, kind, text in PARTS:
        if kind == "python":
            assert name
            (tmp_path / name).write_text(text, encoding="utf-8")
            continue
        for command, shown in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            output = printed(command, tmp_path)
            assert pattern(shown).fullmatch(output), f"{command}\nshown:\n{shown}\nprinted:\n{output}"
            count += 1
    assert count == 7


@pytest.mark.parametrize(
    ("shown", "output", "fits"),
    [
        ("one …\ntwo\n", "one 1\ntwo\n", True),
        ("one …\n…\nfour\n", "one 1\ntwo\nthree\nfour\n", True),
        ("one …\n…\nfour\n", "one 1\ntwo\nthree\n", False),
        ("one\n", "one\ntwo\n", False),
        ("a ✓\n", "a ✗\n", False),
    ],
)
def test_other_outputs_do_not_fit(shown: str, output: str, *, fits: bool) -> None:
    """What the page shows fits only outputs with the same lines; ``…`` alone stands for lines, else for text."""
    assert bool(pattern(shown).fullmatch(output)) is fits
