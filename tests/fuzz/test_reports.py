"""A run's folder with damaged files: the reports are written, what is damaged is named, what is whole is shown."""

import copy
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import example, given

from dualstack.report import write_all
from dualstack.report.load import load
from dualstack.results import RECORDS, RUN
from dualstack.verdict import Verdict
from tests.fuzz.damage import JSON, damaged, misshapen
from tests.report.conftest import record, run_data

WHOLE = [record(), record(Verdict.FAIL, topology="ipv6-only"), record(Verdict.KNOWN, subject="redis/both")]
DATA = [item.to_json() for item in WHOLE]
DATA[1] = json.loads(json.dumps(DATA[1]))


def line(data: Any) -> bytes:
    """Return a line of the records' file."""
    return json.dumps(data).encode() + b"\n"


def one() -> Any:
    """Return a fresh copy of a record's data."""
    return json.loads(line(DATA[1]))


def run() -> Any:
    """Return a fresh copy of what run.json holds."""
    return copy.deepcopy(run_data(WHOLE))


def strict(text: bytes) -> Any:
    """Return what a JSON text holds; NaN and infinity are no JSON."""

    def refuse(constant: str) -> None:
        """Refuse it."""
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def check(folder: Path, records: bytes, description: bytes) -> None:
    """Write the reports of a folder with these files; each can be read, and the whole records are in it."""
    (folder / RECORDS).write_bytes(records)
    (folder / RUN).write_bytes(description)
    results, junit, report = write_all(folder)
    shown = strict(results.read_bytes())
    cases = [item["case"] for item in shown["records"]]
    assert cases[0] == WHOLE[0].case
    assert WHOLE[2].case in cases
    ET.fromstring(junit.read_bytes())  # noqa: S314 - we wrote it
    assert "</html>" in report.read_text(encoding="utf-8")
    assert (
        list(load(folder).damage) == shown["summary"]["warnings"][-len(load(folder).damage) :]
        or not load(folder).damage
    )


@given(data=misshapen(one))
@example(data=one() | {"seconds": float("nan")})
@example(data=one() | {"works": "ipv4", "log": []})
@example(data=one() | {"steps": "a text", "findings": [[]], "sockets": [{}]})
def test_a_misshapen_record_is_left_out_or_shown(folder: Path, data: Any) -> None:
    """A record with other types, without keys or with more of them leaves the others whole."""
    check(folder, line(DATA[0]) + line(data) + line(DATA[2]), line(run()))


@given(data=damaged(line(DATA[1])))
def test_a_damaged_line_is_left_out_or_shown(folder: Path, data: bytes) -> None:
    """Cut, flipped and foreign bytes in a line leave the other lines whole."""
    check(folder, line(DATA[0]) + data + b"\n" + line(DATA[2]), line(run()))


@given(data=misshapen(run) | JSON)
@example(
    data={"schema": 1, "subjects": [{"name": "nginx/both", "claims": {"http": 4}}], "requirements": 7, "topologies": []}
)
@example(data=run() | {"planned": True, "exit_code": "none", "started": 7, "machine": {"a": {"b": []}}})
def test_a_misshapen_description_is_left_out_or_shown(folder: Path, data: Any) -> None:
    """Whatever run.json holds, every record is shown."""
    check(folder, line(DATA[0]) + line(DATA[2]), line(data))


@given(data=damaged(line(run())))
def test_a_damaged_description_is_named_or_shown(folder: Path, data: bytes) -> None:
    """Cut, flipped and foreign bytes in run.json leave the records whole."""
    check(folder, line(DATA[0]) + line(DATA[2]), data)


def test_deep_and_huge_values(folder: Path) -> None:
    """Lists that are nested a hundred thousand times, and a number of five thousand digits, are named."""
    deep = b"[" * 100_000 + b"]" * 100_000
    check(folder, line(DATA[0]) + deep + b"\n" + b"9" * 5000 + b"\n" + line(DATA[2]), deep)
    assert [item.split(" cannot")[0] for item in load(folder).damage] == [
        "run.json", "records.jsonl, line 2,", "records.jsonl, line 3,",
    ]  # fmt: skip
    check(folder, line(DATA[0]) + line(DATA[2]), b'{"schema": 1, "a": ' + b"[" * 300 + b"]" * 300 + b"}")
    assert load(folder).damage == ("run.json, a: lists or tables are nested too deeply; it is ignored.",)
