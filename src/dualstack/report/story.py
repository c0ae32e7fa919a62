"""One case as plain text, for the terminal and for JUnit: what was required, done, expected and found."""

from collections.abc import Iterable
from dataclasses import dataclass

from dualstack.causes import load_causes
from dualstack.complaint import why
from dualstack.report.load import Run
from dualstack.report.support import reason
from dualstack.report.text import clip, visible
from dualstack.results import Record
from dualstack.verdict import SPEAKS

PACKETS = 6
"""How many packets a story shows."""

_STEPS = 6
_LINE = 400
_LOG_LINES = 5
_FACTS, _BECAUSE = 12, 3
"""How many facts are shown where the cause is not known, and how many beside a cause."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a story.

    Attributes:
        label: What it is: ``expected``.
        lines: Its text.
    """

    label: str
    lines: tuple[str, ...]


def story(record: Record, run: Run) -> list[Part]:
    """Return a case's story; parts of which nothing is known are left out."""
    known = run.table("requirements").get(record.requirement, {})
    cites = ", ".join(str(cite) for cite in known.get("cites") or ())
    failed = [finding for finding in record.findings if not finding.ok]
    parts = [
        Part("required", (f"{clip(str(known.get('statement') or record.title), _LINE)} ({record.level})",)),
        Part("source", (clip(cites, _LINE),)),
        Part("done", tuple(clip(step, _LINE) for step in _shortened(record.steps, _STEPS))),
    ]
    for finding in failed[:3]:
        parts += [
            Part("expected", (clip(finding.expected, _LINE),)),
            Part("happened", (clip(finding.happened, _LINE),)),
        ]
    if not failed:
        parts.append(Part("reason", (clip(record.reason or reason(record), _LINE),)))
    evidence = next((finding.packets for finding in failed if finding.packets), ()) or record.packets
    parts.append(Part("packets", tuple(visible(line)[:_LINE] for line in _shortened(evidence, PACKETS))))
    if not evidence:
        parts.append(Part("log", tuple(clip(line, _LINE) for line in why(record.log, _LOG_LINES))))
    if record.verdict in SPEAKS:
        parts += _cure(record)
    parts += [
        Part("capture", (clip(record.capture, _LINE),)),
        Part("rerun", (clip(record.rerun, 2000),)),
    ]
    return [part for part in parts if any(part.lines)]


def as_text(parts: Iterable[Part]) -> str:
    """Return a story as text, a label before the first line of each part."""
    lines = []
    for part in parts:
        labels = [part.label] + [""] * (len(part.lines) - 1)
        lines += [f"{label:<9} {line}" for label, line in zip(labels, part.lines, strict=True)]
    return "\n".join(lines)


def _cure(record: Record) -> list[Part]:
    """Return the likeliest cause, the fact that speaks for it and its cure; where it is not known, the facts."""
    facts = tuple(clip(fact, _LINE) for fact in record.facts)
    if not record.causes:
        return [Part("cause", ("the cause is not known; the facts are:", *facts[:_FACTS]))] if facts else []
    code, rest = record.causes[0], record.causes[1:]
    others = f"; or {', '.join(rest)}" if rest else ""
    because = Part("because", facts[:_BECAUSE])
    found = load_causes().get(code)
    if found is None:  # a code of another version stands for itself
        return [Part("cause", (f"{code}{others}",)), because]
    remedy = found.remedy.get(record.language, "")
    return [
        Part("cause", (f"{found.title} ({found.code}){others}",)),
        because,
        Part("cure", (found.fix,)),
        Part(f"in {record.language}", (remedy,)),
    ]


def _shortened(lines: tuple[str, ...], most: int) -> list[str]:
    """Return at most ``most`` lines and one that says how many are left out between the first and the last ones."""
    if len(lines) <= most:
        return list(lines)
    tail = most // 3
    return [*lines[: most - tail], f"({len(lines) - most} left out)", *lines[len(lines) - tail :]]
