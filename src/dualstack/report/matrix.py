"""The results of a run on a terminal: cases that need attention, then the matrix of services and topologies."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from dualstack.report.draft_text import show_draft
from dualstack.report.failures import show_failures
from dualstack.report.gate import Gate, sentences
from dualstack.report.html import REPORT
from dualstack.report.summary import Report
from dualstack.report.terminal import is_ascii, shown, sign, styled
from dualstack.report.verdict_style import VERDICT_STYLES
from dualstack.verdict import Verdict

_GAP = 2
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Mark:
    """What one cell shows.

    Attributes:
        verdict: The most serious verdict of its cases; None without one.
        count: How many cases have it, and how many there are: ``1/3``; during a run, how many are finished.
    """

    verdict: Verdict | None
    count: str


_MEASURES = 12
"""How many measured times are shown."""

Grid = Sequence[tuple[str, Sequence[Mark]]]
"""The services, each with its cells in column order."""


def show_results(folder: Path, console: Console, seconds: float | None = None, *, brief: bool = False) -> None:
    """Print the cases that need attention, the matrix and the headline of the run in ``folder``, and its files.

    Args:
        folder: The run's folder.
        console: Where to print.
        seconds: How long the run has taken; None if that is not known.
        brief: Whether only the cases that need attention, the warnings and the headline are printed.

    Raises:
        OSError: The folder cannot be read.
    """
    report = Report.of(folder)
    ascii_only = is_ascii(console)
    show_failures(report, console)
    if not brief:
        _show_measures(report, console)
        _show_grid(report, console)
        show_draft(report, console)
    if not brief or report.failing:
        console.print()
    gate = Gate(report)
    for note in (*sentences(gate), *report.warnings):
        console.print(Text(shown(f"Note: {note}", ascii_only=ascii_only), style="yellow"), soft_wrap=True)
    console.print(Text(shown(report.headline, ascii_only=ascii_only), style="bold"))
    if brief:
        return
    if report.records:
        console.print(f"cases     {report.tally}")
    if gate.applies:
        console.print(f"failures  {gate.line}")
    _show_files(folder, console, seconds)


def _show_files(folder: Path, console: Console, seconds: float | None) -> None:
    """Print where the report and the captures are, and how long the run took."""
    ascii_only = is_ascii(console)
    for label, path in (("report", folder / REPORT), ("captures", folder / "cases")):
        if path.exists():
            console.print(shown(f"{label:<9} {path}", ascii_only=ascii_only), soft_wrap=True)
    if seconds is not None:
        console.print(f"time      {seconds:.1f} s")


def _show_grid(report: Report, console: Console) -> None:
    """Print the matrix of services and topologies, and its legend."""
    ascii_only, width = is_ascii(console), console.width
    grid = [
        (
            statement.subject,
            [_mark(cell.verdict, cell.same, cell.total) for cell in statement.cells if cell.topology in report.columns],
        )
        for statement in report.statements
    ]
    console.print()
    if grid:
        names = [topology.name for topology in report.columns]
        console.print(matrix(grid, names, width=width, ascii_only=ascii_only))
        console.print(legend(list(report.counts), width=width, ascii_only=ascii_only))


def _show_measures(report: Report, console: Console) -> None:
    """Print the measured times, one line each; none if there are many."""
    found = [(record, item) for record in report.records for item in record.measures]
    if not found or len(found) > _MEASURES:
        return
    console.print()
    for record, item in found:
        line = f"measured: {record.subject}, {record.element}: {item}; {item.details}"
        console.print(shown(line, ascii_only=is_ascii(console)), soft_wrap=True)


def _mark(verdict: Verdict | None, same: int, number: int) -> Mark:
    """Return what a cell of a finished run shows."""
    return Mark(verdict, str(number) if same == number else f"{same}/{number}")


def legend(verdicts: Sequence[Verdict], *, width: int, ascii_only: bool) -> Text:
    """Return the signs of the verdicts with their words, in lines of at most ``width`` columns."""
    text, used = Text(), 0
    for verdict in verdicts:
        entry = f"{sign(VERDICT_STYLES[verdict], ascii_only=ascii_only)} {verdict.value}"
        gap = "" if not used else "\n" if used + 3 + len(entry) > width else "   "
        text.append(gap).append_text(styled(verdict, entry))
        used = len(entry) if gap == "\n" else used + len(gap) + len(entry)
    return text


def matrix(grid: Grid, topologies: Sequence[str], *, width: int, ascii_only: bool) -> RenderableType:
    """Return the table, in the first form that fits into ``width`` columns.

    The forms: topologies by name, by name with one word a line, by letter, by letter without counts, and a list.
    """
    stacked = [name.replace("-", "\n") for name in topologies]
    letters = [_LETTERS[at] if at < len(_LETTERS) else str(at) for at in range(len(topologies))]
    service = max([len("service"), *(len(name) for name, _ in grid)])
    for heads, counts in ((topologies, True), (stacked, True), (letters, True), (letters, False)):
        cells = [[_cell(mark, counts=counts, ascii_only=ascii_only) for mark in marks] for _, marks in grid]
        columns = [
            max([*(len(line) for line in head.split("\n")), *(len(row[at]) for row in cells)])
            for at, head in enumerate(heads)
        ]
        if service + sum(columns) + _GAP * len(columns) <= width:
            table = _table(grid, cells, heads, service=service, ascii_only=ascii_only)
            return Group(table, *_key(letters, topologies)) if heads is letters else table
    return _list(grid, topologies, ascii_only=ascii_only)


def _cell(mark: Mark, *, counts: bool, ascii_only: bool) -> str:
    """Return a cell's text."""
    if mark.verdict is None:
        return mark.count if counts and mark.count != "0" else "."
    name = sign(VERDICT_STYLES[mark.verdict], ascii_only=ascii_only)
    return f"{name} {mark.count}" if counts else name


