"""A run's folder, read for a report: whatever is missing or damaged is reported, never fatal."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dualstack.report.shapes import record_of, repaired, table_of
from dualstack.report.text import clip
from dualstack.results import RECORDS, RUN, Record

_PROVENANCE = {
    "run": "Run",
    "started": "Started",
    "dualstack": "dualstack",
    "git": "Revision",
    "python": "Python",
    "kernel": "Kernel",
    "machine": "Machine",
    "lab": "Lab",
    "arguments": "Arguments",
    "exit_code": "Exit code",
}


@dataclass(frozen=True, slots=True)
class Run:
    """What was run, where and with which versions; a killed run may know little of itself.

    Attributes:
        data: The contents of run.json; empty without one.
    """

    data: Mapping[str, Any] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Return a value as text: lists joined by spaces, tables as ``key value``; empty if there is none."""
        value = self.data.get(key)
        if isinstance(value, Mapping):
            return ", ".join(f"{name} {item}" for name, item in value.items() if item not in (None, ""))
        if isinstance(value, list | tuple):
            return " ".join(str(item) for item in value)
        return "" if value is None else str(value)

    def table(self, key: str) -> dict[str, dict[str, Any]]:
        """Return a table of tables; empty if there is none, without entries that are no tables."""
        value = self.data.get(key)
        entries = value.items() if isinstance(value, Mapping) else ()
        return {str(name): dict(entry) for name, entry in entries if isinstance(entry, Mapping)}

    @property
    def subjects(self) -> dict[str, dict[str, Any]]:
        """What is known of each service, by its name, in the order of the run."""
        value = self.data.get("subjects")
        entries = value if isinstance(value, list) else []
        return {str(item["name"]): dict(item) for item in entries if isinstance(item, Mapping) and "name" in item}

    @property
    def planned(self) -> int | None:
        """How many cases were planned; None if that is not known."""
        value = self.data.get("planned")
        return value if isinstance(value, int) else None

    @property
    def interrupted(self) -> bool:
        """Whether the run ended before its time: it says so, or it never came to say how it ended."""
        return bool(self.data.get("interrupted")) or (bool(self.data) and self.data.get("exit_code") is None)

    @property
    def strict(self) -> bool:
        """Whether a SHOULD counts like a MUST."""
        return self.data.get("strict") is True

    @property
    def started(self) -> str:
        """When it began, as a person reads it; empty if that is not known."""
        text = self.text("started")
        try:
            return datetime.fromisoformat(text).strftime("%d %B %Y, %H:%M:%S %Z").strip(" ,").lstrip("0")
        except ValueError:
            return text

    def provenance(self) -> list[tuple[str, str]]:
        """Return what is known of the run, each with its label."""
        rows = [(label, self.text(key)) for key, label in _PROVENANCE.items() if key != "started"]
        rows.insert(1, ("Started", self.started))
        return [(label, text) for label, text in rows if text]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A run's folder, as it was found.

    Attributes:
        folder: The folder.
        run: What was run.
        records: Its results, in the order in which they were written.
        damage: What could not be read, one sentence each.
    """

    folder: Path
    run: Run
    records: tuple[Record, ...]
    damage: tuple[str, ...]


def load(folder: Path) -> Loaded:
    """Return what a run left in its folder; what cannot be read is named in `Loaded.damage`."""
    damage: list[str] = []
    run = _read_run(folder / RUN, damage)
    records = tuple(_read_records(folder / RECORDS, damage))
    return Loaded(folder=folder, run=run, records=records, damage=tuple(damage))


def _read_run(path: Path, damage: list[str]) -> Run:
    """Read run.json; what is wrong with it is added to ``damage``."""
    try:
        data = table_of(path.read_bytes())
    except FileNotFoundError:
        damage.append(f"{path.name} is missing: it is not known what was planned and with which versions.")
        return Run()
    except OSError as error:
        damage.append(f"{path.name} cannot be read ({error.strerror}).")
        return Run()
    except ValueError as error:
        damage.append(f"{path.name} cannot be read ({clip(str(error), 120)}).")
        return Run()
    data, faults = repaired(data)
    damage += (f"{path.name}, {clip(fault, 160)}; this is left out here." for fault in faults)
    return Run(data)


def _read_records(path: Path, damage: list[str]) -> Iterator[Record]:
    """Yield the records that can be read; each line that cannot is added to ``damage``."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    yield record_of(line)
                except ValueError as error:
                    broken = isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
                    cut = "it was cut short when the run ended; " if broken and not line.endswith(b"\n") else ""
                    what = f"{cut}{clip(str(error), 120)}"
                    damage.append(f"{path.name}, line {number}, cannot be read ({what}); its case is missing here.")
    except FileNotFoundError:
        damage.append(f"{path.name} is missing: no case was recorded.")
    except OSError as error:
        damage.append(f"{path.name} cannot be read ({error.strerror}).")
