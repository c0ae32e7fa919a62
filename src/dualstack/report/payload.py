"""The data of the HTML report: each text once, long texts shortened, control characters replaced."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dualstack.causes import LANGUAGES, load_causes
from dualstack.finding import Finding
from dualstack.prober.messages import SocketRow
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.text import head_and_tail, visible
from dualstack.report.verdict_style import ATTENTION, VERDICT_STYLES, weight
from dualstack.results import Record
from dualstack.timeline import Packet, left_out, shortened
from dualstack.verdict import Verdict

_WHOLE_LOG = 16 * 1024
_LOG_BUDGET = 300_000
_LEAST_LOG = 600
_ROW_BUDGET = 12_000
_LEAST_ROWS = 16
_PACKETS_OF_A_SUCCESS = 3
"""With these limits a report of 500 cases is smaller than 1.5 MB; results.json has what is left out."""

_INTERESTING = ATTENTION | {Verdict.KNOWN}


class Pool:
    """Texts, each kept once and referred to by its place."""

    def __init__(self) -> None:
        """Start with the empty text at place 0."""
        self._places: dict[str, int] = {"": 0}

    def put(self, text: str) -> int:
        """Return the text's place."""
        return self._places.setdefault(visible(text), len(self._places))

    @property
    def texts(self) -> list[str]:
        """The texts in order."""
        return list(self._places)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a sequence diagram, which has a column for each of the two ends.

    Attributes:
        packet: The packet.
        forward: Whether it goes from left to right.
    """

    packet: Packet
    forward: bool

    @property
    def ends(self) -> tuple[str, str]:
        """The ends on the left and on the right."""
        ends = self.packet.source, self.packet.destination
        return ends if self.forward else ends[::-1]


def payload(report: Report) -> dict[str, Any]:
    """Return the report's data for the page: JSON values only."""
    pool = Pool()
    records = sorted(report.records, key=lambda item: (weight(item.verdict), item.subject, item.requirement))
    seen: dict[str, int] = {}
    log, rows = _shares(records)
    cases = []
    for record in records:
        seen[record.case] = seen.get(record.case, 0) + 1
        again = f"~{seen[record.case]}" if seen[record.case] > 1 else ""
        cases.append({"id": visible(record.case) + again, **_case(record, pool, log=log, rows=rows)})
    return {
        "styles": [
            {"word": style.verdict.value, "slug": style.slug, "tone": style.tone.value, "meaning": style.meaning}
            for style in VERDICT_STYLES.values()
        ],
        "topologies": {topology.name: visible(topology.title) for topology in report.columns},
        "requirements": _requirements(report),
        "causes": _causes(report),
        "languages": LANGUAGES,
        "cases": cases,
        "texts": pool.texts,
    }


def _shares(records: list[Record]) -> tuple[dict[bool, int], dict[bool, int]]:
    """Return how many characters of log and how many packets a case may show, by whether it needs attention."""
    logs, rows = {}, {}
    for interesting in (True, False):
        number = sum((record.verdict in _INTERESTING) is interesting for record in records) or 1
        logs[interesting] = min(_WHOLE_LOG, max(_LEAST_LOG, _LOG_BUDGET // number))
        rows[interesting] = max(_LEAST_ROWS, _ROW_BUDGET // number)
    return logs, rows


def _case(record: Record, pool: Pool, *, log: Mapping[bool, int], rows: Mapping[bool, int]) -> dict[str, Any]:
    """Return one case; texts are places in ``pool``."""
    interesting = record.verdict in _INTERESTING
    return {
        "verdict": weight(record.verdict),
        "requirement": pool.put(record.requirement),
        "title": pool.put(record.title),
        "level": pool.put(record.level),
        "subject": pool.put(record.subject),
        "manifest": pool.put(record.manifest),
        "element": pool.put(record.element),
        "topology": pool.put(record.topology),
        "why": pool.put("" if record.verdict is Verdict.PASS else reason(record)),
        "works": {visible(family): bool(ok) for family, ok in record.works.items()},
        "families": [visible(family) for family in record.families],
        "steps": [[round(step.at, 3), pool.put(step.what)] for step in record.steps],
        "findings": [_finding(finding, pool) for finding in sorted(record.findings, key=lambda item: item.ok)],
        "sockets": [
            [
                *map(pool.put, (row.family, row.transport, row.state, row.address, row.peer, _owner(row))),
                row.port,
                row.v6only,
            ]
            for row in record.sockets
        ],
        "log": pool.put(head_and_tail(record.log, log[interesting])),
        "components": [
            [pool.put(name), pool.put(head_and_tail(text, log[interesting]))]
            for name, text in record.component_logs.items()
        ],
        "sequence": _sequence(shortened(record.packets, rows[interesting]), pool),
        "unreadable": pool.put(record.unreadable),
        "capture": pool.put(record.capture),
        "command": pool.put(record.command),
        "rerun": pool.put(record.rerun),
        "seconds": round(record.seconds, 3),
        "waited": round(record.waited, 3),
        "causes": [visible(code) for code in record.causes],
        "facts": [pool.put(fact) for fact in record.facts],
        "language": visible(record.language),
    }


def _owner(row: SocketRow) -> str:
    """Return the process that has a socket, after the name of the component that it belongs to, if any."""
    return f"component {row.component}: {row.owner}" if row.component else row.owner


def _finding(finding: Finding, pool: Pool) -> list[Any]:
    """Return a finding: whether it is as expected, what was expected, what happened, and its packets."""
    packets = finding.packets[:_PACKETS_OF_A_SUCCESS] if finding.ok else finding.packets
    return [finding.ok, pool.put(finding.expected), pool.put(finding.happened), [pool.put(line) for line in packets]]


def rows_of(packets: Iterable[Packet]) -> list[Row]:
    """Return a row for each packet; of two addresses, the one that sends the first packet stands on the left."""
    left: dict[frozenset[str], str] = {}
    return [
        Row(packet, forward=left.setdefault(frozenset({packet.src, packet.dst}), packet.src) == packet.src)
        for packet in packets
    ]


def _sequence(packets: Sequence[Packet], pool: Pool) -> list[Any]:
    """Return a row for each packet: milliseconds, ends, direction, what it is, family, whether it refuses.

    Where packets are left out, their number takes the place of a row.
    """
    made: list[Any] = []
    for at, row in enumerate(rows_of(packets)):
        packet = row.packet
        if at and (missing := left_out(packets[at - 1], packet)):
            made.append(missing)
        milliseconds = round((packet.at - packets[0].at) * 1000, 3)
        ends = map(pool.put, row.ends)
        made.append(
            [milliseconds, *ends, int(row.forward), pool.put(packet.what), visible(packet.family), int(packet.refuses)]
        )
    return made


def _requirements(report: Report) -> dict[str, dict[str, Any]]:
    """Return each requirement that has a case."""
    used = {record.requirement for record in report.records}
    known = report.run.requirements
    return {
        name: {
            **{key: visible(getattr(known[name], key)) for key in ("title", "statement", "stimulus", "wire")},
            "cites": [visible(cite) for cite in known[name].cites],
        }
        for name in sorted(used & set(known))
    }


def _causes(report: Report) -> dict[str, dict[str, Any]]:
    """Return the root causes that records name; unknown codes are left out."""
    used = {code for record in report.records for code in record.causes}
    return {
        code: {
            "title": item.title,
            "explanation": item.explanation,
            "fix": item.fix,
            "remedy": [item.remedy[language] for language in LANGUAGES],
        }
        for code, item in (load_causes() if used else {}).items()
        if code in used
    }
