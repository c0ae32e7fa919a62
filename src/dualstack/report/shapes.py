"""Checking the files of a run value by value, so that every value in a report has its declared type."""

import functools
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from dualstack.results import Record, require_schema
from dualstack.runinfo import RequirementInfo, RunInfo, ServiceInfo, TopologyInfo

_DEEPEST = 8
"""How many levels lists and tables of run.json may be nested."""

_STRICT = frozenset({"planned", "exit_code", "interrupted", "strict"})
"""The keys of run.json whose values are not converted: no true for 1, no "5" for 5."""

_ENTRIES: Mapping[str, type] = {"subjects": ServiceInfo, "topologies": TopologyInfo, "requirements": RequirementInfo}
"""The keys of run.json that hold many entries, and what each entry is."""

_STEP = re.compile(r"\+(?P<at>\d+\.\d+) s  (?P<what>.*)", re.DOTALL)
"""A step in a record of 0.1.0."""

_MOST_PLANNED = 10_000_000
"""How many cases may be planned; more is damage."""


@functools.cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    """Return the validator of a type; creating one takes some milliseconds."""
    return TypeAdapter(shape)


def _value_of(text: bytes) -> Any:
    """Return the value of a JSON text; equal short texts in it are one object, so that a large run needs less memory.

    Raises:
        ValueError: It is not JSON; the message says why.
    """
    with suppress(ValueError):
        return from_json(text, allow_inf_nan=False, cache_strings="all")
    try:  # what is wrong, in the words of Python; and what the faster reader refuses, such as half a surrogate pair
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("lists or tables are nested too deeply") from None


def _refuse(constant: str) -> None:
    """Refuse NaN and infinity, which JSON does not allow (RFC 8259 §6)."""
    raise ValueError(f"{constant} is not a number")


def table_of(text: bytes) -> dict[str, Any]:
    """Return the object that a JSON text holds.

    Raises:
        ValueError: It is not JSON, or not an object; the message says why.
    """
    data = _value_of(text)
    if not isinstance(data, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - the caller reports a text that cannot be read
    return data


def _of_this_schema(data: dict[str, Any]) -> dict[str, Any]:
    """Return data of a run's folder in the form of this version; that of 0.1.0 had no schema.

    The steps of its records were lines, and so were their packets, which are left out: the capture still has them.

    Raises:
        ValueError: Another version wrote it, or its schema is damaged.
    """
    if "schema" in data:
        require_schema(data)
        return data
    steps = data.get("steps", [])
    if isinstance(steps, list):
        steps = [_STEP.fullmatch(step) if isinstance(step, str) else None for step in steps]
        data |= {"steps": [match.groupdict() if match else None for match in steps]}
    if isinstance(data.get("packets"), list):
        data |= {"packets": []}
    return data


def record_of(text: bytes) -> Record:
    """Return the record that a line holds; unknown keys are ignored.

    Raises:
        ValueError: It holds no record, or one of another version; the message names what is wrong.
    """
    return record_from(table_of(text))


def record_from(table: dict[str, Any]) -> Record:
    """Return the record that a JSON object holds; unknown keys are ignored.

    Raises:
        ValueError: It holds no record, or one of another version; the message names what is wrong.
    """
    data = _of_this_schema(table)
    try:
        record: Record = _adapter(Record).validate_python(data)
    except ValidationError as error:
        raise ValueError(_first(error)) from None
    if not all(map(math.isfinite, _times(record))):
        raise ValueError("seconds: not a number")
    return record


def _times(record: Record) -> Iterator[float]:
    """Yield every time in a record."""
    yield from (record.seconds, record.waited)
    yield from (step.at for step in record.steps)
    yield from (item.at for item in record.packets)
    yield from (item.at for station in record.stations for item in station.packets)
    for measure in record.measures:
        yield from (measure.value, measure.low, measure.high, measure.median, measure.spread)
    for chart in record.charts:
        yield from (time for lane in chart.lanes for time in lane.times)


def run_of(text: bytes) -> tuple[RunInfo, list[str]]:
    """Return run.json without its wrong values, and what is wrong with these; unknown keys are ignored.

    Raises:
        ValueError: It is not JSON, or was written by another version; the message says why.
    """
    return run_from(table_of(text))


def run_from(table: dict[str, Any]) -> tuple[RunInfo, list[str]]:
    """Return what a JSON object says of a run, without its wrong values, and what is wrong with these.

    Raises:
        ValueError: Another version wrote it; the message says which.
    """
    data = _of_this_schema(table)
    kept: dict[str, Any] = {}
    faults: list[str] = []
    shapes = get_type_hints(RunInfo)
    for key, value in data.items():
        if not _is_shallow(value, _DEEPEST):
            faults.append(f"{key}: lists or tables are nested too deeply")
            continue
        try:
            if key in shapes:
                kept[key] = _checked(key, shapes[key], value, faults)
        except ValidationError as error:
            faults.append(f"{key}: {_first(error)}")
        except ValueError as error:
            faults.append(f"{key}: {error}")
    return RunInfo(**kept), faults


def _checked(key: str, shape: Any, value: Any, faults: list[str]) -> Any:
    """Return the value of a key of run.json; its wrong entries are left out and added to ``faults``.

    Raises:
        ValueError: The value as a whole is wrong.
    """
    if key == "subjects":
        items: list[Any] = _adapter(list[dict[str, Any]]).validate_python(value)
        return tuple(item for _, item in _entries(key, enumerate(items), faults))
    if key in _ENTRIES:
        table: dict[str, Any] = _adapter(dict[str, dict[str, Any]]).validate_python(value)
        return dict(_entries(key, table.items(), faults))
    found = _adapter(shape).validate_python(value, strict=key in _STRICT)
    if key == "planned" and not 0 <= (found or 0) <= _MOST_PLANNED:
        raise ValueError(f"found {found}, allowed: 0 to {_MOST_PLANNED}")
    if isinstance(found, float) and not math.isfinite(found):
        raise ValueError("not a number")
    return found


def _entries(key: str, items: Any, faults: list[str]) -> Iterator[tuple[Any, Any]]:
    """Yield the valid entries; add what is wrong with the others to ``faults``."""
    for place, item in items:
        try:
            shaped = _adapter(_ENTRIES[key]).validate_python(item)
        except ValidationError as error:
            faults.append(f"{key}.{place}.{_first(error)}")
        else:
            yield place, shaped


def _first(error: ValidationError) -> str:
    """Return the first fault: where it is, what is expected, and what was found."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    found = type(fault["input"]).__name__
    text = fault["msg"].replace("valid tuple", "valid list")
    return f"{place}{': ' * bool(place)}{text[0].lower()}{text[1:]}, found {found}"


def _is_shallow(value: object, deepest: int) -> bool:
    """Return whether lists and tables are nested at most ``deepest`` levels."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return deepest > 0 and all(_is_shallow(item, deepest - 1) for item in items)
