"""A support statement to publish: what one run shows of one service, with exceptions, gaps and evidence, as data."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dualstack.counting import count
from dualstack.report.draft import DraftCell, State, every_table
from dualstack.report.gate import shown_place
from dualstack.report.provenance import provenance
from dualstack.report.summary import Report
from dualstack.report.support import Cell, Statement, counted, reason
from dualstack.report.verdict_style import Tone
from dualstack.results import Record
from dualstack.scenarios import DRAFT
from dualstack.verdict import JUDGED, Verdict

SCHEMA = 1
"""The version of the form of `SupportStatement.as_data`; it grows when a key changes its meaning."""


@enum.unique
class Level(enum.Enum):
    """What is claimed of a service as a whole; a later member is the weaker claim."""

    WORKS = "works"
    PARTLY = "works where it was tested"
    EXCEPTIONS = "works, with exceptions"
    FAILS = "does not work everywhere"
    INCOMPLETE = "not verified: the run is incomplete"
    NOTHING = "not verified"

    @property
    def tone(self) -> Tone:
        """The colour that it is shown with."""
        return _TONES[self]


_TONES = {
    Level.WORKS: Tone.GOOD,
    Level.PARTLY: Tone.GOOD,
    Level.EXCEPTIONS: Tone.WARN,
    Level.FAILS: Tone.BAD,
    Level.INCOMPLETE: Tone.QUIET,
    Level.NOTHING: Tone.QUIET,
}

_EXCEPTIONS = {
    Verdict.FAIL: "requirement not met",
    Verdict.UNEXPECTED_PASS: "declared as known, but passed",
    Verdict.KNOWN: "known issue",
    Verdict.DEVIATES: "deviation from a recommendation",
}
"""The verdicts that a statement names one by one, and what they are called there."""


@dataclass(frozen=True, slots=True)
class ExceptionTo:
    """A requirement that the service does not meet as it should.

    Attributes:
        records: Its cases, which differ in their topology.
        kind: What it is: ``known issue``.
        place: The entry that declares it; empty without one.
        owner: Who fixes it; may be empty.
        expires: Until when it is accepted; may be empty.
    """

    records: tuple[Record, ...]
    kind: str
    place: str = ""
    owner: str = ""
    expires: str = ""

    @property
    def title(self) -> str:
        """``LISTEN-005 Dual-stack does not depend on …, http``."""
        first = self.records[0]
        return f"{first.requirement} {first.title} ({first.element})"

    @property
    def where(self) -> str:
        """The topologies."""
        return ", ".join(dict.fromkeys(item.topology for item in self.records))

    @property
    def why(self) -> str:
        """The reason."""
        return reason(self.records[0])


@dataclass(frozen=True)
class SupportStatement:
    """The statement of one service."""

    report: Report
    statement: Statement

    @property
    def service(self) -> str:
        """The service, with its configuration."""
        return self.statement.subject

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Its cases."""
        return tuple(item for item in self.report.records if item.subject == self.service)

    @cached_property
    def cells(self) -> tuple[DraftCell, ...]:
        """Its cells of the draft's tables, row by row, except for those that it does not claim."""
        found = (cell for table in every_table(self.report) for cell in table.cells)
        return tuple(cell for cell in found if cell.service == self.service and cell.state is not State.NOT_APPLICABLE)

    def of(self, *states: State) -> list[DraftCell]:
        """Return its cells with one of these states."""
        return [cell for cell in self.cells if cell.state in states]

    @cached_property
    def exceptions(self) -> Sequence[ExceptionTo]:
        """What it does not meet: failures, known issues, deviations."""
        alike: dict[tuple[Verdict, str, str, str], list[Record]] = {}
        for verdict in _EXCEPTIONS:
            for item in self.records:
                if item.verdict is verdict:
                    alike.setdefault((verdict, item.requirement, item.element, item.known_at), []).append(item)
        entries = {entry.place: entry for entry in self.report.run.known}
        found = []
        for (verdict, _, _, place), records in alike.items():
            entry = entries.get(place)
            kind = f"{_EXCEPTIONS[verdict]}{' (baseline)' * bool(entry and entry.baseline)}"
            extra = (entry.owner, entry.expires) if entry else ("", "")
            found.append(ExceptionTo(tuple(records), kind, place, *extra))
        return found

    @property
    def level(self) -> Level:
        """What is claimed; never more than the records show."""
        verdicts = {item.verdict for item in self.records}
        works, flawed = self.of(State.WORKS), self.of(State.FLAWED)
        if Verdict.FAIL in verdicts or Verdict.UNEXPECTED_PASS in verdicts or self.of(State.FAILS):
            return Level.FAILS
        if self.report.run.incomplete or self.report.missing:
            return Level.INCOMPLETE
        if not works and not flawed:
            return Level.NOTHING
        if self.exceptions or flawed or self.of(State.UNVERIFIED):
            return Level.EXCEPTIONS
        return Level.PARTLY if self.of(State.NOT_COVERED) else Level.WORKS

    @property
    def score(self) -> str:
        """``9 of 12``: in how many of the draft's combinations it was seen to work, of those that concern it."""
        return f"{len(self.of(State.WORKS))} of {len(self.cells)}"

    @property
    def headline(self) -> str:
        """The statement as one sentence."""
        number = len(self.of(State.NOT_COVERED, State.UNVERIFIED))
        untested = f"; {number} {'was' if number == 1 else 'were'} not tested or not verified" if number else ""
        text = f"{self.level.value}: seen to work in {self.score} combinations of the draft{untested}"
        return f"{text[:1].upper()}{text[1:]}."

    @property
    def badge(self) -> str:
        """The text of the badge."""
        return {Level.INCOMPLETE: "incomplete", Level.NOTHING: "not verified"}.get(self.level, self.score)

    @property
    def untested(self) -> list[str]:
        """What the run does not show, one sentence each."""
        found = [f"{cell.row.title}, as {cell.side.value}: {cell.reason}." for cell in self._gaps()]
        unjudged = sum(item.verdict not in JUDGED | {Verdict.NOT_APPLICABLE} for item in self.records)
        if unjudged:
            found.append(f"{count(unjudged, 'case')} of this service could not be judged.")
        return [*self.report.warnings, *found]

    def _gaps(self) -> Iterator[DraftCell]:
        """Yield the cells that no judged case fills."""
        return (cell for cell in self.cells if cell.state in {State.NOT_COVERED, State.UNVERIFIED})

    @property
    def topologies(self) -> list[Cell]:
        """Its results in each topology that has any."""
        return [cell for cell in self.statement.cells if cell.records]

    @property
    def evidence(self) -> list[tuple[str, str]]:
        """What names the run and the build that it verified, each with its label."""
        info = self.report.run.service(self.service)
        counts = ", ".join(f"{number} {verdict.value}" for verdict, number in counted(self.records).items())
        rows = [
            *((label, text) for label, text in provenance(self.report.run) if label not in {"Command", "Exit code"}),
            ("Image", self.report.run.images.get(self.service, "")),
            ("Command", info.command),
            *((f"SHA-256 of {name}", digest) for name, digest in info.digests.items()),
            ("Topologies", ", ".join(cell.topology.name for cell in self.topologies)),
            ("Cases", f"{len(self.records)}: {counts}"),
        ]
        return [(label, text) for label, text in rows if text]

    def as_data(self) -> dict[str, Any]:
        """Return the statement as JSON values."""
        return {
            "schema": SCHEMA,
            "service": self.service,
            "about": self.statement.about,
            "headline": self.headline,
            "level": self.level.value,
            "works": len(self.of(State.WORKS)),
            "combinations": len(self.cells),
            "complete": not (self.report.run.incomplete or self.report.missing),
            "claims": {name: list(families) for name, families in self.statement.claims.items()},
            "draft": {"name": DRAFT.name, "date": DRAFT.date, "url": DRAFT.url},
            "rows": [_row(cell) for cell in self.cells],
            "topologies": {cell.topology.name: cell.support.value for cell in self.topologies},
            "exceptions": [_exception(item) for item in self.exceptions],
            "not tested": self.untested,
            "evidence": dict(self.evidence),
        }


def support_statements(report: Report) -> list[SupportStatement]:
    """Return the statement of each service of a run."""
    return [SupportStatement(report, statement) for statement in report.statements]


def _row(cell: DraftCell) -> dict[str, Any]:
    """Return one combination of the draft."""
    row = cell.row
    return {
        "class": row.plan.value,
        "client": row.client.value,
        "proxy": row.proxy.value if row.proxy else None,
        "server": row.server.value,
        "service is": cell.side.value,
        "state": cell.state.value,
        "reason": cell.reason,
        "note": cell.note,
        "cases": [record.case for record in cell.records],
    }


def _exception(item: ExceptionTo) -> dict[str, Any]:
    """Return one exception."""
    return {
        "kind": item.kind,
        "requirement": item.records[0].requirement,
        "title": item.records[0].title,
        "reason": item.why,
        "cases": [record.case for record in item.records],
        "declared in": shown_place(item.place) if item.place else "",
        "owner": item.owner,
        "expires": item.expires,
    }
