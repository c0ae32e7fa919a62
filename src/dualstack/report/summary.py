"""The results of a run as a whole: services, counts and headline, computed once for every kind of report."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dualstack.counting import count
from dualstack.plan import START
from dualstack.report.behaviour import behaviour
from dualstack.report.load import RunFolder, load
from dualstack.report.support import REASON_SIZE, Cell, Statement, Support, TopologyTitle, counted
from dualstack.report.text import clip
from dualstack.report.uncollected import uncollected
from dualstack.report.verdict_style import weight
from dualstack.results import Record
from dualstack.runinfo import ServiceInfo, TopologyInfo
from dualstack.verdict import FAILURES, JUDGED, OUR_FAULT, Verdict


@dataclass(frozen=True)
class Report(RunFolder):
    """The contents of a run's folder, and what a report derives from them."""

    @classmethod
    def of(cls, folder: Path) -> "Report":
        """Read a run's folder.

        Raises:
            OSError: It cannot be read at all.
        """
        with uncollected():
            found = load(folder)
        return cls(found.run, found.records, found.damage)

    @cached_property
    def topologies(self) -> tuple[TopologyTitle, ...]:
        """The topologies in the order of the run, then those that only records name."""
        used = dict.fromkeys(record.topology for record in self.records)
        names = [name for name in {**self.run.topologies, **used} if name in used]
        return tuple(_topology_title(name, self.run.topologies.get(name, TopologyInfo())) for name in names)

    @cached_property
    def columns(self) -> tuple[TopologyTitle, ...]:
        """The topologies that the matrix shows: those in which a case applied; all if no case applied anywhere."""
        judged = {record.topology for record in self.records if record.verdict is not Verdict.NOT_APPLICABLE}
        return tuple(topology for topology in self.topologies if topology.name in judged or not judged)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The support statement of each service, in the order of the run."""
        used = dict.fromkeys(record.subject for record in self.records)
        names = {**dict.fromkeys(item.name for item in self.run.subjects), **used}
        return tuple(self._statement(self.run.service(name)) for name in names)

    def _statement(self, service: ServiceInfo) -> Statement:
        """Return the statement of one service."""
        return Statement(
            subject=service.name,
            about=service.summary,
            claims=service.claims,
            cells=tuple(self.cell(service.name, topology) for topology in self.topologies),
            loopback=service.loopback,
        )

    @cached_property
    def _by_cell(self) -> dict[tuple[str, str], list[Record]]:
        """The records of each cell, the most serious first."""
        cells: dict[tuple[str, str], list[Record]] = {}
        for record in sorted(self.records, key=lambda item: (weight(item.verdict), item.requirement, item.element)):
            cells.setdefault((record.subject, record.topology), []).append(record)
        return cells

    def cell(self, subject: str, topology: TopologyTitle) -> Cell:
        """Return one service in one topology."""
        return Cell(subject=subject, topology=topology, records=tuple(self._by_cell.get((subject, topology.name), ())))

    def behaviours(self, statement: Statement) -> list[tuple[Cell, str]]:
        """Return what a service does on each kind of host, in plain words, where that is known."""
        said = (
            (cell, behaviour(cell, self.run.requirements, statement.loopback))
            for cell in statement.cells
            if cell.topology.host
        )
        return [(cell, text) for cell, text in said if text]

    @cached_property
    def counts(self) -> dict[Verdict, int]:
        """How many cases have each verdict, the most serious first."""
        return counted(self.records)

    @property
    def missing(self) -> int:
        """How many planned cases have no record; 0 if it is not known what was planned."""
        recorded = len({record.case for record in self.records})
        return max(0, (self.run.planned or 0) - recorded)

    @property
    def failing(self) -> list[str]:
        """The services that break a requirement, do not start, or pass where their manifest declares a known issue."""
        failing = [item.subject for item in self.records if item.verdict in FAILURES or self._is_blocked(item)]
        return list(dict.fromkeys(failing))

    @property
    def judged(self) -> int:
        """How many cases have a verdict on a service."""
        return sum(record.verdict in JUDGED for record in self.records)

    @property
    def unstarted(self) -> list[str]:
        """The services that do not start on an ordinary host, so that nothing else is known of them."""
        others = {item.subject for item in self.records if item.verdict in JUDGED and item.requirement != START}
        failed = [item.subject for item in self.records if item.requirement == START and item.verdict is Verdict.FAIL]
        blocked = [item.subject for item in self.records if self._is_blocked(item)]
        return [subject for subject in dict.fromkeys([*failed, *blocked]) if subject not in others]

    @property
    def unserved(self) -> list[str]:
        """The services that start, and serve no client, while none of the cases that ran is about that."""
        others = {item.subject for item in self.records if item.verdict in JUDGED and item.requirement != START}
        lost = [item.subject for item in self.records if item.works and not any(item.works.values())]
        return [subject for subject in dict.fromkeys(lost) if subject not in others]

    def fails(self, record: Record) -> bool:
        """Return whether a case makes the run fail because of its service or manifest; a deviation does if strict."""
        strict = self.run.strict and record.verdict is Verdict.DEVIATES
        return record.verdict in FAILURES or strict or self._is_blocked(record)

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
        """Yield the possible headlines, the most important first; empty where one does not hold."""
        total = count(len(self.statements), "service")
        yield "" if self.records else "No case was recorded."
        others = len(set(self.failing) - set(self.unstarted))
        more = f" {others} more {_does(others)} not behave as required." if others else ""
        yield bool(self.unstarted) * (
            f"{self._part(len(self.unstarted))} {_does(len(self.unstarted))} not start: "
            f"check the manifest or the command first.{more}"
        )
        failing = len(self.failing)
        yield bool(failing) * f"{self._part(failing)} {_does(failing)} not behave as required."
        yield "" if self.judged else f"Nothing was verified: {self._why_none} ({total})."
        unsure = any(statement.overall is Support.NOT_VERIFIED for statement in self.statements)
        yield bool(unsure or self.missing or self.damage) * (
            f"No failure was found, but not everything was verified ({total})."
        )
        yield bool(self.unserved) * (
            f"No failure was found, but no case saw {self._part(len(self.unserved), inside=True)} serve a client: run "
            "all suites."
        )
        known = sum(statement.overall is Support.KNOWN for statement in self.statements)
        has = "has" if known == 1 else "have"
        yield bool(known) * f"Nothing unexpected: {self._part(known, inside=True)} {has} known issues."
        yield bool(self.deviating) * (
            f"No requirement is broken, but {self._part(len(self.deviating), inside=True)} "
            f"{'deviates' if len(self.deviating) == 1 else 'deviate'} from a recommendation "
            f"({count(self._deviations, 'deviation')})."
        )
        yield f"{'The service behaves' if len(self.statements) == 1 else f'All {total} behave'} as required."

    def _part(self, number: int, *, inside: bool = False) -> str:
        """Return so many of all services in words, for the beginning or the inside of a sentence."""
        if len(self.statements) == 1:
            return "the service" if inside else "The service"
        return f"{number} of {count(len(self.statements), 'service')}"

    @property
    def deviating(self) -> list[str]:
        """The services that do not follow a recommendation, or do not start where that is only observed."""
        return list(dict.fromkeys(record.subject for record in self.records if _deviates(record)))

    @property
    def _deviations(self) -> int:
        """How many cases deviate."""
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
        """What a reader must know before relying on the report, one sentence each."""
        found = []
        if self.run.incomplete:
            found.append("This run was interrupted before its end.")
        if self.missing:
            have = "has" if self.missing == 1 else "have"
            why = f"did not run: {self.run.stopped}" if self.run.stopped else f"{have} no result"
            found.append(f"{self.missing} of {self.run.planned} planned cases {why}.")
        unproved = self.counts.get(Verdict.INCONCLUSIVE, 0)
        if unproved:
            found.append(f"{count(unproved, 'case')} could not be judged for want of evidence.")
        broken = sum(self.counts.get(verdict, 0) for verdict in OUR_FAULT - {Verdict.INCONCLUSIVE})
        if broken:
            found.append(f"{count(broken, 'case')} could not be judged; the service is not the reason.")
        found += [clip(item, REASON_SIZE) for item in self.run.troubles]
        return found + list(self.damage)


def _topology_title(name: str, info: TopologyInfo) -> TopologyTitle:
    """Return a topology as the report names it."""
    return TopologyTitle(name, title=info.title or name, summary=info.summary, host=info.represents)


def _does(number: int) -> str:
    """Return the verb for a number of services."""
    return "does" if number == 1 else "do"


def _deviates(record: Record) -> bool:
    """Return whether a case deviates, or observes that the service did not become ready."""
    return record.verdict is Verdict.DEVIATES or (record.verdict is Verdict.OBSERVED and record.not_ready)
