"""Support statements: what is said of a service in each world, from its cases and from nothing else."""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dualstack.report.faces import FACES, Face, gravest
from dualstack.report.text import clip, enumerated
from dualstack.results import Record
from dualstack.verdict import OUR_FAULT, Verdict

REASON_SIZE = 220
"""How many characters of a reason a support statement shows."""


@enum.unique
class Support(enum.Enum):
    """What is said of a service in one world; the gravest first."""

    FALLS_SHORT = "falls short"
    KNOWN = "falls short (known)"
    NOT_VERIFIED = "not verified"
    DEVIATES = "supported with deviations"
    SUPPORTED = "supported"
    OBSERVED = "only observed"
    NOT_CLAIMED = "does not apply"
    NOT_TESTED = "not tested"

    @property
    def face(self) -> Face:
        """The verdict's face that it is shown with."""
        return FACES[_SUPPORT_FACE[self]]


_SUPPORT_FACE = {
    Support.FALLS_SHORT: Verdict.FAIL,
    Support.KNOWN: Verdict.KNOWN,
    Support.NOT_VERIFIED: Verdict.INCONCLUSIVE,
    Support.DEVIATES: Verdict.DEVIATES,
    Support.SUPPORTED: Verdict.PASS,
    Support.OBSERVED: Verdict.OBSERVED,
    Support.NOT_CLAIMED: Verdict.NOT_APPLICABLE,
    Support.NOT_TESTED: Verdict.NOT_APPLICABLE,
}

_DECIDES: dict[Support, frozenset[Verdict]] = {
    Support.FALLS_SHORT: frozenset({Verdict.FAIL}),
    Support.KNOWN: frozenset({Verdict.KNOWN}),
    Support.NOT_VERIFIED: OUR_FAULT | {Verdict.HOST_CANNOT, Verdict.BLOCKED},
    Support.DEVIATES: frozenset({Verdict.DEVIATES}),
    Support.SUPPORTED: frozenset({Verdict.PASS, Verdict.UNEXPECTED_PASS}),
    Support.OBSERVED: frozenset({Verdict.OBSERVED}),
}
"""The verdicts that decide for each statement; the first that any case of the cell has is made."""

_NOT_A_PLAIN_YES = frozenset({Support.FALLS_SHORT, Support.KNOWN, Support.NOT_VERIFIED, Support.DEVIATES})

_ABOUT_THE_SERVICE = frozenset({Verdict.FAIL, Verdict.DEVIATES, Verdict.OBSERVED, Verdict.KNOWN})


@dataclass(frozen=True, slots=True)
class World:
    """A topology as a report names it.

    Attributes:
        name: The topology's name.
        title: As a person writes it.
        summary: What it is like.
        host: The kind of host that the service is on; empty if it is not known.
    """

    name: str
    title: str
    summary: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One service in one world.

    Attributes:
        subject: The service.
        world: The world.
        records: Its cases there, the gravest first.
    """

    subject: str
    world: World
    records: tuple[Record, ...]

    @property
    def verdict(self) -> Verdict | None:
        """The gravest verdict; None without a case."""
        return gravest(record.verdict for record in self.records)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many cases have each verdict, the gravest first."""
        return counted(self.records)

    @property
    def total(self) -> int:
        """How many cases apply to the service; all of them if none does."""
        applying = sum(record.verdict is not Verdict.NOT_APPLICABLE for record in self.records)
        return applying or len(self.records)

    @property
    def same(self) -> int:
        """How many cases have the gravest verdict."""
        return sum(record.verdict is self.verdict for record in self.records)

    @property
    def support(self) -> Support:
        """What is said of the service in this world."""
        verdicts = {record.verdict for record in self.records}
        if not verdicts:
            return Support.NOT_TESTED
        return next((said for said, wanted in _DECIDES.items() if verdicts & wanted), Support.NOT_CLAIMED)

    @property
    def deciding(self) -> tuple[Record, ...]:
        """The cases that the statement rests on, where it is not a plain yes; each reason once."""
        if self.support not in _NOT_A_PLAIN_YES:
            return ()
        first: dict[str, Record] = {}
        for record in self.records:
            if record.verdict in _DECIDES[self.support]:
                first.setdefault(reason(record), record)
        return tuple(first.values())


@dataclass(frozen=True, slots=True)
class Statement:
    """The support statement of one service.

    Attributes:
        subject: The service.
        about: What its manifest says it is, one sentence; may be empty.
        claims: The families that each listener and connector claims.
        cells: What is said of it, by world.
        loopback: The listeners that claim to serve clients on their own host only.
    """

    subject: str
    about: str
    claims: Mapping[str, Sequence[str]]
    cells: tuple[Cell, ...]
    loopback: tuple[str, ...] = ()

    @property
    def overall(self) -> Support:
        """The gravest of what is said of it; a world that does not apply counts only if none does."""
        said = {cell.support for cell in self.cells}
        return next((support for support in Support if support in said), Support.NOT_TESTED)

    @property
    def rank(self) -> int:
        """The statement's place in the order of attention, 0 first."""
        return list(Support).index(self.overall)

    @property
    def sentence(self) -> str:
        """The statement as one plain sentence, with reasons, without the service's name."""
        return self._say(reasons=True)

    @property
    def brief(self) -> str:
        """The statement as one plain sentence, without reasons and the service's name."""
        return self._say(reasons=False)

    def _say(self, *, reasons: bool) -> str:
        """Return a clause for each thing that is said of it, the gravest first."""
        parts = []
        for support, lead in _LEADS.items():
            cells = [cell for cell in self.cells if cell.support is support]
            if cells:
                parts.append(_clause(lead, cells, reasons=reasons and support in _REASONED))
        return ("; ".join(parts) or "was not tested") + "."


_LEADS = {
    Support.FALLS_SHORT: "falls short on",
    Support.KNOWN: "falls short, as its manifest declares, on",
    Support.DEVIATES: "works, but deviates from a recommendation, on",
    Support.SUPPORTED: "works on",
    Support.NOT_VERIFIED: "could not be verified on",
    Support.OBSERVED: "was only observed on",
    Support.NOT_CLAIMED: "makes no claim for",
}

_REASONED = frozenset({Support.FALLS_SHORT, Support.KNOWN, Support.DEVIATES})


def _clause(lead: str, cells: list[Cell], *, reasons: bool) -> str:
    """Return one clause of a statement."""
    if not reasons:
        return f"{lead} {enumerated([cell.world.title for cell in cells])}"
    by_reason: dict[str, list[str]] = {}
    for cell in cells:
        text = reason(cell.deciding[0]).rstrip(".")
        more = len({record.requirement for record in cell.records if record.verdict is cell.deciding[0].verdict}) - 1
        by_reason.setdefault(f"{text}; and {more} more" if more else text, []).append(cell.world.title)
    return f"{lead} " + ", and on ".join(f"{enumerated(titles)} ({text})" for text, titles in by_reason.items())


def reason(record: Record) -> str:
    """Return why a case has its verdict, one line: its first failed finding, else its own reason, else its title."""
    failed = next((finding for finding in record.findings if not finding.ok), None)
    if failed is not None and record.verdict in _ABOUT_THE_SERVICE:
        return clip(f"expected: {failed.expected}; happened: {failed.happened}", REASON_SIZE)
    return clip(record.reason or record.title, REASON_SIZE)


def counted(records: Iterable[Record]) -> dict[Verdict, int]:
    """Return how many records have each verdict, the gravest first."""
    counts = Counter(record.verdict for record in records)
    return {verdict: counts[verdict] for verdict in FACES if counts[verdict]}
