"""What the HTML report carries of each case: every text once, long ones shortened, nothing that acts."""

from collections.abc import Mapping
from typing import Any

from dualstack.causes import LANGUAGES, load_causes
from dualstack.finding import Finding
from dualstack.report.faces import ATTENTION, FACES, weight
from dualstack.report.ladder import ladder
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.text import head_and_tail, visible
from dualstack.results import Record
from dualstack.verdict import Verdict

_WHOLE_LOG = 16 * 1024
_LOG_BUDGET = 300_000
_LEAST_LOG = 600
_ROW_BUDGET = 12_000
_LEAST_ROWS = 16
_PACKETS_OF_A_SUCCESS = 3
"""A report of 500 cases stays below 1.5 MB; what is left out stands in results.json."""

_INTERESTING = ATTENTION | {Verdict.KNOWN}


class Pool:
    """Texts, each kept once and named by its place."""

    def __init__(self) -> None:
        """Begin with the empty text at place 0."""
        self._places: dict[str, int] = {"": 0}

    def put(self, text: str) -> int:
        """Return the text's place."""
        return self._places.setdefault(visible(text), len(self._places))

    @property
    def texts(self) -> list[str]:
        """The texts in order."""
        return list(self._places)


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
        "faces": [
            {"word": face.verdict.value, "slug": face.slug, "tone": face.tone.value, "meaning": face.meaning}
            for face in FACES.values()
        ],
        "worlds": {world.name: visible(world.title) for world in report.columns},
        "requirements": _requirements(report),
        "causes": _causes(report),
        "languages": LANGUAGES,
        "cases": cases,
        "texts": pool.texts,
    }


def _shares(records: list[Record]) -> tuple[dict[bool, int], dict[bool, int]]:
    """Return how many characters of log and how many packets a case may show, by whether it is of interest."""
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
        "steps": [pool.put(step) for step in record.steps],
        "findings": [_finding(finding, pool) for finding in sorted(record.findings, key=lambda item: item.ok)],
        "sockets": [
            [
                *map(pool.put, (row.family, row.transport, row.state, row.address, row.peer, row.owner)),
                row.port,
                row.v6only,
            ]
            for row in record.sockets
        ],
        "log": pool.put(head_and_tail(record.log, log[interesting])),
        "ladder": _ladder(record.packets, pool, rows[interesting]),
        "capture": pool.put(record.capture),
        "command": pool.put(record.command),
        "rerun": pool.put(record.rerun),
        "seconds": round(record.seconds, 3),
        "waited": round(record.waited, 3),
        "causes": [visible(code) for code in record.causes],
        "facts": [pool.put(fact) for fact in record.facts],
        "language": visible(record.language),
    }


def _finding(finding: Finding, pool: Pool) -> list[Any]:
    """Return a finding: whether it is as expected, both texts and its packets."""
    packets = finding.packets[:_PACKETS_OF_A_SUCCESS] if finding.ok else finding.packets
    return [finding.ok, pool.put(finding.expected), pool.put(finding.happened), [pool.put(line) for line in packets]]


def _ladder(lines: tuple[str, ...], pool: Pool, most: int) -> list[list[Any]]:
    """Return packets as rows of time, left and right endpoint, direction and what they are."""
    steps = [
        [step.time, pool.put(step.left), pool.put(step.right), int(step.forward), pool.put(step.what)]
        for step in ladder(lines)
    ]
    if len(steps) <= most:
        return steps
    head = most - most // 3
    note = [None, 0, 0, 1, pool.put(f"… {len(steps) - most} packets left out here; results.json and the capture …")]
    return [*steps[:head], note, *steps[-(most // 3) :]]


def _requirements(report: Report) -> dict[str, dict[str, Any]]:
    """Return what is known of each requirement that has a case."""
    used = {record.requirement for record in report.records}
    known = report.run.table("requirements")
    return {
        name: {
            **{key: visible(str(known[name].get(key) or "")) for key in ("title", "statement", "stimulus", "wire")},
            "cites": [visible(str(cite)) for cite in known[name].get("cites") or ()],
        }
        for name in sorted(used & set(known))
    }


def _causes(report: Report) -> dict[str, dict[str, Any]]:
    """Return the root causes that records name; a code that is not known is left out."""
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
