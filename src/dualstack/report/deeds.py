"""What a service does on each kind of host, in plain words: what its clients saw, not what was required."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dualstack.families import BOTH
from dualstack.report.support import Cell, reason
from dualstack.report.text import clip, enumerated
from dualstack.requirement import Need, Role
from dualstack.results import Record
from dualstack.verdict import Verdict

_LAST_WORDS = 160
"""How many characters of a service's last words are shown."""

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
    """Return why no client saw anything: the service did not come up, or the case was not judged."""
    if record.verdict in {Verdict.FAIL, Verdict.DEVIATES, Verdict.KNOWN}:
        lines = [line.strip() for line in record.log.splitlines() if line.strip()]
        return f"does not come up; its last words: “{clip(lines[-1], _LAST_WORDS)}”" if lines else "does not come up"
    return f"could not be verified: {reason(record)}"
