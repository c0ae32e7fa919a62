"""The HTML report: complete, self-contained, harmless and small."""

import base64
import gc
import hashlib
import html
import json
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dualstack.report import render_report, write_all
from dualstack.report.html import TEMPLATES, packed
from dualstack.report.uncollected import uncollected
from dualstack.report.verdict_style import VERDICT_STYLES
from dualstack.results import RECORDS, RUN, Record
from dualstack.timeline import Step
from dualstack.topology import load_topology, topology_names
from dualstack.verdict import Verdict
from tests.report.conftest import packet, page_data

MakeRun = Callable[..., Path]
MakeRecord = Callable[..., Record]


class Page(HTMLParser):
    """The elements of a page and its embedded data."""

    def __init__(self, text: str) -> None:
        """Read ``text``."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(text)
        self.data: dict[str, Any] = page_data(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        """Leave the element."""
        self._inside = "" if tag == self._inside else self._inside


def _page(folder: Path) -> Page:
    """Render a run's report and read it."""
    return Page(render_report(folder).read_text(encoding="utf-8"))


def test_every_verdict_stands_in_the_legend(run_folder: Path) -> None:
    """The legend explains each of the thirteen verdicts in plain words, with its word and its sign."""
    text = render_report(run_folder).read_text(encoding="utf-8")
    legend = text[text.index('id="legend"') : text.index("</details>", text.index('id="legend"'))]
    assert set(VERDICT_STYLES) == set(Verdict)
    for verdict, style in VERDICT_STYLES.items():
        assert f"</svg>{verdict.value}</span>" in legend
        assert html.escape(style.meaning) in legend.replace("&#39;", "&#x27;")
        assert f'id="v-{style.slug}"' in text


def test_the_page_needs_nothing_else(run_folder: Path) -> None:
    """No element loads anything: the file is complete in itself, and a policy forbids the rest."""
    page = _page(run_folder)
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed"}
    assert not [attrs for tag, attrs in page.tags if tag == "script" and "src" in attrs]
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_policy_names_the_script_as_it_stands_in_the_page(run_folder: Path) -> None:
    """The hash in the policy is that of the script in the file, so a browser runs it and no other."""
    page = _page(run_folder)
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert any(f"sha256-{digest}" in (attrs.get("content") or "") for tag, attrs in page.tags if tag == "meta")


def test_the_script_makes_text_and_never_markup() -> None:
    """The page's script has no way to turn data into elements."""
    for path in TEMPLATES.glob("*.js"):
        found = re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|fetch\(|https?:(?!//www\.w3\.org)",
            path.read_text(),
        )
        assert found is None, (path.name, found)


def test_hostile_texts_stay_texts(make_run: MakeRun, make_record: MakeRecord, hostile: str) -> None:
    """Markup in logs, names, reasons and run.json appears as text, in the page and in its data."""
    evil = '"><script>alert(1)</script>'
    folder = make_run(
        [make_record(Verdict.FAIL, subject=f"x{evil}", log=hostile, reason=evil, element=evil, findings=())],
        git=evil,
        machine=hostile,
    )
    text = render_report(folder).read_text(encoding="utf-8")
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert text.count("<script") == 2
    assert "alert(1)" in page.text
    log = page.data["texts"][page.data["cases"][0]["log"]]
    assert "</script><b>bold</b>" in log
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\ufffe]", text)


def test_a_case_carries_all_its_evidence(make_run: MakeRun, make_record: MakeRecord) -> None:
    """A case has its requirement, steps, failed findings first, packets, queries, sockets, log, causes and rerun."""
    record = make_record(Verdict.FAIL, log="the last line")
    data = _page(make_run([record])).data
    case = data["cases"][0]

    def text(key: str) -> str:
        return str(data["texts"][case[key]])

    assert case["id"] == record.case
    assert [(at, data["texts"][place]) for at, place in case["steps"]] == [
        (step.at, step.what) for step in record.steps
    ]
    assert [ok for ok, *_ in case["findings"]] == [False, True]
    rows = case["ladder"]["rows"]
    assert [row for row in rows if isinstance(row, int)] == [12]
    assert len(rows) == len(record.packets) + 1
    assert len(case["sockets"]) == 2
    assert [(at, data["texts"][record], data["texts"][rcode]) for at, _, _, record, _, rcode, _ in case["queries"]] == [
        (0.066, "A", "NOERROR"),
        (0.067, "AAAA", ""),
    ]
    assert (text("log"), text("rerun"), text("capture")) == ("the last line", record.rerun, record.capture)
    assert data["requirements"]["LISTEN-001"]["cites"] == ["RFC 4038 §4.2", "RFC 3493 §5.3"]
    assert list(data["causes"]) == ["RC-V4SOCK", "RC-V6ONLY"]
    assert len(data["causes"]["RC-V6ONLY"]["remedy"]) == len(data["languages"]) == 6


def test_every_link_inside_the_page_leads_to_a_case(run_folder: Path) -> None:
    """Each #link of the support statements is the id of a case, and no two cases share an id."""
    page = _page(run_folder)
    ids = [case["id"] for case in page.data["cases"]]
    links = [
        unquote((attrs["href"] or "")[1:].partition("?")[0])
        for tag, attrs in page.tags
        if tag == "a" and "#" in (attrs["href"] or "")
    ]
    assert len(ids) == len(set(ids))
    assert {link for link in links if ":" in link} <= set(ids)
    assert any(":" in link for link in links)


