"""The draft's tables on a terminal: a table of states, then the reasons."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dualstack.report.draft import DraftCell, DraftTable, State, draft_tables
from dualstack.report.summary import Report
from dualstack.report.terminal import is_ascii, shown, sign
from dualstack.report.text import clip
from dualstack.report.verdict_style import TONE_STYLES
from dualstack.scenarios import DRAFT, Row

_GAP = 2
_STATE = 15
"""The least width of a column of states: the widest of their words, wrapped, and a sign."""

_REASON = 160
"""How many characters of a reason are shown."""

_EXPLAINED = (State.FAILS, State.UNVERIFIED, State.FLAWED, State.NOT_COVERED, State.NOT_APPLICABLE)
"""The states whose reasons are shown below a table."""


def show_draft(report: Report, console: Console) -> None:
    """Print the tables whose plans the run was asked for; nothing if it was asked for none."""
    if not report.run.plans:
        return
    ascii_only = is_ascii(console)
    for table in draft_tables(report):
        console.print()
        parties = "client, proxy and server" if table.proxied else "client and server"
        console.print(Text(shown(f"{DRAFT.name}, {table.section}: {parties}", ascii_only=ascii_only), style="bold"))
        if table.columns:
            _show_table(table, console, ascii_only=ascii_only)
        for service, why in table.outside:
            console.print(Text(shown(f"{service}: not applicable: {why}", ascii_only=ascii_only), style="dim"))
        _show_reasons(list(table.cells), console, ascii_only=ascii_only)


def _show_table(table: DraftTable, console: Console, *, ascii_only: bool) -> None:
    """Print the states; as many services side by side as fit, and as a list if not even one does."""
    heads = ["Client", "Proxy", "Server"] if table.proxied else ["Client", "Server", "Class"]
    rows = [_head_of(row) for row, _ in table.lines]
    fixed = sum(max(len(head), *(len(row[at]) for row in rows)) + _GAP for at, head in enumerate(heads))
    wide = max((len(head) for head in table.heads), default=0)
    room = (console.width - fixed) // (max(wide, _STATE) + _GAP)
    if room < 1:
        _show_list(table, console, ascii_only=ascii_only)
        return
    for first in range(0, len(table.columns), room):
        chosen = slice(first, first + room)
        drawn = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
        for head in (*heads, *table.heads[chosen]):
            drawn.add_column(shown(head, ascii_only=ascii_only), no_wrap=head in heads)
        for row, (_, cells) in zip(rows, table.lines, strict=True):
            drawn.add_row(*row, *(_state(cell, ascii_only=ascii_only) for cell in cells[chosen]))
        console.print(drawn)


def _show_list(table: DraftTable, console: Console, *, ascii_only: bool) -> None:
    """Print the states as a list, for terminals too narrow for a table."""
    for at, head in enumerate(table.heads):
        console.print(Text(shown(head, ascii_only=ascii_only), style="bold"))
        for row, cells in table.lines:
            text = Text("  ").append_text(_state(cells[at], ascii_only=ascii_only))
            console.print(text.append(shown(f"  {row.title}", ascii_only=ascii_only), style="default not bold"))


def _show_reasons(cells: Sequence[DraftCell], console: Console, *, ascii_only: bool) -> None:
    """Print why cells are not a plain yes; cells of one service with the same reason share an entry."""
    alike: dict[tuple[State, str, str], list[DraftCell]] = {}
    for cell in cells:
        if cell.state in _EXPLAINED:
            place = "" if cell.state is State.NOT_COVERED else f"{cell.service} as {cell.side.value}, "
            alike.setdefault((cell.state, place, cell.reason), []).append(cell)
    for (state, place, why), group in sorted(alike.items(), key=lambda item: list(State).index(item[0][0])):
        rows = "; ".join(dict.fromkeys(cell.row.title for cell in group))
        deciding = (f"{item.requirement} {item.key.place}" for cell in group for item in cell.deciding)
        cases = ", ".join(dict.fromkeys(deciding))
        text = f"{place}{rows}: {state.value}: {clip(why, _REASON)}" + (f" ({cases})" if cases else "")
        console.print(Text(shown(text, ascii_only=ascii_only), style=TONE_STYLES[state.style.tone]))


def _head_of(row: Row) -> list[str]:
    """Return the parties of a row and, in the table that has one, its class."""
    return [*(party.value for party in row.parties), *([] if row.proxy else [row.plan.label])]


def _state(cell: DraftCell, *, ascii_only: bool) -> Text:
    """Return a cell's state with its sign, in its colour."""
    mark = "" if ascii_only else f"{sign(cell.state.style, ascii_only=False)} "
    return Text(f"{mark}{cell.state.value}", style=TONE_STYLES[cell.state.style.tone])
