"""The data of the HTML report: each text once, long texts shortened, control characters replaced."""

from collections.abc import Mapping
from typing import Any

from dualstack.causes import LANGUAGES, load_causes
from dualstack.finding import Finding
from dualstack.measure import Measure
from dualstack.prober.messages import Query, SocketRow
from dualstack.report.ladder import TUNNEL, Row, ladder
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.text import head_and_tail, visible
from dualstack.report.verdict_style import ATTENTION, VERDICT_STYLES, weight
from dualstack.results import Record
from dualstack.verdict import Verdict

_WHOLE_LOG = 16 * 1024
_LOG_BUDGET = 300_000
_LEAST_LOG = 600
_ROW_BUDGET = 12_000
_LEAST_ROWS = 16
_PACKETS_OF_A_SUCCESS = 3
"""With these limits a report of 500 cases is smaller than 1.5 MB; results.json has what is left out."""

_ROLES = {"client": "Client", "relay": "Relay", "server": "Server"}
"""The heads of lanes."""

_INTERESTING = ATTENTION | {Verdict.KNOWN}


class Pool:
    """Texts, each kept once and referred to by its place."""

    def __init__(self) -> None:
        """Start with the empty text at place 0."""
        self._places: dict[str, int] = {"": 0}
        self._known: dict[str, int] = {}
        """The places of texts as they were put, which saves making them visible again."""

    def put(self, text: str) -> int:
        """Return the text's place."""
        place = self._known.get(text)
        if place is None:
            place = self._known[text] = self._places.setdefault(visible(text), len(self._places))
        return place

    @property
    def texts(self) -> list[str]:
        """The texts in order."""
        return list(self._places)


def payload(report: Report) -> dict[str, Any]:
    """Return the report's data for the page: JSON values only."""
    pool = Pool()
    records = in_order(report)
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


def in_order(report: Report) -> list[Record]:
    """Return the records in the order of the page: the most serious verdicts first."""
    return sorted(report.records, key=lambda item: (weight(item.verdict), item.subject, item.requirement))


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
        "sockets": [_socket(row, pool) for row in record.sockets],
        "queries": [_query(item, pool) for item in record.queries],
        "log": pool.put(head_and_tail(record.log, log[interesting])),
        "components": [
            [pool.put(name), pool.put(head_and_tail(text, log[interesting]))]
            for name, text in record.component_logs.items()
        ],
        "ladder": _ladder(record, rows[interesting], pool),
        "tunnel": _tunnel(record, pool),
        "unreadable": pool.put(record.unreadable),
        "capture": pool.put(record.capture),
        "command": pool.put(record.command),
        "rerun": pool.put(record.rerun),
        "seconds": round(record.seconds, 3),
        "waited": round(record.waited, 3),
        "causes": [visible(code) for code in record.causes],
        "facts": [pool.put(fact) for fact in record.facts],
        "language": visible(record.language),
        "measures": [_measure(item, pool) for item in record.measures],
    }


def _measure(item: Measure, pool: Pool) -> list[Any]:
    """Return a measured time: its name, its value, its interval, its repetitions and what the standards say."""
    numbers = [item.value, item.low, item.high, item.repetitions, item.median, item.spread]
    return [pool.put(item.name), *numbers, pool.put(item.reference)]


def _socket(row: SocketRow, pool: Pool) -> list[Any]:
    """Return a row of the socket table."""
    texts = (row.family, row.transport, row.state, row.address, row.peer, _owner(row))
    return [*map(pool.put, texts), row.port, row.v6only]


def _query(item: Query, pool: Pool) -> list[Any]:
    """Return a DNS query: when it was asked, from where, how, what, and how it was answered."""
    texts = (item.client, item.transport, item.record, item.name, item.rcode)
    return [round(item.at, 3), *map(pool.put, texts), item.answers]


def _owner(row: SocketRow) -> str:
    """Return the process that has a socket, after the name of the component that it belongs to, if any."""
    return f"component {row.component}: {row.owner}" if row.component else row.owner


def _finding(finding: Finding, pool: Pool) -> list[Any]:
    """Return a finding: whether it is as expected, what was expected, what happened, and its packets."""
    packets = finding.packets[:_PACKETS_OF_A_SUCCESS] if finding.ok else finding.packets
    return [finding.ok, pool.put(finding.expected), pool.put(finding.happened), [pool.put(line) for line in packets]]


def _ladder(record: Record, most: int, pool: Pool) -> dict[str, Any]:
    """Return the packet diagram: its lanes (role, host, capture), and its rows."""
    drawn = ladder(record, most)
    start = next((row.packet.at for row in drawn.rows if isinstance(row, Row)), 0.0)
    return {
        "lanes": [[pool.put(text) for text in (_ROLES.get(s.role, s.role), s.host, s.capture)] for s in drawn.stations],
        "rows": [row if isinstance(row, int) else _row(row, start, pool) for row in drawn.rows],
    }


def _row(row: Row, start: float, pool: Pool) -> list[Any]:
    """Return a packet: milliseconds, two lanes, direction, ends, what, family, refusal, the lane that lacks it."""
    packet = row.packet
    milliseconds = round((packet.at - start) * 1000, 3)
    texts = map(pool.put, (*row.ends, packet.what, packet.family))
    return [milliseconds, row.left, row.right, int(row.forward), *texts, int(packet.refuses), row.missed]


def _tunnel(record: Record, pool: Pool) -> list[Any]:
    """Return what was captured inside a tunnel: the capture, and the outer and the inner packet of each row."""
    station = next((item for item in record.stations if item.role == TUNNEL), None)
    carried = [packet for packet in station.packets if packet.inner] if station else []
    if station is None or not carried:
        return []
    rows = []
    for packet in carried:
        inner = packet.inner
        assert inner is not None  # noqa: S101 - only those are in the list
        outer = pool.put(f"{packet.source} → {packet.destination}")
        texts = map(pool.put, (packet.family, f"{inner.source} → {inner.destination}", inner.what, inner.family))
        rows.append([round((packet.at - carried[0].at) * 1000, 3), outer, *texts])
    return [pool.put(station.host), pool.put(station.capture), rows]


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
