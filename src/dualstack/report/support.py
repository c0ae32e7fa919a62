"""Support statements: whether a service works in each topology, derived from its cases only."""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dualstack.report.text import clip, enumerated
from dualstack.report.verdict_style import ATTENTION, VERDICT_STYLES, VerdictStyle, most_serious
from dualstack.results import Record
from dualstack.verdict import OUR_FAULT, Verdict

REASON_SIZE = 220
"""How many characters of a reason a support statement shows."""


@enum.unique
class Support(enum.Enum):
    """What is said of a service in one topology; the most serious first."""

    NOT_MET = "requirement not met"
    KNOWN = "known issue"
    NOT_VERIFIED = "not verified"
    DEVIATES = "supported with deviations"
    SUPPORTED = "supported"
    OBSERVED = "only observed"
    NOT_CLAIMED = "does not apply"
    NOT_TESTED = "not tested"

    @property
    def style(self) -> VerdictStyle:
        """The style of the verdict that it is shown with."""
        return VERDICT_STYLES[_SUPPORT_FACE[self]]


_SUPPORT_FACE = {
    Support.NOT_MET: Verdict.FAIL,
    Support.KNOWN: Verdict.KNOWN,
    Support.NOT_VERIFIED: Verdict.INCONCLUSIVE,
    Support.DEVIATES: Verdict.DEVIATES,
    Support.SUPPORTED: Verdict.PASS,
    Support.OBSERVED: Verdict.OBSERVED,
    Support.NOT_CLAIMED: Verdict.NOT_APPLICABLE,
    Support.NOT_TESTED: Verdict.NOT_APPLICABLE,
}

_DECIDES: dict[Support, frozenset[Verdict]] = {
    Support.NOT_MET: frozenset({Verdict.FAIL}),
    Support.KNOWN: frozenset({Verdict.KNOWN}),
    Support.NOT_VERIFIED: OUR_FAULT | {Verdict.HOST_CANNOT, Verdict.BLOCKED},
    Support.DEVIATES: frozenset({Verdict.DEVIATES}),
    Support.SUPPORTED: frozenset({Verdict.PASS, Verdict.UNEXPECTED_PASS}),
    Support.OBSERVED: frozenset({Verdict.OBSERVED}),
}
"""The verdicts that lead to each statement; the first one that applies to any case of the cell is made."""

_NOT_A_PLAIN_YES = frozenset({Support.NOT_MET, Support.KNOWN, Support.NOT_VERIFIED, Support.DEVIATES})

_ABOUT_THE_SERVICE = frozenset({Verdict.FAIL, Verdict.DEVIATES, Verdict.OBSERVED, Verdict.KNOWN})


@dataclass(frozen=True, slots=True)
class TopologyTitle:
    """A topology as a report names it.

    Attributes:
        name: The topology's name.
        title: Its name as a person writes it.
        summary: What it is like.
        host: The kind of host that the service is on; empty if that is not known.
    """

    name: str
    title: str
    summary: str
    host: str = ""


@dataclass(frozen=True)
class Cell:
    """One service in one topology.

    Attributes:
        subject: The service.
        topology: The topology.
        records: Its cases there, the most serious verdict first.
    """

    subject: str
    topology: TopologyTitle
    records: tuple[Record, ...]

    @cached_property
    def verdict(self) -> Verdict | None:
        """The most serious verdict; None without a case."""
        return most_serious(record.verdict for record in self.records)

    @cached_property
    def counts(self) -> dict[Verdict, int]:
        """How many cases have each verdict, the most serious first."""
        return counted(self.records)

    @property
    def attention(self) -> bool:
        """Whether its most serious case is one to open: it is no success and no plain fact."""
        return self.verdict in ATTENTION | {Verdict.KNOWN}

    @cached_property
    def total(self) -> int:
        """How many cases apply to the service; all of them if none does."""
        applying = sum(record.verdict is not Verdict.NOT_APPLICABLE for record in self.records)
        return applying or len(self.records)

    @cached_property
    def same(self) -> int:
        """How many cases have the most serious verdict."""
        return sum(record.verdict is self.verdict for record in self.records)

    @cached_property
    def support(self) -> Support:
        """What is said of the service in this topology."""
        verdicts = {record.verdict for record in self.records}
        if not verdicts:
            return Support.NOT_TESTED
        return next((said for said, wanted in _DECIDES.items() if verdicts & wanted), Support.NOT_CLAIMED)

    @cached_property
    def deciding(self) -> tuple[Record, ...]:
        """The cases that lead to a statement that is not a plain yes; one case for each reason."""
        if self.support not in _NOT_A_PLAIN_YES:
            return ()
        first: dict[str, Record] = {}
        for record in self.records:
            if record.verdict in _DECIDES[self.support]:
                first.setdefault(reason(record), record)
        return tuple(first.values())


