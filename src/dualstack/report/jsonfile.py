"""results.json: the summary and every record, for programs.

Its form (``schema`` grows when a key changes its meaning; new keys may be added at any time)::

    {"schema": 1,
     "run": {...run.json...},
     "summary": {"headline": "...", "cases": 60, "missing": 0, "interrupted": false, "warnings": ["..."],
                 "verdicts": {"fail": 2, ...}},
     "gate": {"new": ["LISTEN-001:..."], "baseline": [], "expired": [],
              "notes": [{"place": "/srv/baseline.toml:12", "text": "LISTEN-005 of nginx: no longer fails; ..."}]},
     "services": [{"name": "nginx/both", "statement": "works on ...", "support": "requirement not met",
                   "topologies": [{"name": "dual-stack", "title": "...", "support": "supported", "verdict": "pass",
                                   "verdicts": {"pass": 7}, "cases": ["LISTEN-001:..."]}]}],
     "draft": {"name": "draft-ietf-v6ops-ipv6-app-testing-05", "url": "...", "date": "...",
               "tables": [{"section": "§3.1, Table 1", "not applicable": {"curl": "it does not ..."},
                           "rows": [{"plan": "base", "client": "Dual-stack", "proxy": null, "server": "IPv4-only",
                                     "cells": [{"service": "nginx/both", "side": "server", "state": "works",
                                                "reason": "", "note": "...", "cases": ["LISTEN-003:..."],
                                                "deciding": []}]}]}]},
     "records": [{...one line of records.jsonl...}]}
"""

import json
from pathlib import Path
from typing import Any

from dualstack.report.atomic import write_atomically
from dualstack.report.draft import DraftCell, DraftTable, draft_tables
from dualstack.report.gate import Gate
from dualstack.report.summary import Report
from dualstack.report.support import Cell, Statement
from dualstack.scenarios import DRAFT
from dualstack.verdict import Verdict

RESULTS = "results.json"
"""The file in a run's folder."""

SCHEMA = 1
"""The version of the file's form."""


def write_json(folder: Path, report: Report | None = None) -> Path:
    """Write the results of the run in ``folder`` as JSON; return the path.

    Raises:
        OSError: The folder cannot be read or written.
    """
    text = json.dumps(as_data(report or Report.of(folder)), ensure_ascii=False, indent=1)
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
        "gate": _gate(Gate(report)),
        "services": [_service(statement) for statement in report.statements],
        "draft": {
            "name": DRAFT.name,
            "date": DRAFT.date,
            "url": DRAFT.url,
            "tables": [_table(table) for table in draft_tables(report)],
        },
        "records": [record.to_json() for record in report.records],
    }


def _gate(gate: Gate) -> dict[str, Any]:
    """Return the failures of the run by what declares them, and the entries of baselines that need a change."""
    return {
        "new": [record.case for record in gate.new],
        "baseline": [record.case for record in gate.accepted],
        "expired": [record.case for record in gate.expired],
        "notes": [{"place": place, "text": text} for place, text in gate.notes],
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


def _table(table: DraftTable) -> dict[str, Any]:
    """Return one of the draft's tables."""
    return {
        "section": table.section,
        "not applicable": dict(table.outside),
        "rows": [
            {
                "plan": row.plan.value,
                "client": row.client.value,
                "proxy": row.proxy.value if row.proxy else None,
                "server": row.server.value,
                "cells": [_draft_cell(cell) for cell in cells],
            }
            for row, cells in table.lines
        ],
    }


def _draft_cell(cell: DraftCell) -> dict[str, Any]:
    """Return one cell of one of the draft's tables."""
    return {
        "service": cell.service,
        "side": cell.side.value,
        "state": cell.state.value,
        "reason": cell.reason,
        "note": cell.note,
        "cases": [record.case for record in cell.records],
        "deciding": [record.case for record in cell.deciding],
    }


def _by_word(counts: dict[Verdict, int]) -> dict[str, int]:
    """Return counts by the verdicts' words."""
    return {verdict.value: number for verdict, number in counts.items()}
