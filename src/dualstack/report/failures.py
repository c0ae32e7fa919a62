"""What a terminal shows of the cases that need attention."""

from rich.console import Console
from rich.text import Text

from dualstack.counting import count
from dualstack.report.case_summary import case_summary
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.terminal import is_ascii, name, shown, styled
from dualstack.report.verdict_style import ATTENTION, VERDICT_STYLES, weight
from dualstack.results import Record
from dualstack.verdict import Verdict

MOST = 12
"""How many cases are shown in full."""

_LABEL = 9
"""The width of the labels."""

_IN_FULL = frozenset({Verdict.FAIL, Verdict.UNEXPECTED_PASS, Verdict.DEVIATES})


def show_failures(report: Report, console: Console) -> None:
    """Print each case in which a service did not meet a requirement, then those that could not be judged, grouped."""
    records = sorted(report.records, key=lambda record: weight(record.verdict))
    alike: dict[tuple[str, str, str, Verdict], list[Record]] = {}
    for record in records:
        if record.verdict in _IN_FULL:
            alike.setdefault((record.subject, record.element, record.requirement, record.verdict), []).append(record)
    groups = list(alike.values())
    for first, *others in groups[:MOST]:
        _show_case(first, [other.topology for other in others], report, console)
    if len(groups) > MOST:
        console.print(f"\n... and {len(groups) - MOST} more; the report lists them all.")
    _show_unjudged([record for record in records if record.verdict in ATTENTION - _IN_FULL], console)


def _show_case(record: Record, also: list[str], report: Report, console: Console) -> None:
    """Print one case as a compact block; ``also`` names other topologies in which the same requirement is broken."""
    ascii_only = is_ascii(console)
    style = VERDICT_STYLES[record.verdict]
    head = styled(record.verdict, name(style, ascii_only=ascii_only))
    head.append(shown(f"  {record.requirement} {record.title}", ascii_only=ascii_only), style="bold not dim")
    console.print()
    console.print(head)
    where = f"  {record.subject}, {record.element}, on {record.topology}"
    where += f" (also on {', '.join(also)})" if also else ""
    console.print(shown(where, ascii_only=ascii_only), style="dim", soft_wrap=True)
    parts = case_summary(record, report.run)
    for part in sorted(parts, key=lambda item: item.label == "rerun"):
        text = Text(shown("\n".join(part.lines), ascii_only=ascii_only))
        is_command = part.label == "rerun"  # it stays on one line, so that it can be copied
        lines = [text] if is_command else text.wrap(console, max(console.width - _LABEL - 1, 1), overflow="fold")
        for position, line in enumerate(lines):
            label = "" if position else part.label
            whole = Text.assemble((f"{label:>{_LABEL}} ", "dim"), line)
            whole.rstrip()
            console.print(whole, soft_wrap=True)


def _show_unjudged(records: list[Record], console: Console) -> None:
    """Print what could not be judged and why; cases with the same verdict and reason share an entry."""
    ascii_only = is_ascii(console)
    alike: dict[tuple[Verdict, str], list[Record]] = {}
    for record in records:
        alike.setdefault((record.verdict, reason(record)), []).append(record)
    for (verdict, why), group in list(alike.items())[:MOST]:
        text = styled(verdict, name(VERDICT_STYLES[verdict], ascii_only=ascii_only))
        text.append(shown(f"  {count(len(group), 'case')}: {why}", ascii_only=ascii_only), style="default")
        console.print()
        console.print(text)
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        console.print(shown(f"  {group[0].case}{more}", ascii_only=ascii_only), style="dim", soft_wrap=True)
    if len(alike) > MOST:
        console.print(f"\n... and {count(len(alike) - MOST, 'more reason')}; the report lists them all.")
