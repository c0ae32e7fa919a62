"""Annotations of GitHub Actions: workflow commands that show failures beside the lines of a manifest."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from dualstack.counting import count
from dualstack.report.gate import Gate, shown_file
from dualstack.report.groups import Group, groups_of
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.text import clip, visible

MOST = 10
"""How many annotations of each kind GitHub shows of one step."""

_MESSAGE = 4_000
"""The most characters of a message; GitHub cuts at 4,096."""

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def command(kind: str, message: str, **properties: str) -> str:
    """Return a workflow command on one line; empty properties are left out.

    Args:
        kind: ``error``, ``warning`` or ``notice``.
        message: The text, of one or more lines.
        properties: ``file``, ``line``, ``title``.
    """
    given = [f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items() if value]
    return f"::{kind}{' ' * bool(given)}{','.join(given)}::{_escaped(message, _DATA)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    """Return text that cannot end its part of a command."""
    return "".join(escapes.get(char, char) for char in visible(text)[:_MESSAGE])


def annotations(report: Report, root: Path) -> list[str]:
    """Return the annotations of a run, one a line: at most `MOST` errors and `MOST` warnings.

    Errors are what makes the run fail; warnings are deviations, and entries of a baseline that need a change.

    Args:
        report: The run.
        root: The folder of the repository: files are named relative to it.
    """
    groups = groups_of(report)
    errors = [_of(group, "error", report, root) for group in groups if group.fails or not group.is_about_the_service]
    warnings = [*_of_gate(report, root)]
    warnings += [
        _of(group, "warning", report, root) for group in groups if group.is_about_the_service and not group.fails
    ]
    return [*_limited(errors, "error"), *_limited(warnings, "warning")]


def _limited(found: list[str], kind: str) -> Iterator[str]:
    """Yield annotations of one kind; where there are too many, the last one counts those left out."""
    if len(found) <= MOST:
        yield from found
        return
    yield from islice(found, MOST - 1)
    yield command(kind, f"{count(len(found) - MOST + 1, f'more {kind}')}: see report.html", title="dualstack")


def _of(group: Group, kind: str, report: Report, root: Path) -> str:
    """Return the annotation of a group of cases."""
    first = group.first
    where = f"{first.subject}, {first.element}, on {group.where}" if group.is_about_the_service else group.where
    message = "\n".join([reason(first), where, *([f"rerun: {first.rerun}"] if first.rerun else [])])
    if not first.manifest:
        return command(kind, message, title=clip(group.title, 200))
    line = report.run.service(first.subject).lines.get(first.element, 1)
    return command(kind, message, file=shown_file(first.manifest, root), line=str(line), title=clip(group.title, 200))


def _of_gate(report: Report, root: Path) -> Iterator[str]:
    """Yield an annotation for each entry of a baseline that needs a change."""
    for place, text in Gate(report).notes:
        path, _, line = place.rpartition(":")
        yield command(
            "warning", text, file=shown_file(path, root) if path else "", line=line, title="dualstack baseline"
        )
