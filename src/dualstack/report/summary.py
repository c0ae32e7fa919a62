"""What a run says as a whole: its services, its counts, its headline, computed once for every face."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dualstack.plan import START
from dualstack.report.deeds import deed
from dualstack.report.faces import weight
from dualstack.report.load import Loaded, Run, load
from dualstack.report.support import REASON_SIZE, Cell, Statement, Support, World, counted
from dualstack.report.text import clip, count
from dualstack.results import NOT_READY, Record
from dualstack.verdict import FELL_SHORT, JUDGED, OUR_FAULT, Verdict


@dataclass(frozen=True)
class Report:
    """Everything that a face shows of a run.

    Attributes:
        loaded: What the run left in its folder.
    """

    loaded: Loaded

    @classmethod
    def of(cls, folder: Path) -> "Report":
        """Read a run's folder.

        Raises:
            OSError: It cannot be read at all.
        """
        return cls(load(folder))

    @property
    def run(self) -> Run:
        """What was run."""
        return self.loaded.run

    @property
    def records(self) -> tuple[Record, ...]:
        """The results, in the order in which they were written."""
        return self.loaded.records

    @cached_property
    def worlds(self) -> tuple[World, ...]:
        """The topologies, in the order of the run, then those that only records name."""
        known = self.run.table("topologies")
        used = dict.fromkeys(record.topology for record in self.records)
        return tuple(
            World(
                name,
                title=str(data.get("title") or name),
                summary=str(data.get("summary") or ""),
                host=str(data.get("stands_for") or ""),
            )
            for name, data in ((name, known.get(name, {})) for name in {**known, **used})
            if name in used
        )

    @cached_property
    def columns(self) -> tuple[World, ...]:
        """The topologies that the matrix shows: those in which anything applied; all if nothing did anywhere."""
        judged = {record.topology for record in self.records if record.verdict is not Verdict.NOT_APPLICABLE}
        return tuple(world for world in self.worlds if world.name in judged or not judged)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The support statement of each service, in the order of the run."""
        known = self.run.subjects
        used = dict.fromkeys(record.subject for record in self.records)
        return tuple(self._statement(name, known.get(name, {})) for name in {**known, **used})

    def _statement(self, subject: str, data: Mapping[str, Any]) -> Statement:
        """Return the statement of one service."""
        claims, loopback = data.get("claims"), data.get("loopback")
        return Statement(
            subject=subject,
            about=str(data.get("summary") or ""),
            claims={str(name): [str(item) for item in value] for name, value in claims.items()}
            if isinstance(claims, Mapping)
            else {},
            cells=tuple(self.cell(subject, world) for world in self.worlds),
            loopback=tuple(map(str, loopback)) if isinstance(loopback, list) else (),
        )

    @cached_property
    def _by_cell(self) -> dict[tuple[str, str], list[Record]]:
        """The records of each cell, the gravest first."""
        cells: dict[tuple[str, str], list[Record]] = {}
        for record in sorted(self.records, key=lambda item: (weight(item.verdict), item.requirement, item.element)):
            cells.setdefault((record.subject, record.topology), []).append(record)
        return cells

    def cell(self, subject: str, world: World) -> Cell:
        """Return one service in one world."""
        return Cell(subject=subject, world=world, records=tuple(self._by_cell.get((subject, world.name), ())))

    def deeds(self, statement: Statement) -> list[tuple[Cell, str]]:
        """Return what a service does on each kind of host of which that is known, in plain words."""
        requirements = self.run.table("requirements")
        said = ((cell, deed(cell, requirements, statement.loopback)) for cell in statement.cells if cell.world.host)
        return [(cell, text) for cell, text in said if text]

    @cached_property
    def counts(self) -> dict[Verdict, int]:
        """How many cases have each verdict, the gravest first."""
        return counted(self.records)

    @property
    def missing(self) -> int:
        """How many planned cases have no record; 0 if it is not known what was planned."""
        recorded = len({record.case for record in self.records})
        return max(0, (self.run.planned or 0) - recorded)

    @property
    def short(self) -> list[str]:
        """The services that broke a requirement, do not start, or passed where their manifest says that they do not."""
        short = [item.subject for item in self.records if item.verdict in FELL_SHORT or self._is_blocked(item)]
        return list(dict.fromkeys(short))

    @property
    def judged(self) -> int:
        """How many cases say something of a service."""
        return sum(record.verdict in JUDGED for record in self.records)

    @property
    def unstarted(self) -> list[str]:
        """The services that do not start on an ordinary host: nothing else is known of them."""
        others = {item.subject for item in self.records if item.verdict in JUDGED and item.requirement != START}
        failed = [item.subject for item in self.records if item.requirement == START and item.verdict is Verdict.FAIL]
        blocked = [item.subject for item in self.records if self._is_blocked(item)]
        return [subject for subject in dict.fromkeys([*failed, *blocked]) if subject not in others]

    def _is_blocked(self, record: Record) -> bool:
        """Return whether a case is blocked, unless the manifest declares that its service does not start."""
        return record.verdict is Verdict.BLOCKED and record.subject not in self._declared

    @cached_property
    def _declared(self) -> frozenset[str]:
        """The services whose manifest declares that they do not start."""
        starts = [item for item in self.records if item.requirement == START]
        return frozenset(item.subject for item in starts if item.verdict is Verdict.KNOWN)

    @property
    def headline(self) -> str:
        """The outcome of the run as one sentence."""
        return next(filter(None, self._headlines()))

    def _headlines(self) -> Iterator[str]:
        """Yield what may be said of the run, the most important first; empty where it does not hold."""
        total = count(len(self.statements), "service")
        yield "" if self.records else "No case was recorded."
        others = len(set(self.short) - set(self.unstarted))
        more = f" {others} more {_does(others)} not behave as required." if others else ""
        yield bool(self.unstarted) * (
            f"{len(self.unstarted)} of {total} {_does(len(self.unstarted))} not start: "
            f"check the manifest or the command first.{more}"
        )
        yield bool(self.short) * f"{len(self.short)} of {total} {_does(len(self.short))} not behave as required."
        yield "" if self.judged else f"Nothing was verified: {self._why_none} ({total})."
        unsure = any(statement.overall is Support.NOT_VERIFIED for statement in self.statements)
        yield bool(unsure or self.missing or self.loaded.damage) * (
            f"Nothing broke that was judged, but not everything was verified ({total})."
        )
        known = sum(statement.overall is Support.KNOWN for statement in self.statements)
        yield (
            bool(known)
            * f"Nothing unexpected: {known} of {total} {'falls' if known == 1 else 'fall'} short, as declared."
        )
        yield bool(self.deviating) * (
            f"No requirement is broken, but {len(self.deviating)} of {total} "
            f"{'deviates' if len(self.deviating) == 1 else 'deviate'} from what is recommended "
            f"({count(self._deviations, 'deviation')})."
        )
        yield f"{'The service behaves' if len(self.statements) == 1 else f'All {total} behave'} as required."

    @property
    def deviating(self) -> list[str]:
        """The services that do not follow a recommendation, or were observed not to start on some host."""
        return list(dict.fromkeys(record.subject for record in self.records if _deviates(record)))

    @property
    def _deviations(self) -> int:
        """How many cases those are."""
        return sum(map(_deviates, self.records))

    @property
    def _why_none(self) -> str:
        """Why no case was judged."""
        cases = count(len(self.records), "case")
        if set(self.counts) == {Verdict.NOT_APPLICABLE}:
            return f"none of {cases} applies"
        cannot = Verdict.HOST_CANNOT in self.counts
        return f"this machine cannot run any of {cases}" if cannot else f"none of {cases} could be judged"

    @property
    def tally(self) -> str:
        """How many cases have each verdict, as one line."""
        counted = ", ".join(f"{number} {verdict.value}" for verdict, number in self.counts.items())
        return f"{len(self.records)}: {counted}"

    @property
    def warnings(self) -> list[str]:
        """What a reader must know before trusting the rest, one sentence each."""
        found = []
        if self.run.interrupted:
            found.append("This run was interrupted: it did not come to its end.")
        if self.missing:
            found.append(f"{count(self.missing, 'planned case')} of {self.run.planned} left no result.")
        broken = sum(self.counts.get(verdict, 0) for verdict in OUR_FAULT)
        if broken:
            found.append(f"{count(broken, 'case')} could not be judged for reasons that are not the service's.")
        troubles = self.run.data.get("troubles")
        found += [clip(str(item), REASON_SIZE) for item in troubles] if isinstance(troubles, list) else []
        return found + list(self.loaded.damage)


def _does(number: int) -> str:
    """Return the verb for a number of services."""
    return "does" if number == 1 else "do"


def _deviates(record: Record) -> bool:
    """Return whether a case deviates, or observes that the service does not start."""
    observed = record.verdict is Verdict.OBSERVED and record.reason.startswith(NOT_READY)
    return record.verdict is Verdict.DEVIATES or observed
