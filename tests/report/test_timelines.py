"""The timelines of the HTML report: static pictures, inside their limits, with all of their data as text."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.chart import Chart, Lane
from dualstack.measure import Measure
from dualstack.report import render_report
from dualstack.report.timelines import LEFT, RIGHT, figures, picture
from dualstack.results import RECORDS, Record
from dualstack.verdict import Verdict
from tests.report.conftest import page_data, record

MakeRun = Callable[..., Path]

RACE = Chart(
    "run 1 towards a-ok.aaaa-ok.x1.lab.test",
    (
        Lane("A", "", 0.0, (), 0.0004, "answered"),
        Lane("AAAA", "", 0.0001, (), 0.0007, "answered"),
        Lane("2001:db8:51:1::201", "ipv6", 0.0015, (1.0275,), None, "no answer"),
        Lane("198.51.100.33", "ipv4", 0.2519, (), 0.2521, "connected", won=True, closed=0.2612),
        Lane("2001:db8:51:1::202", "ipv6", 0.5032, (), 0.5035, "refused"),
    ),
)

MEASURE = Measure.of("attempt delay", [0.2504, 0.2531, 0.2512], error=0.0013, reference="RFC 8305 §8: 250 ms")


def measured(**changes: Any) -> Record:
    """Return a record with a measure and a timeline."""
    return record(
        requirement="CONNECT-009", subject="curl", element="get", measures=(MEASURE,), charts=(RACE,), **changes
    )


def svgs(page: str) -> list[ET.Element]:
    """Return the timelines of a page."""
    return [ET.fromstring(text) for text in re.findall(r'<svg class="timeline".*?</svg>', page, re.DOTALL)]  # noqa: S314 - our own page


def test_a_timeline_stands_in_the_page_without_a_script(make_run: MakeRun) -> None:
    """It is an element of the page with a title and all of its data as text, beside the place of its case."""
    page = render_report(make_run([measured(), record(Verdict.FAIL)])).read_text(encoding="utf-8")
    (svg,) = svgs(page)
    assert svg.get("role") == "img"
    assert (svg.findtext("title"), svg.findtext("desc")) == (RACE.title, RACE.words)
    texts = [" ".join((item.text or "").split()) for item in svg.iter("text")]
    for wanted in (
        "AAAA question",
        "IPv6 2001:db8:51:1::201",
        "no answer",
        "connected at 252.1 ms · used",
        "+250.4 ms",
    ):
        assert wanted in texts
    data = page_data(page)
    (place,) = map(int, re.findall(r'data-case="(\d+)"', page))
    assert data["texts"][data["cases"][place]["requirement"]] == "CONNECT-009"
    assert data["cases"][place]["measures"][0][1:7] == [250.4, 249.1, 250.4, 3, 251.2, 2.7]
    assert " style=" not in page  # the policy of the page forbids it


def test_hostile_texts_stay_texts(make_run: MakeRun, hostile: str) -> None:
    """Markup in a title or a label is text."""
    evil = f"</desc><script>{hostile}"
    chart = Chart(evil, (Lane(evil, "ipv6", 0.0, result=evil), Lane(evil, evil, 0.1, result=evil)))
    page = render_report(make_run([record(charts=(chart,))])).read_text(encoding="utf-8")
    assert page.count("<script") == 2
    assert len(svgs(page)) == 1


def test_a_report_without_timelines_has_no_section(make_run: MakeRun) -> None:
    """Nothing is said of timelines if there are none."""
    assert (
        "timeline-section"
        not in render_report(make_run([record()]))
        .read_text()
        .partition("<body>")[2]
        .partition('<script type="application/octet-stream"')[0]
    )


def test_the_pictures_are_limited() -> None:
    """Of a hundred cases sixty have a picture: those with measured times first, then failures."""
    many = [record(charts=(RACE,), element=str(at)) for at in range(90)]
    many += [record(Verdict.FAIL, charts=(RACE,), element="bad"), *(measured(topology=str(at)) for at in range(9))]
    drawn = figures(many)
    assert len(drawn) == 60
    assert {item.record.element for item in drawn} >= {"bad", "get"}
    assert [item.case for item in drawn] == sorted(item.case for item in drawn)


LANES = st.builds(
    Lane,
    label=st.just("2001:db8::1"),
    family=st.sampled_from(["", "ipv4", "ipv6"]),
    began=st.floats(0, 20),
    again=st.lists(st.floats(0, 20), max_size=2).map(tuple),
    ended=st.none() | st.floats(0, 20),
    result=st.sampled_from(["connected", "refused", "no answer"]),
    closed=st.none() | st.floats(0, 20),
)


@given(lanes=st.lists(LANES, min_size=1, max_size=16))
def test_everything_is_on_the_axis(lanes: list[Lane]) -> None:
    """Whatever the times are, every mark is on the axis, rows do not overlap, and there are at most seven ticks."""
    drawn = picture(Chart("x", tuple(lanes)))
    assert 1 <= len(drawn.ticks) <= 7
    places = [tick.x for tick in drawn.ticks]
    for bar in drawn.bars:
        places += [*bar.sent, bar.wait, *(item for item in (bar.end, bar.open) if item is not None)]
    assert all(LEFT <= item <= RIGHT for item in places)
    rows = [bar.y for bar in drawn.bars]
    assert all(other - one >= 20 for one, other in pairwise(rows))
    assert rows[-1] < drawn.height


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_a_time_that_is_no_number_is_damage(make_run: MakeRun, value: str) -> None:
    """A record whose timeline or measure has no finite time is reported as damaged."""
    folder = make_run([measured()])
    lines = (folder / RECORDS).read_text()
    assert '"began": 0.2519' in lines
    (folder / RECORDS).write_text(lines.replace('"began": 0.2519', f'"began": {value}'))
    page = render_report(folder).read_text()
    assert "cannot be read" in page
    assert not svgs(page)
