"""The behaviour of a service on each kind of host, in plain words: what its clients saw, not what is required."""

from collections.abc import Collection, Mapping, Sequence

from dualstack.complaint import why
from dualstack.families import BOTH
from dualstack.need import Need
from dualstack.plan import START
from dualstack.report.support import Cell, reason
from dualstack.report.text import clip, enumerated
from dualstack.requirement import Role
from dualstack.results import Record
from dualstack.runinfo import RequirementInfo
from dualstack.verdict import Verdict

_OUTPUT_SHOWN = 160
"""How many characters of a service's output are shown."""

_NOT_STARTED = frozenset({Verdict.FAIL, Verdict.KNOWN})
"""Verdicts of START-001 that mean that the service does not start."""

_NO_CLAIM = frozenset({Need.IPV4.code, Need.IPV6.code})
"""The needs that are lacking where a host has only the family that the service does not claim."""


def behaviour(cell: Cell, requirements: Mapping[str, RequirementInfo], loopback: Collection[str] = ()) -> str:
    """Return what the service does on such a host, as the end of a sentence; empty if nothing is known.

    Only cases of requirements that are `Requirement.baseline` are used.

    Args:
        cell: The service and the topology.
        requirements: The requirements of the run, by id.
        loopback: The listeners that serve clients on their own host only.
    """
    start = next((record for record in cell.records if record.requirement == START), None)
    if start is not None and start.verdict in _NOT_STARTED and (fault := _unseen(start)):
        return fault
    clauses: dict[str, str] = {}
    baseline: dict[str, list[Record]] = {}
    for record in sorted(cell.records, key=lambda item: item.element):
        if (known := requirements.get(record.requirement)) and known.baseline:
            baseline.setdefault(record.element, []).append(record)
    for element, records in baseline.items():
        dials = requirements[records[0].requirement].role == Role.CONNECTOR.value
        others = "servers" if dials else "clients on its own host" if element in loopback else "clients"
        if clause := _clause(records, "reach" if dials else "serve", others):
            clauses[element] = clause
    if len(clauses) == 1:
        return next(iter(clauses.values()))
    return "; ".join(f"{element}: {clause}" for element, clause in clauses.items())


def _clause(records: Sequence[Record], verb: str, others: str) -> str:
    """Return what one listener or connector does.

    Args:
        records: Its cases.
        verb: ``serve`` or ``reach``.
        others: What it serves or reaches: ``clients``.
    """
    does = f"{verb}es" if verb == "reach" else f"{verb}s"
    if any(record.verdict is Verdict.BLOCKED for record in records):
        return ""
    judged = [record for record in records if record.verdict is not Verdict.NOT_APPLICABLE]
    if not judged:
        unclaimed = next((record.reason for record in records if record.lacks in _NO_CLAIM), "")
        return f"{does} no {others}: {unclaimed}" if unclaimed else ""
    seen = {
        family: {record.works[family.value] for record in judged if family.value in record.works} for family in BOTH
    }
    if not any(seen.values()):
        return _unseen(judged[0])
    words = {does: {True}, f"only sometimes {does}": {True, False}, f"does not {verb}": {False}}
    parts = []
    for word, works in words.items():
        if families := [family.label for family in BOTH if seen[family] == works]:
            parts.append(f"{word} {enumerated(families)} {others}")
    return ", but ".join(parts)


def _unseen(record: Record) -> str:
    """Return why clients saw nothing: the service does not start, or the case was not judged."""
    if record.verdict in _NOT_STARTED | {Verdict.DEVIATES}:
        component = next(iter(record.component_logs), "")
        lines = why(record.component_logs[component] if component else record.log, 1)
        whose = f"the output of component {component}" if component else "its output"
        return f"does not start; {whose} says: “{clip(lines[0], _OUTPUT_SHOWN)}”" if lines else "does not start"
    return f"could not be verified: {reason(record)}"
