"""What the files of a run hold, checked value by value, so that no face of the report meets another type."""

import functools
import json
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from dualstack.results import Record

_DEEPEST = 8
"""How deep lists and tables of run.json may be nested."""


class _Subject(BaseModel):
    """A service of run.json."""

    name: str
    summary: str = ""
    manifest: str = ""
    claims: dict[str, list[str]] = {}
    loopback: list[str] = []


class _Topology(BaseModel):
    """A topology of run.json."""

    title: str = ""
    stands_for: str = ""
    summary: str = ""


class _Requirement(BaseModel):
    """A requirement of run.json."""

    title: str = ""
    role: str = ""
    plain: bool = False
    statement: str = ""
    stimulus: str = ""
    wire: str = ""
    cites: list[str] = []


_VALUES: Mapping[str, Any] = {
    "planned": Annotated[int, Field(ge=0, le=10_000_000)],
    "exit_code": int | None,
    "interrupted": bool,
    "strict": bool,
    "arguments": list[str],
    "troubles": list[str],
}
"""What a key of run.json holds."""

_ENTRIES: Mapping[str, type[BaseModel]] = {"subjects": _Subject, "topologies": _Topology, "requirements": _Requirement}
"""What each entry of a key holds: of a list for the first, of a table for the others."""


@functools.cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    """Return what checks a value; making one takes some milliseconds."""
    return TypeAdapter(shape)


def _value_of(text: bytes) -> Any:
    """Return what a JSON text holds.

    Raises:
        ValueError: It is no JSON; the message says why.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("lists or tables are nested too deeply") from None


def _refuse(constant: str) -> None:
    """Refuse NaN and the like, which are no JSON (RFC 8259 §6)."""
    raise ValueError(f"{constant} is no number")


def table_of(text: bytes) -> dict[str, Any]:
    """Return the table that a JSON text holds.

    Raises:
        ValueError: It is no JSON, or no table; the message says why.
    """
    data = _value_of(text)
    if not isinstance(data, dict):
        raise ValueError("it holds no table")  # noqa: TRY004 - to the caller it is a text that cannot be read
    return data


def record_of(text: bytes) -> Record:
    """Return the record that a line holds; keys that are not known are passed over.

    Raises:
        ValueError: It holds none; the message names what is wrong.
    """
    try:
        record: Record = _adapter(Record).validate_python(table_of(text))
    except ValidationError as error:
        raise ValueError(_first(error)) from None
    if not all(math.isfinite(number) for number in (record.seconds, record.waited)):
        raise ValueError("seconds: not a number")
    return record


def repaired(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what is right of run.json, and what is wrong with the rest, which is left out."""
    kept: dict[str, Any] = {}
    faults: list[str] = []
    for key, value in data.items():
        try:
            kept[key] = _checked(key, value, faults)
        except ValidationError as error:
            faults.append(f"{key}: {_first(error)}")
        except ValueError as error:
            faults.append(f"{key}: {error}")
    return kept, faults


def _checked(key: str, value: Any, faults: list[str]) -> Any:
    """Return the value of a key of run.json; entries of it that are wrong are left out and named.

    Raises:
        ValueError: The value as a whole is wrong.
    """
    if not _is_shallow(value, _DEEPEST):
        raise ValueError("lists or tables are nested too deeply")
    if key in _VALUES:
        return _adapter(_VALUES[key]).validate_python(value, strict=True)
    if key == "subjects":
        items: list[Any] = _adapter(list[dict[str, Any]]).validate_python(value)
        return [item for _, item in _entries(key, enumerate(items), faults)]
    if key in _ENTRIES:
        table: dict[str, Any] = _adapter(dict[str, dict[str, Any]]).validate_python(value)
        return dict(_entries(key, table.items(), faults))
    return value


def _entries(key: str, items: Any, faults: list[str]) -> Iterator[tuple[Any, Any]]:
    """Yield the entries that are right."""
    for place, item in items:
        try:
            shaped = _ENTRIES[key].model_validate(item, strict=True)
        except ValidationError as error:
            faults.append(f"{key}.{place}.{_first(error)}")
        else:
            yield place, shaped.model_dump() | item


def _first(error: ValidationError) -> str:
    """Return the first thing that is wrong: where, what is needed, and what was found."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    found = type(fault["input"]).__name__
    return f"{place}{': ' * bool(place)}{fault['msg'][0].lower()}{fault['msg'][1:]}, found {found}"


def _is_shallow(value: object, deepest: int) -> bool:
    """Return whether lists and tables are nested in each other no deeper than that."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return deepest > 0 and all(_is_shallow(item, deepest - 1) for item in items)
