"""The draft's tables, filled from the records of a run: one cell for each row, service and side."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from dualstack.families import BOTH, Family
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.text import enumerated
from dualstack.report.verdict_style import VERDICT_STYLES, VerdictStyle, weight
from dualstack.requirement import Role
from dualstack.results import Record
from dualstack.runinfo import ServiceInfo
from dualstack.scenarios import DRAFT, ROWS, Evidence, Plan, Row, Side
from dualstack.verdict import JUDGED, SPEAKS, Verdict

_ROLES = {Side.SERVER: Role.LISTENER.value, Side.CLIENT: Role.CONNECTOR.value, Side.PROXY: Role.RELAY.value}
"""The role of the parts of a service that are on each side."""

_NOT_RUN = "not part of this run"


@enum.unique
class State(enum.Enum):
    """What a cell says, the most serious first."""

    FAILS = "does not work"
    UNVERIFIED = "not verified"
    FLAWED = "works, but not as required"
    WORKS = "works"
    NOT_COVERED = "not covered"
    NOT_APPLICABLE = "not applicable"

    @property
    def style(self) -> VerdictStyle:
        """The style of the verdict that it is shown with."""
        return VERDICT_STYLES[_STYLES[self]]


_STYLES = {
    State.FAILS: Verdict.FAIL,
    State.UNVERIFIED: Verdict.INCONCLUSIVE,
    State.FLAWED: Verdict.DEVIATES,
    State.WORKS: Verdict.PASS,
    State.NOT_COVERED: Verdict.BLOCKED,
    State.NOT_APPLICABLE: Verdict.NOT_APPLICABLE,
}

_JUDGING = (State.FAILS, State.UNVERIFIED, State.FLAWED, State.WORKS)
"""The states that cases lead to; the most serious one of a cell's cases is the cell's."""


@dataclass(frozen=True, slots=True)
class DraftCell:
    """One row for one service on one side.

    Attributes:
        row: The row.
        service: The service, with its configuration.
        side: Which party of the row the service is.
        state: Whether it works.
        reason: Why it does not, or why that is not known; empty if it works.
        records: The cases that the state rests on.
        deciding: Those of them that make it worse than `State.WORKS`.
        ran: Whether the run had a case of it, or would have none with any selection.
    """

    row: Row
    service: str
    side: Side
    state: State
    reason: str = ""
    records: tuple[Record, ...] = ()
    deciding: tuple[Record, ...] = ()
    ran: bool = True

    @property
    def note(self) -> str:
        """What the lab does otherwise than the row, if the cell rests on cases."""
        return self.row.fillings[self.side].note if self.records else ""


@dataclass(frozen=True, slots=True)
class DraftTable:
    """One of the draft's tables, or the rows of it that the run was asked for.

    Attributes:
        section: Its section and number in the draft.
        proxied: Whether its rows have a proxy.
        columns: The services that are a party of its rows, each with its side.
        lines: Its rows, each with a cell for each column.
        outside: The services that are no party of its rows, with the reason.
    """

    section: str
    proxied: bool
    columns: tuple[tuple[str, Side], ...]
    lines: tuple[tuple[Row, tuple[DraftCell, ...]], ...]
    outside: tuple[tuple[str, str], ...]

    @property
    def cells(self) -> Iterator[DraftCell]:
        """Its cells, row by row."""
        return (cell for _, cells in self.lines for cell in cells)

    @property
    def heads(self) -> list[str]:
        """The heads of the columns: ``shop as server``."""
        return [f"{service} as {side.value}" for service, side in self.columns]

    @property
    def parties(self) -> tuple[str, ...]:
        """The heads of the columns before them: the parties of a row."""
        return ("Client", "Proxy", "Server") if self.proxied else ("Client", "Server")

    def filled(self, column: tuple[str, Side]) -> bool:
        """Return whether the run had cases for every row of a column that has any, and for one at least."""
        own = [cell for cell in self.cells if (cell.service, cell.side) == column]
        return all(cell.ran for cell in own) and any(cell.records for cell in own)


def draft_tables(report: Report) -> tuple[DraftTable, ...]:
    """Return the tables that a reader of the report expects.

    Those are the rows of the plans that the run was asked for. Without any, a table is shown if the run has filled all
    its rows that can be filled for at least one service: a part of it would say little about the others.
    """
    tables = list(_tables(report, report.run.plans or [plan.value for plan in Plan]))
    if report.run.plans:
        return tuple(tables)
    return tuple(table for table in tables if any(map(table.filled, table.columns)))


def every_table(report: Report) -> tuple[DraftTable, ...]:
    """Return each table with all its rows, also those that the run was not asked for."""
    return tuple(_tables(report, [plan.value for plan in Plan]))


def _tables(report: Report, wanted: Sequence[str]) -> Iterator[DraftTable]:
    """Yield each table with the rows of these plans."""
    rows = [row for row in ROWS if row.plan.value in wanted]
    services = [_Service(report.run.service(item.subject), report) for item in report.statements]
    for proxied in (False, True):
        own = [row for row in rows if bool(row.proxy) is proxied]
        if own:
            yield _table(own, services)


def _table(rows: Sequence[Row], services: "Sequence[_Service]") -> DraftTable:
    """Return a table of these rows."""
    sides = tuple(dict.fromkeys(side for row in rows for side in row.fillings))
    columns = [(item, side) for item in services for side in sides if item.has(side)]
    return DraftTable(
        section=DRAFT.section(rows[0].plan),
        proxied=rows[0].proxy is not None,
        columns=tuple((item.name, side) for item, side in columns),
        lines=tuple((row, tuple(item.cell(row, side) for item, side in columns)) for row in rows),
        outside=tuple(
            (item.name, "; ".join(side.lacking for side in sides)) for item in services if not any(map(item.has, sides))
        ),
    )


class _Service:
    """A service and its cases."""

    def __init__(self, info: ServiceInfo, report: Report) -> None:
        """Take what is known of it from the run."""
        self.name = info.name
        self._info = info
        self._roles = report.run.requirements
        self._own = [record for record in report.records if record.subject == info.name]

    @cached_property
    def _parts(self) -> dict[str, str]:
        """The role of each part, except for loopback listeners; where a run does not say it, from its requirements."""
        known = dict(self._info.roles)
        for record in self._own:
            if not self._info.roles and record.requirement in self._roles:
                known.setdefault(record.element, self._roles[record.requirement].role)
        return {name: role for name, role in known.items() if name not in self._info.loopback}

    def has(self, side: Side) -> bool:
        """Return whether a part of it is on this side."""
        return _ROLES[side] in self._parts.values()

    def cell(self, row: Row, side: Side) -> DraftCell:
        """Return its cell of a row."""
        filling = row.fillings[side]
        elements = [name for name, role in self._parts.items() if role == _ROLES[side]]
        cases = {name: self._cases(name, filling.evidence) for name in elements}
        recorded = {name: found for name, found in cases.items() if any(found.values())}
        if not recorded:
            return DraftCell(row, self.name, side, State.NOT_COVERED, _NOT_RUN, ran=False)
        seen = [item for name, found in recorded.items() for item in self._states(name, found)]
        state = next((state for state in _JUDGING if any(item[0] is state for item in seen)), State.NOT_APPLICABLE)
        records = tuple(record for said, _, record in seen if record is not None and said in _JUDGING)
        worse = [item for item in seen if item[0] is state] if state is not State.WORKS else []
        deciding = tuple(record for _, _, record in worse if record is not None and record.verdict in JUDGED)
        why = enumerated(list(dict.fromkeys(text for _, text, _ in worse if text)))
        ordered = tuple(sorted(records, key=lambda record: weight(record.verdict)))
        return DraftCell(row, self.name, side, state, why, ordered, deciding)

    def _cases(self, element: str, evidence: Sequence[Evidence]) -> dict[Evidence, list[Record]]:
        """Return the records of each case of one part; none where the run has no result."""
        return {
            item: [
                record
                for record in self._own
                if (record.requirement, record.topology, record.element) == (item.requirement, item.topology, element)
            ]
            for item in evidence
        }

    def _states(self, element: str, found: dict[Evidence, list[Record]]) -> Iterator[tuple[State, str, Record | None]]:
        """Yield what each case of one part says of a row, why, and the case; a case that says nothing is left out."""
        claimed = self._info.claims.get(element)
        judged = False
        for item, records in found.items():
            lacking = [family.label for family in item.over if claimed is not None and family.value not in claimed]
            if lacking:
                yield State.NOT_APPLICABLE, f"{element} does not claim {enumerated(lacking)}", None
                judged = True
                continue
            if not records:
                yield State.UNVERIFIED, f"{item.requirement} on {item.topology} has no result", None
            for record in records:
                state = state_of(record, item.over)
                judged = judged or state is not None
                if state is not None:
                    yield state, _why(state, record), record
        if not judged:
            yield State.UNVERIFIED, f"no case of {element} shows an exchange", None


def state_of(record: Record, over: Sequence[Family]) -> State | None:
    """Return what one case says of a row; None if it passed and says nothing, as it had no such exchange.

    Args:
        record: The case.
        over: The families over which an exchange must have succeeded; empty: over any family.
    """
    if record.verdict is Verdict.NOT_APPLICABLE:
        # A case that ran and then had nothing to judge builds on a requirement that is not met.
        return State.UNVERIFIED if record.steps else State.NOT_APPLICABLE
    if record.verdict not in JUDGED:
        return State.UNVERIFIED
    served = _served(record)
    works = set(over) <= served if over else bool(served)
    if record.verdict not in SPEAKS:
        return State.WORKS if works else None
    if not works:
        return State.FAILS
    others = any(record.works.get(family.value) is False for family in BOTH if family not in over)
    return State.WORKS if over and others else State.FLAWED


def _served(record: Record) -> set[Family]:
    """Return the families over which an exchange succeeded, also if the case is not about that."""
    used = {lane.family for chart in record.charts for lane in chart.lanes if lane.won}
    return {family for family in BOTH if record.works.get(family.value, family.value in used)}


def _why(state: State, record: Record) -> str:
    """Return why a case does not show that a row works; empty if it does."""
    return "" if state is State.WORKS else reason(record)
