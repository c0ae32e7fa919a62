"""The page of a run for a job or a pull request, as Markdown: headline, a line for each service, failures, limited."""

from dualstack.report.gate import Gate, sentences, shown_place
from dualstack.report.groups import Group, groups_of
from dualstack.report.markdown import LIMIT, bullets, escaped, table
from dualstack.report.provenance import started
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.verdict_style import VERDICT_STYLES

_SERVICES = 15_000
_NOTES = 4_000
"""How many characters of the page services, and notes, may take; failures have the rest."""

_ACCEPTED = 8_000
"""How many characters of the page accepted failures may take."""

_HEADS = ("", "requirement", "service", "element", "where", "why")


def job_page(report: Report) -> str:
    """Return the page, of at most `LIMIT` characters; text of services is inert."""
    gate = Gate(report)
    page = [f"### dualstack: {escaped(report.headline)}\n"]
    if report.records:
        split = f" Failures: {gate.line}." if gate.applies else ""
        page.append(f"Cases: {escaped(report.tally)}.{split}\n")
    if notes := [*report.warnings, *sentences(gate)]:
        page.append(bullets(notes, _NOTES))
    services = [
        (statement.overall.style.sign, statement.subject, f"{statement.brief[:1].upper()}{statement.brief[1:]}")
        for statement in sorted(report.statements, key=lambda item: item.rank)
    ]
    page.append(table(("", "service", "what it supports"), services, _SERVICES, "service"))
    page.append(_about(report))
    groups = groups_of(report)
    rows = [row(group) for group in groups if group.fails or not group.is_about_the_service]
    deviations = [row(group) for group in groups if group.is_about_the_service and not group.fails]
    accepted = _accepted(gate)
    for title, found in (("What fails", rows), ("What deviates from a recommendation", deviations)):
        room = LIMIT - sum(len(part) + 1 for part in (*page, accepted)) - len(title) - _NOTES * (found is rows)
        if found:
            page[-1:-1] = [f"#### {title}\n", table(_HEADS, found, room)]
    page.insert(-1, accepted)
    return "\n".join(part for part in page if part)


def row(group: Group) -> tuple[str, ...]:
    """Return the row of a group of cases."""
    first = group.first
    sign = VERDICT_STYLES[first.verdict].sign
    return (f"{sign} {first.verdict.value}", group.title, first.subject, first.element, group.where, reason(first))


def _accepted(gate: Gate) -> str:
    """Return the entries whose cases fail, with what they say of them; empty without one."""
    rows = [
        (
            use.entry.about,
            str(len(use.failing)),
            use.entry.reason,
            use.entry.owner,
            use.until,
            shown_place(use.entry.place),
        )
        for use in gate.uses
        if use.failing
    ]
    heads = ("what is accepted", "cases that fail", "reason", "owner", "until", "entry")
    return "".join(["#### What is accepted\n\n", table(heads, rows, _ACCEPTED, "entry")]) if rows else ""


def _about(report: Report) -> str:
    """Return the line that names the run."""
    run = report.run
    parts = [f"Run {run.run}" if run.run else "", started(run), f"dualstack {run.dualstack}" if run.dualstack else ""]
    text = ", ".join(part for part in parts if part)
    return f"{escaped(text)}. The whole report is report.html in the run's folder.\n"
