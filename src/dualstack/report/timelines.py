"""The timelines of the HTML report: where each part of a picture is; the template ``timelines.html`` draws it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dualstack.chart import Chart, Lane
from dualstack.report.verdict_style import weight
from dualstack.results import Record

WIDTH = 940
LEFT, RIGHT = 250, 660
"""Where the time axis begins and ends; labels are on its left, results on its right."""

_TOP, _ROW = 34, 26
_TICKS = 6
_MOST = 60
"""How many timelines a report has at most; those with measured times first, then the most serious verdicts."""

_SPACE = 70
"""The width of the text of a gap."""

_INSTANT = 0.001
"""The shortest time axis, in seconds."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the time axis: its place and its text."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A lane as it is drawn.

    Attributes:
        lane: The lane.
        y: The middle of its row.
        sent: Where it was sent, and sent again.
        wait: Where the waiting ends.
        end: Where the answer, the refusal or the error came; None if nothing came.
        open: Where the connection ended or, if it was not seen to end, the axis ends; None without a connection.
        gap: The time since the attempt before, as text; empty for a question and for the first attempt.
        before: Where the attempt before was sent.
    """

    lane: Lane
    y: float
    sent: tuple[float, ...]
    wait: float
    end: float | None
    open: float | None
    gap: str = ""
    before: float = 0.0

    @property
    def kind(self) -> str:
        """The class of its colour: ``f4``, ``f6`` or ``q``."""
        return {"ipv4": "f4", "ipv6": "f6"}.get(self.lane.family, "q")

    @property
    def roomy(self) -> bool:
        """Whether the text of the gap fits before the first mark."""
        return self.sent[0] - self.before > _SPACE


@dataclass(frozen=True, slots=True)
class Picture:
    """One timeline as it is drawn.

    Attributes:
        chart: Its data.
        ticks: The marks of its time axis.
        bars: Its rows.
        height: Its height.
    """

    chart: Chart
    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        """The height of the picture."""
        return _TOP + _ROW * len(self.bars) + 8


@dataclass(frozen=True, slots=True)
class Figure:
    """The timelines of one case.

    Attributes:
        case: The case's place among the cases of the page.
        record: Its record.
        pictures: One for each run.
    """

    case: int
    record: Record
    pictures: tuple[Picture, ...]


def figures(records: Sequence[Record]) -> list[Figure]:
    """Return the timelines of these records, in their order; there are at most `_MOST` pictures."""
    drawn: list[Figure] = []
    left = _MOST
    ranked = sorted(enumerate(records), key=lambda item: (not item[1].measures, weight(item[1].verdict), item[0]))
    for place, record in ranked:
        pictures = tuple(picture(chart) for chart in record.charts if chart.lanes)
        if pictures and len(pictures) <= left:
            left -= len(pictures)
            drawn.append(Figure(place, record, pictures))
    return sorted(drawn, key=lambda item: item.case)


def picture(chart: Chart) -> Picture:
    """Return where each part of a timeline is drawn."""
    end = max(chart.end, _INSTANT)
    scale = (RIGHT - LEFT) / end
    return Picture(chart, tuple(_ticks(end, scale)), tuple(_bars(chart, scale)))


def _ticks(end: float, scale: float) -> Iterator[Tick]:
    """Yield the marks of an axis: at most six round numbers of milliseconds."""
    rough = end * 1000 / _TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    for number in range(int(end * 1000 / step) + 1):
        yield Tick(_place(number * step / 1000, scale), f"{number * step:g}")


def _bars(chart: Chart, scale: float) -> Iterator[Bar]:
    """Yield the rows of a timeline."""
    attempts = [lane for lane in chart.lanes if lane.family]
    before = {id(after): lane for lane, after in pairwise(attempts)}
    for number, lane in enumerate(chart.lanes):
        last = None if lane.result != "connected" or lane.ended is None else lane.closed or chart.end
        previous = before.get(id(lane))
        until = lane.ended if lane.ended is not None else lane.closed if lane.closed is not None else chart.end
        yield Bar(
            lane=lane,
            y=_TOP + _ROW * (number + 0.5),
            sent=tuple(_place(time, scale) for time in (lane.began, *lane.again)),
            wait=_place(until, scale),
            end=None if lane.ended is None else _place(lane.ended, scale),
            open=None if last is None else _place(last, scale),
            gap="" if previous is None else f"+{(lane.began - previous.began) * 1000:.1f} ms",
            before=0.0 if previous is None else _place(previous.began, scale),
        )


def _place(time: float, scale: float) -> float:
    """Return where a time is on the axis."""
    return round(LEFT + time * scale, 1)
