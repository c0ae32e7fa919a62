"""Result records: what a case did and found, complete before any report reads it, appended as soon as it ends."""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dualstack.casekey import CaseKey
from dualstack.chart import Chart, Lane
from dualstack.errors import HarnessError
from dualstack.finding import Finding, Symptom
from dualstack.measure import Measure
from dualstack.prober.messages import Query, SocketRow
from dualstack.timeline import Packet, Station, Step
from dualstack.verdict import Verdict

RECORDS = "records.jsonl"
"""The file in a run's folder that each record is appended to."""

SCHEMA = 1
"""The version of the form of records.jsonl and run.json; it grows when an older version could not read them rightly."""

RUN = "run.json"
"""The file in a run's folder that says what was run, where and with which versions."""


@dataclass(frozen=True, slots=True)
class Record:
    """The result of one case.

    Attributes:
        requirement: The requirement's id.
        title: The requirement's title.
        level: The requirement's level.
        subject: The service, with its configuration: ``nginx/both``.
        manifest: The manifest's file.
        element: The listener's or connector's name.
        topology: The topology's name.
        verdict: The verdict.
        reason: Why: empty for a pass, else the first line of a report.
        lacks: The code of the need that the listener or connector does not have, where that is why the requirement does
            not apply; else empty.
        known_at: The file and line of the entry of the manifest or baseline that declares that the case fails, also if
            it has expired; empty without one.
        not_ready: Whether the case ended because the service did not become ready.
        works: What the application saw, by family: ``{"ipv4": true}``; a family that was not tried is absent.
        families: The families that packets of the flow were seen in.
        steps: What was done, in order.
        findings: What was expected, and what happened.
        sockets: The service's socket table, while it ran.
        log: The tail of the service's output.
        component_logs: The tail of the output of each component that did not start or ended by itself, by its name.
        packets: The conversation without noise; see `Packet.number` for packets that are left out.
        unreadable: Why the capture could not be read; empty if it could.
        capture: The capture's path in the run's folder; empty without one.
        command: How the service was started, as a shell line.
        rerun: The command that runs this case alone.
        seconds: How long the case took.
        waited: How many of these seconds it waited for the service.
        causes: Codes of the causes that the facts show, the likeliest first; none where the cause is not known.
        facts: What was recorded, one sentence each; first the one that supports the first cause.
        language: The programming language of the service; empty if that is not known.
        queries: The DNS queries to the lab's name server, with their times since the case began, and its answers.
        measures: The times that were measured.
        charts: The timelines of the runs of a connector: questions, attempts and the connection that it used.
        engine: The address of the container engine, if the run was spread over several.
        stations: The hosts that captured packets, if they are several, in the order of the path between them.
    """

    requirement: str
    title: str
    level: str
    subject: str
    manifest: str
    element: str
    topology: str
    verdict: Verdict
    reason: str = ""
    lacks: str = ""
    known_at: str = ""
    not_ready: bool = False
    works: Mapping[str, bool] = field(default_factory=dict)
    families: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    sockets: tuple[SocketRow, ...] = ()
    log: str = ""
    component_logs: Mapping[str, str] = field(default_factory=dict)
    packets: tuple[Packet, ...] = ()
    unreadable: str = ""
    capture: str = ""
    command: str = ""
    rerun: str = ""
    seconds: float = 0.0
    waited: float = 0.0
    causes: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    language: str = ""
    queries: tuple[Query, ...] = ()
    measures: tuple[Measure, ...] = ()
    charts: tuple[Chart, ...] = ()
    engine: str = ""
    stations: tuple[Station, ...] = ()

    @property
    def key(self) -> CaseKey:
        """What names the case."""
        return CaseKey(self.requirement, self.subject, self.element, self.topology)

    @property
    def case(self) -> str:
        """The key as text: ``LISTEN-001:nginx/both:http@dual-stack``."""
        return str(self.key)

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON data; ``case`` is written for readers, and follows from other keys.

        Every text is a plain one: xdist refuses the members of an enum, also if they are texts.
        """
        data = asdict(self)
        for finding in data["findings"]:
            finding["symptoms"] = [item.value for item in finding["symptoms"]]
        return {"schema": SCHEMA, "case": self.case, **data, "verdict": self.verdict.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Record":
        """Return the record that `to_json` wrote.

        Raises:
            OtherSchema: Another version wrote it in another form.
            ValueError: A value is wrong.
            TypeError: It has other keys.
        """
        require_schema(data)
        kept = {key: value for key, value in data.items() if key not in {"schema", "case"}}
        lists = {key: tuple(data[key]) for key in ("families", "causes", "facts")}
        return cls(
            **{
                **kept,
                **lists,
                "verdict": Verdict(data["verdict"]),
                "steps": tuple(Step(**item) for item in data["steps"]),
                "packets": tuple(map(_packet, data["packets"])),
                "findings": tuple(_finding(item) for item in data["findings"]),
                "sockets": tuple(SocketRow(**item) for item in data["sockets"]),
                "queries": tuple(Query(**item) for item in data.get("queries", ())),
                "measures": tuple(Measure(**item) for item in data.get("measures", ())),
                "charts": tuple(_chart(item) for item in data.get("charts", ())),
                "stations": tuple(map(_station, data.get("stations", ()))),
            }
        )


def _finding(data: Mapping[str, Any]) -> Finding:
    """Return the finding of its JSON data."""
    symptoms = tuple(Symptom(item) for item in data["symptoms"])
    return Finding(**{**data, "packets": tuple(data["packets"]), "symptoms": symptoms})


def _packet(data: Mapping[str, Any]) -> Packet:
    """Return the packet of its JSON data."""
    inner = data.get("inner")
    return Packet(**{**data, "inner": _packet(inner) if inner else None})


def _station(data: Mapping[str, Any]) -> Station:
    """Return the host of its JSON data."""
    return Station(**{**data, "addresses": tuple(data["addresses"]), "packets": tuple(map(_packet, data["packets"]))})


def _chart(data: Mapping[str, Any]) -> Chart:
    """Return the timeline of its JSON data."""
    return Chart(data["title"], tuple(Lane(**{**item, "again": tuple(item["again"])}) for item in data["lanes"]))


class OtherSchema(ValueError):
    """Data that another version of dualstack wrote in another form; the message says which version can read it."""


def require_schema(data: Mapping[str, Any]) -> None:
    """Check that data of a run's folder has the form that this version reads.

    Raises:
        OtherSchema: An older or newer version wrote it.
        ValueError: It does not say which schema it has.
    """
    found = data.get("schema")
    if type(found) is not int:
        raise ValueError(f"schema: input should be a valid integer, found {type(found).__name__}")
    if found != SCHEMA:
        writer = "a newer" if found > SCHEMA else "an older"
        raise OtherSchema(f"{writer} dualstack wrote it: it has schema {found}, this version reads schema {SCHEMA}")


def append_record(folder: Path, record: Record) -> None:
    """Append a record to the run's records, so that a killed run keeps the records of its finished cases.

    A surrogate (a byte of a file's name that is not UTF-8, PEP 383) is written as its JSON escape.

    Raises:
        HarnessError: It cannot be written, for example because the disk is full; the records before it stay whole.
    """
    path = folder / RECORDS
    line = (json.dumps(record.to_json(), ensure_ascii=False) + "\n").encode("utf-8", errors="backslashreplace")
    try:
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            whole = file.write(line) == len(line)
            if not whole:
                file.truncate(size)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from None
    if not whole:
        raise HarnessError(f"{path}: cannot be written: {os.strerror(errno.ENOSPC)}")


def read_records(folder: Path) -> Iterator[Record]:
    """Yield the records of a run; a truncated last line is left out.

    Raises:
        ValueError: A line is no record that this version reads.
    """
    with (folder / RECORDS).open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield Record.from_json(json.loads(line))
