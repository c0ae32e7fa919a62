"""A run while it goes on: the matrix filling up on a terminal, one line per finished case anywhere else."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dualstack.plan import CASE_ID
from dualstack.report.faces import FACES, gravest
from dualstack.report.matrix import Mark, matrix
from dualstack.report.support import reason
from dualstack.report.terminal import is_ascii, name, shown, styled
from dualstack.results import Record
from dualstack.verdict import Verdict

Cells = Mapping[tuple[str, str], int]
"""How many cases are planned, by service and topology."""

_COUNTED = frozenset({Verdict.NOT_APPLICABLE, Verdict.BLOCKED})
"""Verdicts of cases that did nothing."""

_AROUND_THE_MATRIX = 12
"""Lines that the terminal needs besides the services' rows."""


class Watcher(Protocol):
    """Who is told how a run goes on."""

    def planned(self, total: int, cells: Cells) -> None:
        """Learn how many cases there are."""

    def started(self, case: str) -> None:
        """Learn that a case has begun."""

    def finished(self, record: Record) -> None:
        """Learn how a case has ended."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was found."""


def watcher(console: Console) -> Watcher:
    """Return the watcher that fits the console: a picture on a terminal, lines elsewhere."""
    return Picture(console) if console.is_terminal and not console.is_dumb_terminal else Lines(console)


def tell(watching: Watcher, event: Mapping[str, Any]) -> None:
    """Hand an event of the run's event stream on; events of a kind that is not known are passed over.

    The events: ``{"event": "planned", "cases": [...]}``, ``{"event": "started", "case": ...}`` and
    ``{"event": "finished", "record": {...}}``.
    """
    match event.get("event"):
        case "planned":
            watching.planned(len(event["cases"]), cells_of(event["cases"]))
        case "started":
            watching.started(event["case"])
        case "finished":
            watching.finished(Record.from_json(event["record"]))


def cells_of(cases: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return how many of the cases belong to each service and topology."""
    cells: dict[tuple[str, str], int] = {}
    for match in map(CASE_ID.fullmatch, cases):
        if match is not None:
            key = match["subject"], match["topology"]
            cells[key] = cells.get(key, 0) + 1
    return cells


class Lines:
    """One line per finished case, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        """Write to ``console``."""
        self._console = console
        self._total = 0
        self._done = 0

    def planned(self, total: int, cells: Cells) -> None:
        """Learn how many cases there are."""
        self._total = total
        services = len({subject for subject, _ in cells})
        self._console.print(f"{total} cases, {services} services, {len({world for _, world in cells})} topologies")

    def started(self, case: str) -> None:
        """A case that has only begun is worth no line."""

    def finished(self, record: Record) -> None:
        """Print the case's line; what does not apply or is blocked is counted, not listed."""
        self._done += 1
        if record.verdict in _COUNTED:
            return
        ascii_only = is_ascii(self._console)
        place = f"[{self._done:>{len(str(self._total))}}/{self._total}]"
        verdict = f"{name(FACES[record.verdict], ascii_only=ascii_only):<17}"
        text = Text(f"{place} ").append_text(styled(record.verdict, verdict))
        text.append(shown(f" {record.case}  {record.seconds:.2f} s", ascii_only=ascii_only))
        if record.verdict is Verdict.FAIL:
            text.append(shown(f"  {reason(record)}", ascii_only=ascii_only))
        self._console.print(text, soft_wrap=True)

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to restore."""


class Picture:
    """The matrix filling up, a progress bar, the time, and which cases run now."""

    def __init__(self, console: Console) -> None:
        """Draw on ``console``."""
        self._console = console
        self._began = time.monotonic()
        self._total = 0
        self._cells: dict[tuple[str, str], int] = {}
        self._verdicts: dict[tuple[str, str], list[Verdict]] = {}
        self._running: dict[str, None] = {}
        self._live = Live(console=console, get_renderable=self.picture, refresh_per_second=8, transient=True)

    def planned(self, total: int, cells: Cells) -> None:
        """Learn how many cases there are."""
        self._total, self._cells = total, dict(cells)

    def started(self, case: str) -> None:
        """Show the case as running."""
        self._running = {**self._running, case: None}

    def finished(self, record: Record) -> None:
        """Fill the case into its cell."""
        self._running = {case: None for case in self._running if case != record.case}
        key = record.subject, record.topology
        self._verdicts = {**self._verdicts, key: [*self._verdicts.get(key, ()), record.verdict]}

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the picture; what stays is printed by others."""
        self._live.__exit__(kind, error, trace)

    def picture(self) -> RenderableType:
        """Return what is to be seen now."""
        ascii_only = is_ascii(self._console)
        verdicts, cells, running = self._verdicts, self._cells, self._running
        worlds = list(dict.fromkeys(world for _, world in (*cells, *verdicts)))
        rows = [
            (subject, [_mark(verdicts.get((subject, world), []), cells.get((subject, world), 0)) for world in worlds])
            for subject in self._subjects(cells, verdicts)
        ]
        done = sum(len(found) for found in verdicts.values())
        now = ", ".join(running) or "-"
        width = self._console.width
        return Group(
            matrix(rows, worlds, width=width, ascii_only=ascii_only) if rows else Text(),
            self._bar(done),
            Text(shown(f"now: {now}", ascii_only=ascii_only)[: width - 1], style="dim", no_wrap=True),
        )

    def _subjects(self, cells: Cells, verdicts: Mapping[tuple[str, str], list[Verdict]]) -> list[str]:
        """Return the services that there is room for: those that are not finished before those that are."""
        subjects = list(dict.fromkeys(subject for subject, _ in (*cells, *verdicts)))
        room = max(1, self._console.height - _AROUND_THE_MATRIX)
        open_ones = {
            subject for (subject, world), number in cells.items() if number > len(verdicts.get((subject, world), ()))
        }
        chosen = sorted(subjects, key=lambda subject: subject not in open_ones)[:room]
        return [subject for subject in subjects if subject in chosen]

    def _bar(self, done: int) -> RenderableType:
        """Return the progress bar with its numbers."""
        seconds = int(time.monotonic() - self._began)
        line = Table.grid(padding=(0, 1))
        text = f"{done} of {self._total}   {seconds // 60}:{seconds % 60:02}"
        line.add_row(ProgressBar(total=max(1, self._total), completed=done, width=30), text)
        return line


def _mark(verdicts: Sequence[Verdict], planned: int) -> Mark:
    """Return what a cell says so far: how many are done of how many, or only how many once it is complete."""
    number = str(len(verdicts)) if len(verdicts) >= planned else f"{len(verdicts)}/{planned}"
    return Mark(gravest(verdicts), "0" if not planned and not verdicts else number)
