"""The progress of a run: a matrix that fills up on a terminal, lines elsewhere."""

import enum
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dualstack.casekey import CaseKey
from dualstack.counting import count
from dualstack.report.matrix import Mark, matrix
from dualstack.report.remaining import Remaining, duration
from dualstack.report.support import reason
from dualstack.report.terminal import is_ascii, name, shown, styled
from dualstack.report.verdict_style import VERDICT_STYLES, most_serious
from dualstack.results import Record
from dualstack.verdict import Verdict

Cells = Mapping[tuple[str, str], int]
"""How many cases are planned, by service and topology."""

_NOT_RUN = frozenset({Verdict.NOT_APPLICABLE, Verdict.BLOCKED})
"""Verdicts of cases that did not run: they are counted, not listed."""

_AS_EXPECTED = frozenset({Verdict.PASS, Verdict.OBSERVED, Verdict.KNOWN}) | _NOT_RUN
"""Verdicts of cases that need no attention."""

_EVERY = 10.0
"""Seconds without a line after which a line says how far the run is."""

_LINES_AROUND_MATRIX = 12
"""How many lines of the terminal are used beside the services' rows."""


@enum.unique
class Detail(enum.Enum):
    """How much of a run is shown while it runs."""

    QUIET = "quiet"
    """Nothing."""
    USUAL = "usual"
    """The matrix on a terminal; elsewhere the cases that need attention, and now and then how far the run is."""
    VERBOSE = "verbose"
    """Each case."""


class Watcher(Protocol):
    """Shows the progress of a run."""

    def planned(self, total: int, cells: Cells) -> None:
        """Take how many cases are planned, in total and by cell."""

    def started(self, case: CaseKey) -> None:
        """Take that a case has begun."""

    def finished(self, record: Record) -> None:
        """Take the result of a case."""


@contextmanager
def watcher(
    console: Console, detail: Detail = Detail.USUAL, remaining: Callable[[], Remaining] = lambda: Remaining({})
) -> Iterator[Watcher]:
    """Show the progress on a console while the block runs: the matrix on a terminal, lines elsewhere.

    Args:
        console: Where it is shown.
        detail: How much is shown.
        remaining: Returns what is left of the run; it is asked only if that is shown.
    """
    if detail is Detail.QUIET or console.quiet:
        yield Unwatched()
        return
    if detail is Detail.VERBOSE:
        yield Lines(console, every=True)
        return
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(console, remaining())
        return
    picture = LiveMatrix(console, remaining())
    with picture.live:
        yield picture


def tell(watching: Watcher, event: Mapping[str, Any]) -> None:
    """Pass an event of the run's event stream to a watcher; unknown events are ignored.

    The events: ``{"event": "planned", "cases": [{...}]}``, ``{"event": "started", "case": {...}}`` and
    ``{"event": "finished", "record": {...}}``; a case is a `CaseKey`.
    """
    match event.get("event"):
        case "planned":
            keys = [CaseKey(**item) for item in event["cases"]]
            watching.planned(len(keys), cells_of(keys))
        case "started":
            watching.started(CaseKey(**event["case"]))
        case "finished":
            watching.finished(Record.from_json(event["record"]))


def cells_of(cases: Iterable[CaseKey]) -> dict[tuple[str, str], int]:
    """Return how many of the cases belong to each service and topology."""
    return dict(Counter((key.subject, key.topology) for key in cases))


class Unwatched:
    """Shows nothing."""

    def planned(self, total: int, cells: Cells) -> None:
        """Show nothing."""

    def started(self, case: CaseKey) -> None:
        """Show nothing."""

    def finished(self, record: Record) -> None:
        """Show nothing."""


class Lines:
    """Lines for logs and pipes: the cases that need attention and how far the run is, or every case."""

    def __init__(self, console: Console, remaining: Remaining | None = None, *, every: bool = False) -> None:
        """Write to ``console``.

        Args:
            console: Where lines are written.
            remaining: What is left of the run.
            every: Whether each case has a line.
        """
        self._console = console
        self._remaining = remaining or Remaining({})
        self._every = every
        self._began = self._last = time.monotonic()
        self._total = 0
        self._done = 0

    def planned(self, total: int, cells: Cells) -> None:
        """Take how many cases are planned, in total and by cell."""
        self._total = total
        services, topologies = len({subject for subject, _ in cells}), len({topology for _, topology in cells})
        words = count(total, "case"), count(services, "service"), count(topologies, "topology")
        self._console.print(", ".join(words))

    def started(self, case: CaseKey) -> None:
        """Print nothing: only finished cases have a line."""

    def finished(self, record: Record) -> None:
        """Print the case's line if it needs attention, or else how far the run is if nothing was printed for long."""
        self._done += 1
        self._remaining.finished(record.key)
        place = f"[{self._done:>{len(str(self._total))}}/{self._total}]"
        now = time.monotonic()
        if self._every or record.verdict not in _AS_EXPECTED:
            self._print(record, place)
        elif now - self._last >= _EVERY:
            self._console.print(f"{place} after {_times(now - self._began, self._remaining)}")
        else:
            return
        self._last = now

    def _print(self, record: Record, place: str) -> None:
        """Print the line of a case."""
        ascii_only = is_ascii(self._console)
        verdict = f"{name(VERDICT_STYLES[record.verdict], ascii_only=ascii_only):<17}"
        text = Text(f"{place} ").append_text(styled(record.verdict, verdict))
        text.append(shown(f" {record.case}  {record.seconds:.2f} s", ascii_only=ascii_only))
        if record.measures:
            text.append(shown("  " + "; ".join(map(str, record.measures)), ascii_only=ascii_only))
        if record.verdict is Verdict.FAIL or record.verdict in _NOT_RUN:
            text.append(shown(f"  {reason(record)}", ascii_only=ascii_only))
        self._console.print(text, soft_wrap=True)


