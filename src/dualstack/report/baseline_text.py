"""Writing the failures of a run as the entries of a baseline: a TOML file that people read and edit."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dualstack.plan import START
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.text import clip
from dualstack.results import Record
from dualstack.verdict import Verdict

HEAD = """\
# Failures that are accepted for now: 'dualstack run --baseline THIS-FILE' does not fail because of them.
#
# An entry is like [[known]] in a manifest ('dualstack help manifest known'). It is about the service, the requirement,
# the topologies and the elements (listeners, connectors, relays) that it names; without such a key, about all. Edit it:
# say in 'reason' why it is accepted, in 'owner' who fixes it. From the day after 'expires' on, its cases fail again.
# 'dualstack run' says which entries have expired, no longer fail, or match nothing.
schema = 1
"""
"""The beginning of a new file."""

_WRITTEN = {Verdict.FAIL: "fail", Verdict.DEVIATES: "deviates"}
"""The verdicts that an entry accepts."""


@dataclass(frozen=True, slots=True)
class Entries:
    """What a baseline of a run consists of.

    Attributes:
        text: The entries, as TOML.
        cases: How many cases they accept.
        left_out: The failures that no entry can accept.
    """

    text: str
    cases: int
    left_out: tuple[Record, ...]


def entries_of(report: Report, owner: str, expires: dt.date | None, skip: Iterable[str] = ()) -> Entries:
    """Return an entry for each requirement that a part of a service breaks, except for cases in ``skip``.

    Not part of it: unexpected passes, whose entry in the manifest is to be removed, and cases that are blocked although
    the start of their service is not among the results.

    Args:
        report: The run.
        owner: The owner of each entry; may be empty.
        expires: The last day of each entry; None without one.
        skip: Cases that a baseline has already.
    """
    alike: dict[tuple[str, str, str, str], list[Record]] = {}
    left_out = []
    known = set(skip)
    failing = sorted((item for item in report.records if report.fails(item)), key=lambda item: item.key)
    started = {item.subject for item in failing if item.requirement == START}
    for item in failing:
        verdict = _WRITTEN.get(item.verdict)
        if item.case in known or (item.verdict is Verdict.BLOCKED and item.subject in started):
            continue
        if verdict is None:
            left_out.append(item)
            continue
        alike.setdefault((item.subject, item.requirement, item.element, verdict), []).append(item)
    text = "\n".join(_entry(alike[key], key[-1], owner, expires) for key in sorted(alike))
    return Entries(text, sum(map(len, alike.values())), tuple(left_out))


def _entry(records: Sequence[Record], verdict: str, owner: str, expires: dt.date | None) -> str:
    """Return one entry for cases that differ in their topology only."""
    first = records[0]
    topologies = list(dict.fromkeys(item.topology for item in records))
    values = [
        ("service", _text(first.subject)),
        ("requirement", f"{_text(first.requirement)}  # {clip(first.title, 200)} ({clip(first.level, 20)})"),
        ("topologies", f"[{', '.join(map(_text, topologies))}]"),
        *([("elements", f"[{_text(first.element)}]")] if first.requirement != START else []),
        ("verdict", _text(verdict)),
        ("reason", _text(f"{reason(first)}".ljust(10, "."))),
        ("owner", _text(owner)),
        *([("expires", expires.isoformat())] if expires else []),
    ]
    return "\n".join(["[[known]]", *(f"{key} = {value}" for key, value in values)]) + "\n"


def _text(value: str) -> str:
    """Return a text as TOML writes it on one line; JSON's escapes are valid in TOML."""
    return json.dumps(clip(value, 1000), ensure_ascii=False)
