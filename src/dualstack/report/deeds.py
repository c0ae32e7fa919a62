"""What a service does on each kind of host, in plain words: what its clients saw, not what was required."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dualstack.complaint import why
from dualstack.families import BOTH
from dualstack.plan import START
from dualstack.report.support import Cell, reason
from dualstack.report.text import clip, enumerated
from dualstack.requirement import Need, Role
from dualstack.results import Record
from dualstack.verdict import Verdict

_SAID = 160
"""How many characters of a service's output are shown."""

_NEVER = frozenset({Verdict.FAIL, Verdict.KNOWN})
"""Verdicts of START-001 on a service that does not start."""

_NO_CLAIM = frozenset({Need.IPV4.value, Need.IPV6.value})
"""Why a case does not apply where the host has the other family only."""


def deed(cell: Cell, requirements: Mapping[str, Mapping[str, Any]], loopback: Collection[str] = ()) -> str:
    """Return what the service does on such a host, the end of a sentence; empty if nothing is known of it.

    Only requirements that let it run as it is configured, with nothing in its way, say this (`Requirement.plain`).

    Args:
        cell: The service and the world.
        requirements: What the run says of each requirement, by id.
        loopback: The listeners that are for clients on their own host only.
    """
    start = next((record for record in cell.records if record.requirement == START), None)
    if start is not None and start.verdict in _NEVER and (fault := _nothing(start)):
        return fault
    told: dict[str, str] = {}
    plain: dict[str, list[Record]] = {}
    for record in sorted(cell.records, key=lambda item: item.element):
        if requirements.get(record.requirement, {}).get("plain"):
            plain.setdefault(record.element, []).append(record)
    for element, records in plain.items():
        dials = requirements[records[0].requirement].get("role") == Role.CONNECTOR.value
        whom = "servers" if dials else "clients on its own host" if element in loopback else "clients"
        if said := _said(records, "reaches" if dials else "serves", whom):
            told[element] = said
    if len(told) == 1:
        return next(iter(told.values()))
    return "; ".join(f"{element}: {said}" for element, said in told.items())


def _said(records: Sequence[Record], verb: str, whom: str) -> str:
    """Return what one listener or connector does."""
    if any(record.verdict is Verdict.BLOCKED for record in records):
        return ""
    judged = [record for record in records if record.verdict is not Verdict.NOT_APPLICABLE]
    if not judged:
        unclaimed = next((record.reason for record in records if record.reason in _NO_CLAIM), "")
        return f"{verb} nobody: {unclaimed}" if unclaimed else ""
    seen = {
        family: {record.works[family.value] for record in judged if family.value in record.works} for family in BOTH
    }
    if not any(seen.values()):
        return _nothing(judged[0])
    words = {verb: {True}, f"sometimes {verb}": {True, False}, f"never {verb}": {False}}
    clauses = []
    for word, works in words.items():
        if families := [family.label for family in BOTH if seen[family] == works]:
            clauses.append(f"{word} {enumerated(families)} {whom}")
    return ", but ".join(clauses)


def _nothing(record: Record) -> str:
    """Return why no client saw anything: the service does not start, or the case was not judged."""
    if record.verdict in _NEVER | {Verdict.DEVIATES}:
        lines = why(record.log, 1)
        return f"does not start; its output says: “{clip(lines[0], _SAID)}”" if lines else "does not start"
    return f"could not be verified: {reason(record)}"
