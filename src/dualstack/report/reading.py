"""Reading the results of a run as a whole: a run's folder or its results.json. What is damaged is refused."""

import json
from pathlib import Path
from typing import Any

from dualstack.errors import UsageError
from dualstack.report.jsonfile import RESULTS, SCHEMA
from dualstack.report.load import load
from dualstack.report.shapes import record_from, run_from, table_of
from dualstack.report.summary import Report
from dualstack.report.text import clip
from dualstack.results import RECORDS, RUN

_GIVE = f"give a run's folder or its {RESULTS}"
"""What is needed instead of what was given."""

_SHOWN = 160
"""How many characters of a fault a message shows."""


def read_results(path: Path) -> Report:
    """Return the results in a run's folder, or in its results.json.

    Raises:
        UsageError: It does not exist, is no run's result, was written by another version, or is damaged: without
            the damaged cases a comparison or a statement would say too much.
    """
    try:
        report = _of_folder(path) if path.is_dir() else _of_file(path)
    except OSError as error:
        hint = f"; {_GIVE}" if isinstance(error, FileNotFoundError) else ""
        raise UsageError(f"{path}: cannot be read: {error.strerror}{hint}") from None
    if report.damage:
        lines = [f"{path}: {item}" for item in report.damage]
        raise UsageError("\n".join([*lines, f"{path}: these results are damaged; run again"]))
    return report


def _of_folder(folder: Path) -> Report:
    """Return the results in a run's folder.

    Raises:
        UsageError: The folder has neither records nor a description.
    """
    if not any((folder / name).is_file() for name in (RECORDS, RUN)):
        raise UsageError(f"{folder}: no run's results (it has neither {RECORDS} nor {RUN}); dualstack run writes them")
    found = load(folder)
    return Report(found.run, found.records, found.damage)


def _of_file(path: Path) -> Report:
    """Return the results in a results.json.

    Raises:
        UsageError: It is not JSON, or not of this form.
        OSError: It cannot be read.
    """
    text = path.read_bytes()
    try:
        data = table_of(text)
    except ValueError as error:
        cut = "it was truncated, or is not JSON" if isinstance(error, json.JSONDecodeError) else "it is not JSON"
        raise UsageError(f"{path}: {cut}: {clip(str(error), _SHOWN)}; {_GIVE}") from None
    found = data.get("schema")
    if type(found) is not int or not isinstance(data.get("records"), list) or not isinstance(data.get("run"), dict):
        raise UsageError(f"{path}: not the results of a run: allowed is a {RESULTS}, with schema, run and records")
    if found != SCHEMA:
        writer = "a newer" if found > SCHEMA else "an older"
        raise UsageError(
            f"{path}: {writer} dualstack wrote it: it has schema {found}, this version reads schema {SCHEMA}"
        )
    return _checked(path, data)


def _checked(path: Path, data: dict[str, Any]) -> Report:
    """Return the results that a table of the right form holds.

    Raises:
        UsageError: The description of the run, or a record, was written by another version.
    """
    damage: list[str] = []
    try:
        run, faults = run_from(data["run"])
    except ValueError as error:
        raise UsageError(f"{path}: run: {clip(str(error), _SHOWN)}") from None
    damage += (f"run.{clip(fault, _SHOWN)}" for fault in faults)
    records = []
    for place, item in enumerate(data["records"]):
        if not isinstance(item, dict):
            damage.append(f"records[{place}]: not a JSON object, found {type(item).__name__}")
            continue
        try:
            records.append(record_from(item))
        except ValueError as error:
            damage.append(f"records[{place}]: {clip(str(error), _SHOWN)}")
    return Report(run, tuple(records), tuple(damage))
