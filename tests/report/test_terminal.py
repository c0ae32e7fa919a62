"""The terminal: readable at any width, with and without UTF-8 and colour, live and afterwards."""

import io
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import pytest
from rich.console import Console

from dualstack.measure import Measure
from dualstack.report.live import Detail, Lines, LiveMatrix, cells_of, tell, watcher
from dualstack.report.matrix import show_results
from dualstack.report.remaining import Remaining
from dualstack.report.verdict_style import VERDICT_STYLES
from dualstack.results import Record
from dualstack.topology import topology_names
from dualstack.verdict import Verdict

MakeRun = Callable[..., Path]
MakeRecord = Callable[..., Record]


class Terminal(io.TextIOWrapper):
    """A stream of a given encoding, as a terminal or a pipe has it."""

    def __init__(self, encoding: str = "utf-8") -> None:
        """Refuse, as a real stream does, what the encoding cannot carry."""
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding=encoding, errors="strict", write_through=True)

    def shown(self) -> str:
        """Return what was written."""
        return self.raw_bytes.getvalue().decode(self.encoding)


def make_console(file: TextIO, *, width: int) -> Console:
    """Return a console like that of ``dualstack run``, with a width."""
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def _results(folder: Path, *, width: int = 80, encoding: str = "utf-8") -> str:
    """Return what a terminal shows of a run."""
    terminal = Terminal(encoding)
    show_results(folder, make_console(terminal, width=width))
    return terminal.shown()


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_eighty_columns_are_enough(run_folder: Path, encoding: str) -> None:
    """At 80 columns no line but a command or a path is longer, and every service and topology is named."""
    text = _results(run_folder, encoding=encoding)
    long = [line for line in text.splitlines() if len(line) > 80]
    assert all(line.lstrip().startswith(("rerun", "report", "captures")) for line in long), long
    for service in ("nginx/both", "redis/both", "redis/ipv4", "curl", "komodo/default"):
        assert any(line.startswith(service) for line in text.splitlines())


def test_signs_degrade_to_ascii(run_folder: Path) -> None:
    """Without UTF-8 each verdict has its own word, and the output is ASCII."""
    text = _results(run_folder, encoding="ascii")
    assert text.isascii()
    for style in VERDICT_STYLES.values():
        assert f"{style.ascii} {style.verdict.value}" in text
    assert (
        len({style.ascii for style in VERDICT_STYLES.values()})
        == len({style.sign for style in VERDICT_STYLES.values()})
        == len(Verdict)
    )


@pytest.mark.parametrize("width", [30, 45, 60, 80, 120, 200])
def test_any_width_shows_every_cell(run_folder: Path, width: int) -> None:
    """At any width the failed cells and their topologies are readable."""
    text = _results(run_folder, width=width)
    assert text.count("✗ fail  ") >= 3
    assert "komodo/default" in text
    if width <= 60:
        assert "dual-stack-bindv6only" in text