def _table(
    grid: Grid, cells: list[list[str]], heads: Sequence[str], *, service: int, ascii_only: bool
) -> RenderableType:
    """Return the matrix as a table without rules; no line ends with spaces."""
    stacks = [head.split("\n") for head in ("service", *heads)]
    tallest = max(map(len, stacks))
    stacks = [[""] * (tallest - len(stack)) + stack for stack in stacks]
    columns = [list(map(len, column)) for column in zip(*cells, strict=True)]
    widths = [service, *(max(*map(len, stack), *column) for stack, column in zip(stacks[1:], columns, strict=True))]
    lines = [_line([Text(stack[at], style="dim") for stack in stacks], widths) for at in range(tallest)]
    for (name, marks), row in zip(grid, cells, strict=True):
        texts = [
            Text(text, style="dim") if mark.verdict is None else styled(mark.verdict, text)
            for mark, text in zip(marks, row, strict=True)
        ]
        lines.append(_line([Text(shown(name, ascii_only=ascii_only)), *texts], widths))
    return Group(*lines)


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """Return one line of the table."""
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append_text(cell).append(" " * (width + _GAP - len(cell)))
    line.rstrip()
    return line


def _key(letters: Sequence[str], topologies: Sequence[str]) -> list[Text]:
    """Return a line for each letter and its topology."""
    return [Text(f"  {letter} = {name}", style="dim") for letter, name in zip(letters, topologies, strict=True)]


def _list(grid: Grid, topologies: Sequence[str], *, ascii_only: bool) -> RenderableType:
    """Return the matrix as a list, for terminals too narrow for a table."""
    lines: list[Text] = []
    for name, marks in grid:
        lines.append(Text(shown(name, ascii_only=ascii_only), style="bold"))
        for topology, mark in zip(topologies, marks, strict=True):
            text = f"  {_cell(mark, counts=True, ascii_only=ascii_only)}  {topology}"
            lines.append(Text(text, style="dim") if mark.verdict is None else styled(mark.verdict, text))
    return Group(*lines)
