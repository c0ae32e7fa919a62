"""Tables and lists print whole words: one row a line into a pipe, wrapped between words on a terminal."""

import io
import re
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from dualstack.cli.terminal import Terminal
from dualstack.suites import requirements
from dualstack.topology import load_topology, topology_names

Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""

HEADS = ["id", "title", "topologies"]
ROWS = [[item.id, item.title, " ".join(item.topologies)] for item in requirements().values()]


def shown(width: int | None, heads: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a table on a terminal of that width, or in a file."""
    file = io.StringIO()
    Terminal(file=file, width=width, force_terminal=width is not None, color_system=None, highlight=False).table(
        heads, rows
    )
    return file.getvalue().splitlines()


@pytest.mark.parametrize("columns", ["20", "120"])
def test_one_row_a_line_into_a_pipe(dualstack: Command, columns: str) -> None:
    """Each requirement is one line with all that the list says of it, however wide the terminal."""
    lines = dualstack("list", COLUMNS=columns).stdout.splitlines()
    assert len(lines) == len(requirements()) + 1
    for line, item in zip(lines[1:], requirements().values(), strict=True):
        assert line.startswith(item.id)
        assert line.endswith(f"  {' '.join(item.topologies)}")
        assert f"  {item.title}  " in line


def test_one_topology_a_line_into_a_pipe(dualstack: Command) -> None:
    """So is each topology, with its whole summary."""
    lines = dualstack("list", "--topologies", COLUMNS="30").stdout.splitlines()
    assert len(lines) == len(topology_names()) + 1
    for line, name in zip(lines[1:], topology_names(), strict=True):
        assert line.startswith(name)
        assert line.endswith(" ".join(load_topology(name).summary.split()))


def test_one_check_a_line_into_a_pipe(dualstack: Command) -> None:
    """Each thing that doctor looked at is one line, and so is each way to enable it; the conclusion is the last one."""
    *lines, space, conclusion = dualstack("doctor", COLUMNS="30").stdout.splitlines()
    assert len(lines) > 5
    assert not space
    assert conclusion.startswith("This machine can")
    assert all(re.match(r"(yes|no )  \S.*: \S|       to enable it: \S", line) for line in lines)


@pytest.mark.parametrize("width", [10, 30, 50, 80, 120, 200])
def test_no_word_is_cut_on_a_terminal(width: int) -> None:
    """Whatever the width, each word of each cell is there whole, and no line is longer unless it is one word."""
    lines = shown(width, HEADS, ROWS)
    words = [word for line in lines for word in line.split()]
    wanted = [word for row in ROWS for cell in row for word in cell.split()]
    assert sorted(set(wanted) - set(words)) == []
    too_long = [line for line in lines if len(line.rstrip()) > width]
    assert all(len(line.split()) == 1 for line in too_long), too_long


def test_a_wide_terminal_has_a_table() -> None:
    """Where there is room each row is one line; where there is less, its cells are wrapped; then it is a list."""
    assert len(shown(300, HEADS, ROWS)) == len(ROWS) + 1
    wrapped = shown(90, HEADS, ROWS)
    assert wrapped[0].split() == HEADS
    assert len(wrapped) > len(ROWS) + 1
    first = ROWS[0][1].partition(" ")[0]
    assert any(line.startswith(f"  title: {first}") for line in shown(40, HEADS, ROWS))


def test_a_file_has_no_trailing_spaces() -> None:
    """What is written into a file ends where its text ends."""
    assert all(line == line.rstrip() for line in shown(None, HEADS, ROWS))


def test_paragraphs_are_wrapped_between_words() -> None:
    """A text hangs below its beginning on a terminal, with a word that is too long in one piece."""
    file = io.StringIO()
    terminal = Terminal(file=file, width=24, force_terminal=True, color_system=None)
    terminal.paragraph("no   overlay: sysctl -w kernel.unprivileged_userns_clone=1 [as root]", hang=5)
    assert file.getvalue().splitlines() == [
        "no   overlay: sysctl -w",
        "     kernel.unprivileged_userns_clone=1",
        "     [as root]",
    ]
