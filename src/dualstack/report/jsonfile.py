"""results.json: the summary and every record, for programs.

Its form (``schema`` grows when a key changes its meaning; new keys may be added at any time)::

    {"schema": 1,
     "run": {...run.json...},
     "summary": {"headline": "...", "cases": 60, "missing": 0, "interrupted": false, "warnings": ["..."],
                 "verdicts": {"fail": 2, ...}},
     "services": [{"name": "nginx/both", "statement": "works on ...", "support": "requirement not met",
                   "topologies": [{"name": "dual-stack", "title": "...", "support": "supported", "verdict": "pass",
                                   "verdicts": {"pass": 7}, "cases": ["LISTEN-001:..."]}]}],
     "records": [{...one line of records.jsonl...}]}
"""

import json
from pathlib import Path
from typing import Any

from dualstack.report.atomic import write_atomically
from dualstack.report.summary import Report
from dualstack.report.support import Cell, Statement
from dualstack.verdict import Verdict

RESULTS = "results.json"
"""The file in a run's folder."""

SCHEMA = 1
"""The version of the file's form."""


def write_json(folder: Path) -> Path:
    """Write the results of the run in ``folder`` as JSON; return the path.

    Raises:
        OSError: The folder cannot be read or written.
    """
    text = json.dumps(as_data(Report.of(folder)), ensure_ascii=False, indent=1)
    return write_atomically(folder / RESULTS, text + "\n")


def as_data(report: Report) -> dict[str, Any]:
    """Return all results of a run as JSON values."""
    return {
        "schema": SCHEMA,
        "run": report.run.to_json(),
        "summary": {
            "headline": report.headline,
            "cases": len(report.records),
            "missing": report.missing,
            "interrupted": report.run.incomplete,
            "warnings": report.warnings,
            "verdicts": _by_word(report.counts),
        },
        "services": [_service(statement) for statement in report.statements],
        "records": [record.to_json() for record in report.records],
    }


def _service(statement: Statement) -> dict[str, Any]:
    """Return the results of one service."""
    return {
        "name": statement.subject,
        "statement": statement.sentence,
        "support": statement.overall.value,
        "topologies": [_topology(cell) for cell in statement.cells],
    }


def _topology(cell: Cell) -> dict[str, Any]:
    """Return the results of one service in one topology."""
    return {
        "name": cell.topology.name,
        "title": cell.topology.title,
        "support": cell.support.value,
        "verdict": cell.verdict.value if cell.verdict else None,
        "verdicts": _by_word(cell.counts),
        "cases": [record.case for record in cell.records],
    }


def _by_word(counts: dict[Verdict, int]) -> dict[str, int]:
    """Return counts by the verdicts' words."""
    return {verdict.value: number for verdict, number in counts.items()}
