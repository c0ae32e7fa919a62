"""What is new in a run: its failures without those that a baseline accepts, and what has become of the baseline."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dualstack.counting import count
from dualstack.report.summary import Report
from dualstack.report.text import enumerated
from dualstack.results import Record
from dualstack.runinfo import KnownInfo
from dualstack.verdict import Verdict

_NO_LONGER_FAILS = frozenset({Verdict.PASS, Verdict.OBSERVED, Verdict.UNEXPECTED_PASS})
"""Verdicts of a case that does not need its entry."""


@dataclass(frozen=True, slots=True)
class Use:
    """An entry that is about a service of the run.

    Attributes:
        entry: The entry.
        failing: Its cases that fail: they are accepted, or the entry has expired.
        notes: What is to be changed in it, one sentence each.
    """

    entry: KnownInfo
    failing: tuple[Record, ...]
    notes: tuple[str, ...]

    @property
    def is_shown(self) -> bool:
        """Whether a report has something to say of it: not if the run left out its cases, or none of them fails."""
        return bool(self.failing or self.notes)

    @property
    def until(self) -> str:
        """``until 2030-01-31``, or ``expired on 2020-01-31``; empty without a date."""
        return f"{'expired on' if self.entry.expired else 'until'} {self.entry.expires}" if self.entry.expires else ""


@dataclass(frozen=True)
class Gate:
    """The failures of a run, split by what declares them."""

    report: Report

    @property
    def applies(self) -> bool:
        """Whether there is something to say: the run had a baseline, or an entry of a manifest has expired."""
        return bool(self.report.run.baselines or self.report.run.known)

    @cached_property
    def new(self) -> tuple[Record, ...]:
        """The cases that make the run fail, and that no entry is about."""
        return tuple(item for item in self._failing if not self._has_expired(item))

    @cached_property
    def expired(self) -> tuple[Record, ...]:
        """The cases that make the run fail because their entry has expired."""
        return tuple(item for item in self._failing if self._has_expired(item))

    def _has_expired(self, record: Record) -> bool:
        """Return whether the entry of a case has expired; a case that is blocked fails because of another one."""
        return record.known_at in self._expired and record.verdict is not Verdict.BLOCKED

    @cached_property
    def accepted(self) -> tuple[Record, ...]:
        """The cases that fail as a baseline declares."""
        places = {entry.place for entry in self.report.run.known if entry.baseline}
        return tuple(item for item in self.report.records if item.verdict is Verdict.KNOWN and item.known_at in places)

    @property
    def line(self) -> str:
        """``2 new, 14 in the baseline, 1 expired``, counted in cases."""
        return f"{len(self.new)} new, {len(self.accepted)} in the baseline, {len(self.expired)} expired"

    @cached_property
    def _failing(self) -> list[Record]:
        """The cases that make the run fail because of a service or manifest."""
        return [item for item in self.report.records if self.report.fails(item)]

    @cached_property
    def _expired(self) -> frozenset[str]:
        """The places of the entries that have expired."""
        return frozenset(entry.place for entry in self.report.run.known if entry.expired)

    @property
    def notes(self) -> list[tuple[str, str]]:
        """The entries that need a change, each with its place and a sentence."""
        found = [(use.entry.place, text) for use in self.uses for text in use.notes]
        others = sum(entry.cases is None for entry in self.report.run.known)
        if others:
            about = f"{count(others, 'entry')} of the baseline {'is' if others == 1 else 'are'} about services"
            found.append(("", f"{about} that are not in this run."))
        return found

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """The entries about services of this run, those that need a change first."""
        own: dict[str, list[Record]] = {}
        for item in self.report.records:
            if item.known_at and item.verdict is not Verdict.BLOCKED:
                own.setdefault(item.known_at, []).append(item)
        entries = [entry for entry in self.report.run.known if entry.cases is not None]
        found = [self._use(entry, own.get(entry.place, [])) for entry in entries]
        return tuple(sorted(found, key=lambda use: not use.notes))

    def _use(self, entry: KnownInfo, own: Sequence[Record]) -> Use:
        """Return what this run says of an entry with these cases."""
        fixed = [item for item in own if item.verdict in _NO_LONGER_FAILS]
        failing = [item for item in own if self.report.fails(item) or item.verdict is Verdict.KNOWN]
        return Use(entry, tuple(failing), tuple(_notes(entry, failing, fixed)))


def _notes(entry: KnownInfo, failing: Sequence[Record], fixed: Sequence[Record]) -> Iterator[str]:
    """Yield what is to be changed in an entry, of whose cases some fail and others do not."""
    if entry.cases == 0:
        yield f"{entry.about}: no such case applies to these services; correct or remove the entry."
    if entry.expired and failing:
        yield (
            f"{entry.about}: expired on {entry.expires}{_owner(entry)}, and still fails "
            f"({count(len(failing), 'case')}): fix it, or agree on another date."
        )
    elif fixed and not failing:
        yield f"{entry.about}: no longer fails; remove the entry."
    elif fixed:
        yield f"{entry.about}: no longer fails on {_places(fixed)}; remove that from the entry."


def shown_place(place: str, folder: Path | None = None) -> str:
    """Return the place of an entry relative to a folder (default: the working directory), if it is below it."""
    path, _, line = place.rpartition(":")
    return f"{shown_file(path, folder)}:{line}" if path else place


def shown_file(path: str, folder: Path | None = None) -> str:
    """Return a path relative to a folder (default: the working directory), if it is below it."""
    near = os.path.relpath(path, folder)
    return path if near.startswith("..") else near


def sentences(gate: Gate) -> list[str]:
    """Return the notes of a gate as sentences that begin with the place of the entry."""
    return [f"{shown_place(place)}: {text}" if place else text for place, text in gate.notes]


def _owner(entry: KnownInfo) -> str:
    """Return ``(owner: NAME)`` with a space before it; empty without an owner."""
    return f" (owner: {entry.owner})" if entry.owner else ""


def _places(records: Iterable[Record]) -> str:
    """Return the topologies of these cases, each once."""
    return enumerated(list(dict.fromkeys(item.topology for item in records)))
