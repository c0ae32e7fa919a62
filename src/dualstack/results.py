"""Result records: what a case did and found, complete before any reporter sees it, appended as it happens."""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dualstack.errors import HarnessError
from dualstack.finding import Finding
from dualstack.prober.messages import SocketRow
from dualstack.verdict import Verdict

RECORDS = "records.jsonl"
"""The file in a run's folder to which each record is appended."""

NOT_READY = "the service did not become ready"
"""What the reason of a case begins with whose service did not start in its world."""

RUN = "run.json"
"""The file in a run's folder that says what was run, where and with which versions."""


@dataclass(frozen=True, slots=True)
class Record:
    """The result of one case.

    Attributes:
        case: The case's id: ``LISTEN-001[nginx/both:http@dual-stack]``.
        requirement: The requirement's id.
        title: The requirement's title.
        level: The requirement's level.
        subject: The service, with its configuration: ``nginx/both``.
        manifest: The manifest's file.
        element: The listener's or connector's name.
        topology: The topology's name.
        verdict: What is said of the case.
        reason: Why: empty for a pass, else the first line of a report.
        works: What the application saw, by family: ``{"ipv4": true}``; a family that was not tried is absent.
        families: The families that packets of the flow were seen in.
        steps: What was done, in order, with the time since the case began.
        findings: What was expected, and what happened.
        sockets: The service's socket table, while it ran.
        log: The tail of the service's output.
        packets: The conversation, one line a packet, noise left out.
        capture: The pcap's path in the run's folder, empty without one.
        command: How the service was started, as a shell line.
        rerun: The command that runs this case alone.
        seconds: How long the case took.
        waited: How many of them it had to wait for the service itself.
        causes: Codes of the causes that the facts show, the likeliest first; none where the cause is not known.
        facts: What was recorded, one sentence each; first the one that speaks for the first cause.
        language: The programming language of the service; empty if that is not known.
    """

    case: str
    requirement: str
    title: str
    level: str
    subject: str
    manifest: str
    element: str
    topology: str
    verdict: Verdict
    reason: str = ""
    works: Mapping[str, bool] = field(default_factory=dict)
    families: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    sockets: tuple[SocketRow, ...] = ()
    log: str = ""
    packets: tuple[str, ...] = ()
    capture: str = ""
    command: str = ""
    rerun: str = ""
    seconds: float = 0.0
    waited: float = 0.0
    causes: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    language: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON data."""
        return {**asdict(self), "verdict": self.verdict.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Record":
        """Return the record that `to_json` wrote."""
        lists = {key: tuple(data[key]) for key in ("families", "steps", "packets", "causes", "facts")}
        return cls(
            **{
                **data,
                **lists,
                "verdict": Verdict(data["verdict"]),
                "findings": tuple(Finding(**{**item, "packets": tuple(item["packets"])}) for item in data["findings"]),
                "sockets": tuple(SocketRow(**item) for item in data["sockets"]),
            }
        )


def append_record(folder: Path, record: Record) -> None:
    """Append a record to the run's records, so that a killed run keeps what it had.

    A surrogate (a byte of a file's name that is not UTF-8, PEP 383) is written as JSON's own escape for it.

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
    """Yield the records of a run; a last line that was cut short by a kill is left out."""
    with (folder / RECORDS).open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield Record.from_json(json.loads(line))