@dataclass(frozen=True)
class Statement:
    """The support statement of one service.

    Attributes:
        subject: The service.
        about: What it is, one sentence of its manifest; may be empty.
        claims: The families that each listener and connector claims.
        cells: Its results, one cell for each topology.
        loopback: The listeners that claim to serve clients on their own host only.
    """

    subject: str
    about: str
    claims: Mapping[str, Sequence[str]]
    cells: tuple[Cell, ...]
    loopback: tuple[str, ...] = ()

    @cached_property
    def overall(self) -> Support:
        """The most serious of what is said of it; 'does not apply' only if no topology applies."""
        said = {cell.support for cell in self.cells}
        return next((support for support in Support if support in said), Support.NOT_TESTED)

    @property
    def rank(self) -> int:
        """How serious the statement is: 0 is the most serious."""
        return list(Support).index(self.overall)

    @property
    def sentence(self) -> str:
        """The statement as one sentence with reasons, without the service's name."""
        return self._say(reasons=True)

    @property
    def brief(self) -> str:
        """The statement as one sentence without reasons and without the service's name."""
        return self._say(reasons=False)

    def _say(self, *, reasons: bool) -> str:
        """Return a sentence with a clause for each kind of statement, the most serious first."""
        parts = []
        for support, lead in _LEADS.items():
            cells = [cell for cell in self.cells if cell.support is support]
            if cells:
                parts.append(_clause(lead, cells, reasons=support in _REASONED) if reasons else _short(lead, cells))
        return ("; ".join(parts) or "was not tested") + "."


_LEADS = {
    Support.NOT_MET: "does not meet a requirement on",
    Support.KNOWN: "has known issues on",
    Support.DEVIATES: "works, but deviates from a recommendation, on",
    Support.SUPPORTED: "works on",
    Support.NOT_VERIFIED: "could not be verified on",
    Support.OBSERVED: "was observed without judgement on",
    Support.NOT_CLAIMED: "makes no claim for",
}

_MOST_TITLES, _FIRST_TITLES = 6, 4
"""How many topologies a sentence without reasons names at most; of more than that, how many."""

_REASONED = frozenset({Support.NOT_MET, Support.KNOWN, Support.DEVIATES})


def _short(lead: str, cells: list[Cell]) -> str:
    """Return one clause of a statement without reasons; of many topologies it names the first ones."""
    titles = [cell.topology.title for cell in cells]
    if len(titles) > _MOST_TITLES:
        titles = [*titles[:_FIRST_TITLES], f"{len(titles) - _FIRST_TITLES} more topologies"]
    return f"{lead} {enumerated(titles)}"


def _clause(lead: str, cells: list[Cell], *, reasons: bool) -> str:
    """Return one clause of a statement."""
    if not reasons:
        return f"{lead} {enumerated([cell.topology.title for cell in cells])}"
    by_reason: dict[str, list[str]] = {}
    for cell in cells:
        text = reason(cell.deciding[0]).rstrip(".")
        more = len({record.requirement for record in cell.records if record.verdict is cell.deciding[0].verdict}) - 1
        by_reason.setdefault(f"{text}; and {more} more" if more else text, []).append(cell.topology.title)
    return f"{lead} " + ", and on ".join(f"{enumerated(titles)} ({text})" for text, titles in by_reason.items())


def reason(record: Record) -> str:
    """Return why a case has its verdict, in one line: its first failed finding, else its reason, else its title."""
    failed = next((finding for finding in record.findings if not finding.ok), None)
    if failed is not None and record.verdict in _ABOUT_THE_SERVICE:
        return clip(failed.text, REASON_SIZE)
    return clip(record.reason or record.title, REASON_SIZE)


def counted(records: Iterable[Record]) -> dict[Verdict, int]:
    """Return how many records have each verdict, the most serious first."""
    counts = Counter(record.verdict for record in records)
    return {verdict: counts[verdict] for verdict in VERDICT_STYLES if counts[verdict]}