class LiveMatrix:
    """The matrix, a progress bar, the time, and the cases that run now.

    Attributes:
        live: What draws it while it is entered, and then removes it from the terminal.
    """

    def __init__(self, console: Console, remaining: Remaining | None = None) -> None:
        """Draw on ``console``; ``remaining`` is what is left of the run."""
        self._console = console
        self._remaining = remaining or Remaining({})
        self._began = time.monotonic()
        self._total = 0
        self._cells: dict[tuple[str, str], int] = {}
        self._verdicts: dict[tuple[str, str], list[Verdict]] = {}
        self._running: dict[CaseKey, None] = {}
        self.live = Live(console=console, get_renderable=self.picture, refresh_per_second=8, transient=True)

    def planned(self, total: int, cells: Cells) -> None:
        """Take how many cases are planned, in total and by cell."""
        self._total, self._cells = total, dict(cells)

    def started(self, case: CaseKey) -> None:
        """Show the case as running."""
        self._running = {**self._running, case: None}

    def finished(self, record: Record) -> None:
        """Add the case to its cell."""
        self._running = {case: None for case in self._running if case != record.key}
        self._remaining.finished(record.key)
        key = record.subject, record.topology
        self._verdicts = {**self._verdicts, key: [*self._verdicts.get(key, ()), record.verdict]}

    def picture(self) -> RenderableType:
        """Return what the terminal shows now."""
        ascii_only = is_ascii(self._console)
        verdicts, cells, running = self._verdicts, self._cells, self._running
        topologies = list(dict.fromkeys(topology for _, topology in (*cells, *verdicts)))
        rows = [
            (
                subject,
                [
                    _mark(verdicts.get((subject, topology), []), cells.get((subject, topology), 0))
                    for topology in topologies
                ],
            )
            for subject in self._subjects(cells, verdicts)
        ]
        done = sum(len(found) for found in verdicts.values())
        now = ", ".join(map(str, running)) or "-"
        width = self._console.width
        return Group(
            matrix(rows, topologies, width=width, ascii_only=ascii_only) if rows else Text(),
            self._bar(done),
            Text(shown(f"now: {now}", ascii_only=ascii_only)[: width - 1], style="dim", no_wrap=True),
        )

    def _subjects(self, cells: Cells, verdicts: Mapping[tuple[str, str], list[Verdict]]) -> list[str]:
        """Return the services that fit on the terminal: unfinished services first."""
        subjects = list(dict.fromkeys(subject for subject, _ in (*cells, *verdicts)))
        room = max(1, self._console.height - _LINES_AROUND_MATRIX)
        unfinished = {
            subject
            for (subject, topology), number in cells.items()
            if number > len(verdicts.get((subject, topology), ()))
        }
        chosen = sorted(subjects, key=lambda subject: subject not in unfinished)[:room]
        return [subject for subject in subjects if subject in chosen]

    def _bar(self, done: int) -> RenderableType:
        """Return the progress bar with its numbers."""
        line = Table.grid(padding=(0, 1))
        text = f"{done} of {self._total}   {_times(time.monotonic() - self._began, self._remaining)}"
        line.add_row(ProgressBar(total=max(1, self._total), completed=done, width=30), text)
        return line


def _times(elapsed: float, remaining: Remaining) -> str:
    """Return how long a run has lasted, and how long it will: ``1:05, about 9:40 left``."""
    left = remaining.left(elapsed)
    return duration(elapsed) + (f", about {duration(left)} left" if left else "")


def _mark(verdicts: Sequence[Verdict], planned: int) -> Mark:
    """Return what a cell shows so far: finished and planned cases, or only one number once all are finished."""
    number = str(len(verdicts)) if len(verdicts) >= planned else f"{len(verdicts)}/{planned}"
    return Mark(most_serious(verdicts), "0" if not planned and not verdicts else number)
