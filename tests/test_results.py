"""Result records are read as they were written, with any output of a service and after a truncated write."""

import dataclasses
import json
import sys
from pathlib import Path

import execnet
import pytest

from dualstack.chart import Chart, Lane
from dualstack.finding import Finding, Symptom
from dualstack.measure import Measure
from dualstack.prober.messages import Query, SocketRow
from dualstack.results import RECORDS, SCHEMA, OtherSchema, Record, append_record, read_records
from dualstack.timeline import Packet, Station, Step
from dualstack.verdict import Verdict

ODD = "\x1b[31m\x00\x7f\r\n\u0085\u2028\u202e ✗ Größe 日本 \U0001f9e6 \\udc80 \"'"
"""Control characters, every kind of line end, and characters outside ASCII and the basic plane."""

SMALL = Record(
    requirement="LISTEN-001",
    title="a title",
    level="MUST",
    subject="a",
    manifest="service.toml",
    element="main",
    topology="dual-stack",
    verdict=Verdict.PASS,
)

ROW = SocketRow("ipv6", "tcp", "LISTEN", "::", 80, "", v6only=False, owner="server(7)")

FULL = Record(
    requirement="LISTEN-005",
    title=ODD,
    level="SHOULD",
    subject=ODD,
    manifest="/path with spaces/größe.toml",
    element="other",
    topology="dual-stack-bindv6only",
    verdict=Verdict.UNEXPECTED_PASS,
    reason=ODD,
    lacks="ipv6",
    not_ready=True,
    works={"ipv4": True, "ipv6": False},
    families=("ipv4", "ipv6"),
    steps=(Step(0.0, "one"), Step(1.5, ODD)),
    findings=(
        Finding(False, ODD, "it happened", ("packet one", ODD), symptoms=(Symptom.GROWTH, Symptom.REDIRECT)),
        Finding(True, "a", "b"),
    ),
    sockets=(ROW, ROW),
    log=ODD,
    component_logs={"store": ODD},
    packets=(Packet(1, 0.25, "service", "ipv6", "2001:db8::1", 40000, "2001:db8::2", 80, ODD, refuses=True),),
    unreadable=ODD,
    capture="cases/x/capture.pcap",
    command="./server ''",
    rerun="dualstack run x",
    seconds=1.25,
    waited=0.5,
    causes=("RC-V6ONLY",),
    facts=("one fact", ODD),
    language="Python",
    queries=(Query(0.25, "2001:db8::1", 40000, "ipv6", "udp", ODD, "AAAA", "NXDOMAIN", 0),),
    measures=(Measure.of("attempt delay", [0.2509, 0.2531], error=0.001, reference=ODD),),
    charts=(
        Chart(ODD, (Lane("AAAA", "", 0.0, (5.0,), None, "no answer"), Lane("2001:db8::1", "ipv6", 5.1, closed=6.5))),
    ),
    known_at=f"service.toml:7 {ODD}",
    engine="unix:///run/engine.sock",
    stations=(Station("relay", "relay", ("2001:db8::2",), f"cases/{ODD}.pcap", ()),),
)


@pytest.mark.parametrize("record", [SMALL, FULL], ids=["small", "full"])
def test_round_trip(tmp_path: Path, record: Record) -> None:
    """A record is read as it was written."""
    append_record(tmp_path, record)
    assert list(read_records(tmp_path)) == [record]


@pytest.mark.parametrize("record", [SMALL, FULL], ids=["small", "full"])
def test_a_worker_of_xdist_can_send_it(record: Record) -> None:
    """The data has plain values only, which is what execnet sends: no member of an enum, also if it is a text."""
    data = record.to_json()
    assert execnet.loads(execnet.dumps(data)) == data


def test_full_record_leaves_no_field_at_its_default() -> None:
    """The round trip above is of every field."""
    names = [item.name for item in dataclasses.fields(Record)]
    assert [name for name in names if getattr(FULL, name) == getattr(SMALL, name)] == []


def test_one_line_for_each(tmp_path: Path) -> None:
    """Records are appended, one JSON line each, in UTF-8."""
    for record in (SMALL, FULL, SMALL):
        append_record(tmp_path, record)
    data = (tmp_path / RECORDS).read_bytes()
    assert data.count(b"\n") == 3
    assert [json.loads(line)["case"] for line in data.splitlines()] == [SMALL.case, FULL.case, SMALL.case]
    assert "日本".encode() in data


@pytest.mark.parametrize("cut", [1, 2, 100, -1])
def test_last_line_that_was_cut_short_is_left_out(tmp_path: Path, cut: int) -> None:
    """A kill in the middle of a write costs that record only."""
    append_record(tmp_path, SMALL)
    append_record(tmp_path, FULL)
    path = tmp_path / RECORDS
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:cut])
    assert list(read_records(tmp_path)) == [SMALL]


def test_empty_file_holds_no_record(tmp_path: Path) -> None:
    """A run that was killed before its first case has no records."""
    (tmp_path / RECORDS).touch()
    assert list(read_records(tmp_path)) == []


def test_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    """A byte of a path that is not UTF-8 survives (PEP 383)."""
    path = b"/srv/caf\xe9.toml".decode(sys.getfilesystemencoding(), "surrogateescape")
    record = dataclasses.replace(SMALL, manifest=path)
    append_record(tmp_path, record)
    assert [item.manifest for item in read_records(tmp_path)] == [path]


@pytest.mark.parametrize("verdict", Verdict, ids=lambda verdict: verdict.value)
def test_every_verdict_has_its_word(verdict: Verdict) -> None:
    """A verdict is written as the word that people read."""
    data = dataclasses.replace(SMALL, verdict=verdict).to_json()
    assert data["verdict"] == verdict.value
    assert Record.from_json(json.loads(json.dumps(data))).verdict is verdict


def test_foreign_data_is_no_record() -> None:
    """Data of another shape is refused instead of half read."""
    with pytest.raises(TypeError):
        Record.from_json({**FULL.to_json(), "colour": "red"})
    with pytest.raises(ValueError, match="is not a valid Verdict"):
        Record.from_json({**FULL.to_json(), "verdict": "fine"})


@pytest.mark.parametrize(("schema", "writer"), [(SCHEMA + 1, "a newer"), (SCHEMA - 1, "an older")])
def test_another_version_is_refused(schema: int, writer: str) -> None:
    """A record that another version wrote in another form is refused, and the message says so."""
    with pytest.raises(
        OtherSchema, match=rf"^{writer} dualstack wrote it: it has schema \d, this version reads schema"
    ):
        Record.from_json({**FULL.to_json(), "schema": schema})


def test_a_record_without_schema_is_damaged() -> None:
    """Every record says which schema it has."""
    with pytest.raises(ValueError, match=r"^schema: input should be a valid integer, found NoneType"):
        Record.from_json({key: value for key, value in FULL.to_json().items() if key != "schema"})


def test_the_key_is_written_as_text_too() -> None:
    """Programs that read the records find the case's key as text."""
    assert SMALL.to_json()["case"] == str(SMALL.key) == SMALL.case == "LISTEN-001:a:main@dual-stack"
