"""One case as plain text, for the terminal and for JUnit: what is required, what was done, expected and found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dualstack.causes import load_causes
from dualstack.complaint import why
from dualstack.report.support import reason
from dualstack.report.text import clip, visible
from dualstack.results import Record
from dualstack.runinfo import RequirementInfo, RunInfo
from dualstack.timeline import around, during, failing, kept, packet_lines, shortened, span
from dualstack.verdict import SPEAKS

PACKETS = 6
"""How many packets are shown."""

_STEPS = 6
_LINE = 400
_LOG_LINES = 5
_FACTS, _EVIDENCE = 12, 3
"""How many facts are shown where the cause is not known, and how many beside a cause."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the summary of a case.

    Attributes:
        label: What it is: ``expected``.
        lines: Its text.
    """

    label: str
    lines: tuple[str, ...]


def case_summary(record: Record, run: RunInfo) -> list[Part]:
    """Return the summary of a case; parts without content are left out."""
    known = run.requirements.get(record.requirement, RequirementInfo())
    failed = [finding for finding in record.findings if not finding.ok]
    focus = around(failing(record.steps, record.findings))
    parts = [
        Part("required", (f"{clip(known.statement or record.title, _LINE)} ({record.level})",)),
        Part("source", (clip(", ".join(known.cites), _LINE),)),
        Part("done", tuple(clip(step, _LINE) for step in _shortened(record.steps, _STEPS, focus))),
    ]
    for finding in failed[:3]:
        parts += [
            Part("expected", (clip(finding.expected, _LINE),)),
            Part("happened", (clip(finding.happened, _LINE),)),
        ]
    if not failed:
        parts.append(Part("reason", (clip(record.reason or reason(record), _LINE),)))
    parts.append(Part("measured", tuple(clip(f"{item}; {item.details}", _LINE) for item in record.measures)))
    evidence = _evidence(record)
    parts.append(Part("packets", tuple(visible(line)[:_LINE] for line in evidence)))
    if not evidence:
        parts.append(Part("log", tuple(clip(line, _LINE) for line in why(record.log, _LOG_LINES))))
    if record.verdict in SPEAKS:
        parts += _cause(record)
    parts += [
        Part("capture", (clip(record.capture, _LINE),)),
        Part("rerun", (clip(record.rerun, 2000),)),
    ]
    return [part for part in parts if any(part.lines)]


def as_text(parts: Iterable[Part]) -> str:
    """Return a summary as text, with a label before the first line of each part."""
    lines = []
    for part in parts:
        labels = [part.label] + [""] * (len(part.lines) - 1)
        lines += [f"{label:<9} {line}" for label, line in zip(labels, part.lines, strict=True)]
    return "\n".join(lines)


def _cause(record: Record) -> list[Part]:
    """Return the likeliest cause, the facts that support it and its fix; the facts alone if no cause is known."""
    facts = tuple(clip(fact, _LINE) for fact in record.facts)
    if not record.causes:
        return [Part("cause", ("the cause is not known; the facts are:", *facts[:_FACTS]))] if facts else []
    code, rest = record.causes[0], record.causes[1:]
    others = f"; or {', '.join(rest)}" if rest else ""
    evidence = Part("evidence", facts[:_EVIDENCE])
    found = load_causes().get(code)
    if found is None:  # a code of another version: show the code
        return [Part("cause", (f"{code}{others}",)), evidence]
    remedy = found.remedy.get(record.language, "")
    return [
        Part("cause", (f"{found.title} ({found.code}){others}",)),
        evidence,
        Part("fix", (found.fix,)),
        Part(f"in {record.language}", (remedy,)),
    ]


def _evidence(record: Record) -> Sequence[str]:
    """Return a few packets, one line each: of the first failed finding that has any, else of the run that failed."""
    failed = next((finding.packets for finding in record.findings if finding.packets and not finding.ok), ())
    if failed:
        return _shortened(failed, PACKETS)
    if record.unreadable:
        return [f"the capture cannot be read: {record.unreadable}"]
    when = span(record.steps, record.findings)
    return packet_lines(shortened(record.packets, PACKETS, during([item.at for item in record.packets], when)))


def _shortened(lines: Sequence[object], most: int, focus: range | None = None) -> list[str]:
    """Return at most ``most`` lines (see `kept`), and between them lines that count those left out."""
    texts, last = [], -1
    for at in [*kept(len(lines), most, focus), len(lines)]:
        if at > last + 1:
            texts.append(f"({at - last - 1} left out)")
        texts += [str(line) for line in lines[at : at + 1]]
        last = at
    return texts