def test_a_case_recorded_twice_is_shown_twice(make_run: MakeRun, make_record: MakeRecord) -> None:
    """A second record of one case neither hides the first nor takes its id."""
    page = _page(make_run([make_record(Verdict.FAIL), make_record(Verdict.PASS)]))
    assert [case["id"].partition("~")[2] for case in page.data["cases"]] == ["", "2"]


def test_an_interrupted_run_says_so(make_run: MakeRun, records: list[Record]) -> None:
    """A run that was interrupted, and how many cases are missing, stands at the top."""
    page = _page(make_run(records, interrupted=True, planned=len(records) + 4))
    assert "This run was interrupted" in page.text
    assert f"4 of {len(records) + 4} planned cases have no result." in page.text


def test_a_killed_run_says_so(make_run: MakeRun, records: list[Record]) -> None:
    """A run that never wrote its exit code did not end by itself."""
    page = _page(make_run(records, exit_code=None, interrupted=None))
    assert "This run was interrupted" in page.text


@pytest.mark.parametrize("content", ["{}", "[]", "{cut", '{"subjects": 7, "topologies": [], "requirements": null}'])
def test_a_damaged_run_file_is_reported(make_run: MakeRun, records: list[Record], content: str) -> None:
    """The report shows every record, also if run.json is damaged or missing."""
    folder = make_run(records)
    (folder / RUN).write_text(content)
    assert len(_page(folder).data["cases"]) == len(records)
    (folder / RUN).unlink()
    page = _page(folder)
    assert "run.json is missing" in page.text
    assert len(page.data["cases"]) == len(records)


def test_damaged_records_are_reported(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Lines that are no record, are cut short, or are no UTF-8 are named; the others are shown."""
    folder = make_run([make_record(), make_record(topology="ipv6-only")])
    with (folder / RECORDS).open("ab") as file:
        file.write(b'{"case": "x"}\n\xff\xfe\n{"verdict": "splendid"}\n[]\n{"case": "cut')
    page = _page(folder)
    assert len(page.data["cases"]) == 2
    for number in (3, 4, 5, 6, 7):
        assert f"records.jsonl, line {number}, cannot be read" in page.text
    assert "it was truncated when the run ended" in page.text


def test_a_run_without_records_has_a_report(make_run: MakeRun) -> None:
    """A run that recorded nothing says so."""
    folder = make_run([], planned=3)
    (folder / RECORDS).unlink(missing_ok=True)
    paths = write_all(folder)
    assert "No case was recorded." in Page((folder / "report.html").read_text()).text
    assert all(path.stat().st_size for path in paths)


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
def test_five_hundred_cases_stay_small(make_run: MakeRun, make_record: MakeRecord, verdict: Verdict) -> None:
    """A report of 500 cases, each with 16 KiB of log and 60 different packets, is smaller than 1.5 MB."""
    many = [
        make_record(
            verdict,
            subject=f"service-{number // 50}",
            element=f"port-{number}",
            log=f"{number} " + "".join(f"line {line} of {number}\n" for line in range(800)),
            packets=tuple(
                packet(
                    at + 1, at + number / 1000, (("192.0.2.2", 40000 + number + at // 10), ("192.0.2.1", 80)), "TCP SYN"
                )
                for at in range(60)
            ),
            steps=tuple(Step(number / 100, f"step {at} of {number}") for at in range(10)),
        )
        for number in range(500)
    ]
    assert all(len(item.log) > 10_000 for item in many)
    assert render_report(make_run(many)).stat().st_size < 1_500_000


def test_a_claim_for_loopback_says_so(make_run: MakeRun, make_record: MakeRecord) -> None:
    """Of a listener for clients on its own host the report says that, and of no other."""
    folder = make_run([make_record()])
    run = json.loads((folder / RUN).read_text())
    assert "for clients on its own host" not in _page(folder).text
    run["subjects"] = [{**item, "loopback": ["http"]} for item in run["subjects"]]
    (folder / RUN).write_text(json.dumps(run))
    assert "http over IPv4 and IPv6 for clients on its own host." in _page(folder).text


def test_each_strength_has_a_column(make_run: MakeRun, make_record: MakeRecord) -> None:
    """The ways in which a family can be missing are never merged: each is a column with its own heading."""
    names = [name for name in topology_names() if name.startswith(("ipv4-only", "ipv6-only"))]
    folder = make_run([make_record(topology=name) for name in names])
    page = _page(folder)
    titles = {load_topology(name).title for name in names}
    assert len(titles) == len(names) >= 5
    cells = [unquote(data["href"] or "") for _, data in page.tags if (data.get("class") or "").startswith("cell")]
    assert sorted(cells) == [f"#?service=nginx/both&network={name}" for name in names]


def test_packed_data_is_the_same_data() -> None:
    """What is packed in parts is, unpacked, the JSON text of the whole."""
    some = {"none": [], "texts": ["", "é", "</script>"], "table": {"a": [1, 2.5, None]}, "cases": [{"id": "x"}]}
    for data in ({}, some):
        assert json.loads(zlib.decompress(base64.b64decode(packed(data)))) == data


def test_garbage_collector_is_off_while_a_report_is_made() -> None:
    """It is on again afterwards, also after an error, and stays off if it was off before."""
    with uncollected():
        with suppress(ValueError), uncollected():
            raise ValueError
        assert not gc.isenabled()
    assert gc.isenabled()