def test_the_end_counts_and_times(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Cases are counted by their verdicts, those too that are not listed; the last line is the time of the run."""
    folder = make_run([make_record(), make_record(Verdict.NOT_APPLICABLE, topology="ipv6-only")])
    terminal = Terminal()
    show_results(folder, make_console(terminal, width=80), 12.34)
    lines = terminal.shown().splitlines()
    assert "cases     2: 1 pass, 1 not applicable" in lines
    assert lines[-1] == "time      12.3 s"


def test_names_stand_where_they_fit(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Topologies are named in the heading as long as that fits, else by letters with a key."""
    folder = make_run([make_record(topology=name) for name in ("dual-stack", "ipv6-only-strict", "ipv4-only")])
    assert "A = dual-stack" not in _results(folder)
    assert "A = dual-stack" in _results(folder, width=26)


def test_each_strength_has_a_column(make_run: MakeRun, make_record: MakeRecord) -> None:
    """The ways in which a family can be missing are never merged: one column hides no other."""
    names = [name for name in topology_names() if name.startswith(("ipv4-only", "ipv6-only"))]
    records = [make_record(Verdict.FAIL if at % 2 else Verdict.PASS, topology=name) for at, name in enumerate(names)]
    (row,) = [line for line in _results(make_run(records), width=200).splitlines() if line.startswith("nginx/both")]
    assert len(names) >= 5
    assert sorted(re.findall("[✓✗]", row)) == sorted("✗" if at % 2 else "✓" for at in range(len(names)))


def test_a_failure_is_shown_in_full(make_run: MakeRun, make_record: MakeRecord) -> None:
    """A failure shows requirement, steps, expectation, what happened, at most six packets, cause, fix and rerun."""
    record = make_record(Verdict.FAIL)
    text = _results(make_run([record]), width=120)
    for label in ("required", "done", "expected", "happened", "packets", "cause", "fix", "rerun"):
        assert f" {label} " in text
    assert "TCP RST ACK" in text
    assert "IPV6_V6ONLY off" in text
    assert text.count(" ms  ") <= 6
    assert record.rerun in text


def test_measured_times_are_shown(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Up to twelve measured times have a line each; more are left to the report."""
    item = Measure.of("attempt delay", [0.2004, 0.2031], error=0.0013)
    records = [make_record(measures=(item,), element=f"get-{number}") for number in range(12)]
    text = _results(make_run(records), width=120)
    line = (
        "measured: nginx/both, get-3: attempt delay 200.4 ms (199.1 to 200.4); 2 runs, median 201.8 ms, spread 2.7 ms"
    )
    assert line in text
    assert text.count("measured:") == 12
    assert "measured" not in _results(make_run([*records, make_record(measures=(item,), element="more")]))
    failed = make_record(Verdict.FAIL, measures=(item,))
    assert " measured " in _results(make_run([failed]), width=120)


def test_a_line_of_a_case_has_its_measured_times(make_record: MakeRecord) -> None:
    """The line of a case ends with what was measured."""
    terminal = Terminal("utf-8")
    Lines(make_console(terminal, width=80), every=True).finished(
        make_record(measures=(Measure.of("attempt delay", [0.2], error=0.001),))
    )
    assert terminal.shown().endswith("  attempt delay 200.0 ms (199.0 to 200.0)\n")


def test_many_failures_are_cut_short(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Of thirty failures twelve are shown, and the others are counted."""
    text = _results(make_run([make_record(Verdict.FAIL, element=f"port-{number}") for number in range(30)]))
    assert text.count("\n✗ fail  LISTEN-001") == 12
    assert "and 18 more; the report lists them all." in text


def test_alike_harness_troubles_share_an_entry(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Ten cases with one broken lab are one entry."""
    broken = [
        make_record(Verdict.BROKEN_LAB, element=f"port-{number}", reason="no carrier", findings=())
        for number in range(10)
    ]
    text = _results(make_run(broken))
    assert "10 cases: no carrier" in text
    assert text.count("no carrier") == 1


def test_a_log_cannot_act_on_the_terminal(make_run: MakeRun, make_record: MakeRecord, hostile: str) -> None:
    """Escape sequences of a service do not reach the terminal."""
    record = make_record(Verdict.FAIL, log=hostile, packets=(), findings=(), reason=hostile, subject="x[red]")
    text = _results(make_run([record]))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "x[red]" in text


def test_no_color_is_respected(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR a terminal gets no colour; without it, it does."""

    def coloured() -> bool:
        terminal = Terminal()
        show_results(run_folder, make_console(terminal, width=80))
        return "\x1b[32m" in terminal.shown()

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured()


def _events(records: list[Record]) -> list[dict[str, object]]:
    """Return the event stream of a run."""
    events: list[dict[str, object]] = [{"event": "planned", "cases": [asdict(record.key) for record in records]}]
    for record in records:
        events.append({"event": "started", "case": asdict(record.key)})
        events.append({"event": "finished", "record": record.to_json()})
    return [*events, {"event": "of another time"}]


def _watched(console: Console, records: list[Record], detail: Detail) -> str:
    """Return what is written while records arrive where there is no terminal."""
    with watcher(console, detail) as watching:
        for event in _events(records):
            tell(watching, event)
    assert isinstance(console.file, Terminal)
    return console.file.shown()


def test_verbose_is_one_line_per_case(records: list[Record]) -> None:
    """With ``-v`` each case is one line with its place, verdict, id and time."""
    lines = _watched(make_console(Terminal("ascii"), width=80), records, Detail.VERBOSE).splitlines()
    assert lines[0] == f"{len(records)} cases, 5 services, 8 topologies"
    assert lines[1].startswith(f"[ 1/{len(records)}] ")
    assert all(record.case in line for record, line in zip(records, lines[1:], strict=True))


def test_a_pipe_gets_what_needs_attention(records: list[Record]) -> None:
    """Without an option a pipe gets a line for each case that needs attention, and none for the others."""
    lines = _watched(make_console(Terminal("ascii"), width=80), records, Detail.USUAL).splitlines()
    calm = {Verdict.PASS, Verdict.OBSERVED, Verdict.KNOWN, Verdict.NOT_APPLICABLE, Verdict.BLOCKED}
    loud = [record for record in records if record.verdict not in calm]
    assert 0 < len(loud) < len(records)
    assert all(record.case in line for record, line in zip(loud, lines[1:], strict=True))


def test_quiet_shows_no_progress(records: list[Record]) -> None:
    """With ``-q`` nothing is written while the run lasts, on a terminal neither."""
    assert _watched(make_console(Terminal("ascii"), width=80), records, Detail.QUIET) == ""
    console = Console(file=Terminal(), force_terminal=True, width=80)
    assert _watched(console, records, Detail.QUIET) == ""


def test_a_long_run_says_how_far_it_is(make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing was written for ten seconds, the next case makes a line with the time that is left."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    records = [make_record(topology=name) for name in ("dual-stack", "ipv6-only", "ipv4-only", "relay")]
    terminal = Terminal()
    lines = Lines(make_console(terminal, width=80), Remaining({record.key: 10.0 for record in records}))
    lines.planned(4, {})
    for record in records[:3]:
        now[0] += 9.0
        lines.finished(record)
    assert terminal.shown().splitlines()[1:] == ["[2/4] after 0:18, about 0:18 left"]


def test_brief_results(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Brief results are the failures and the headline; without a failure only the headline."""
    terminal = Terminal()
    show_results(make_run([make_record()]), make_console(terminal, width=80), 1.0, brief=True)
    assert terminal.shown() == "The service behaves as required.\n"
    terminal = Terminal()
    show_results(make_run([make_record(Verdict.FAIL)]), make_console(terminal, width=80), 1.0, brief=True)
    assert "✗ fail  LISTEN-001" in terminal.shown()
    assert terminal.shown().endswith("\nThe service does not behave as required.\n")


def test_a_terminal_gets_the_matrix(records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the matrix fills up: done of planned, the verdict so far, the progress and what runs now."""
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=40, highlight=False)
    with watcher(console) as watching:
        assert isinstance(watching, LiveMatrix)
    for event in _events(records)[:4]:
        tell(watching, event)
    text = _drawn(watching)
    assert f"1 of {len(records)}" in text
    assert f"now: {records[1].case}" in text
    assert "✓ 1/2" in text
    for event in _events(records)[4:]:
        tell(watching, event)
    text = _drawn(watching)
    assert f"{len(records)} of {len(records)}" in text
    assert "now: -" in text
    assert "✗ 3" in text


def _drawn(picture: LiveMatrix) -> str:
    """Return a picture as plain text."""
    plain = Console(file=io.StringIO(), width=100, height=40, color_system=None)
    with plain.capture() as capture:
        plain.print(picture.picture())
    return capture.get()


def test_the_live_matrix_stays_inside_the_terminal(make_record: MakeRecord) -> None:
    """With more services than rows, those that still have cases to come are shown."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    picture = LiveMatrix(console)
    done = [make_record(subject=f"done-{number}") for number in range(30)]
    coming = [make_record(subject=f"coming-{number}") for number in range(5)]
    picture.planned(35, cells_of([record.key for record in (*done, *coming)]))
    for record in done:
        picture.finished(record)
    text = _drawn(picture)
    assert len(text.splitlines()) < 24
    assert all(record.subject in text for record in coming)


def test_the_picture_leaves_the_terminal_as_it_was(make_record: MakeRecord) -> None:
    """What was drawn live is erased at the end, and the cursor is shown again."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24)
    record = make_record()
    picture = LiveMatrix(console)
    with picture.live:
        picture.planned(1, cells_of([record.key]))
        picture.started(record.key)
        picture.finished(record)
    assert file.getvalue().endswith(("\x1b[?25h", "\x1b[2K"))
    assert "\x1b[?25h" in file.getvalue()


def test_one_failure_in_several_topologies_is_shown_once(make_run: MakeRun, make_record: MakeRecord) -> None:
    """A requirement that is broken on three topologies has one block, which names them all."""
    topologies = ["dual-stack", "ipv6-only", "multi-address"]
    text = _results(make_run([make_record(Verdict.FAIL, topology=name) for name in topologies]))
    assert text.count("\n✗ fail  LISTEN-001") == 1
    assert "also on ipv6-only, multi-address" in text


def test_the_matrix_stands_last(make_run: MakeRun, make_record: MakeRecord) -> None:
    """The matrix stands below the failures, so that a reader sees it without scrolling back."""
    text = _results(make_run([make_record(Verdict.FAIL)]))
    assert text.index("fail  LISTEN-001") < text.rindex("nginx/both")


@pytest.mark.parametrize("width", [100, 1000])
def test_no_line_ends_with_spaces(make_run: MakeRun, make_record: MakeRecord, width: int) -> None:
    """What fits into its lines, as everything in a pipe, can be pasted into a file without trailing spaces."""
    verdicts = {"dual-stack": Verdict.FAIL, "ipv6-only": Verdict.PASS, "multi-address": Verdict.DEVIATES}
    text = _results(make_run([make_record(item, topology=name) for name, item in verdicts.items()]), width=width)
    assert "multi-address" in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
