"""A model of data that is partly wrong, so that one run reports the faults of the other parts too."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item")

ALIKE = 0.5
"""How similar a mistyped key is to the key that is meant, from 0 to 1."""

_OUT_OF_BOUNDS = frozenset(
    {
        "string_pattern_mismatch",
        "string_too_short",
        "string_too_long",
        "too_short",
        "too_long",
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
    }
)
"""Errors of values that have the right type."""


def salvaged(model: type[Model], data: Mapping[str, object]) -> Model:
    """Return ``model`` with each value of ``data`` that has the right type; the attribute of a wrong one is missing.

    A misspelt key counts as wrong, not as absent, so that no default replaces it.
    """
    keys = {info.alias or name: name for name, info in model.model_fields.items()}
    unknown = [key for key in data if key not in keys]
    meant = {match for key in unknown for match in difflib.get_close_matches(key, list(keys), n=1, cutoff=ALIKE)}
    values: dict[str, Any] = {}
    lacking = [keys[key] for key in meant if key not in data]
    for key, name in keys.items():
        if key not in data:
            continue
        try:
            values[name] = _value(model.model_fields[name].rebuild_annotation(), data[key])
        except ValidationError:
            lacking.append(name)
    made = model.model_construct(**values)
    for name in lacking:
        made.__dict__.pop(name, None)
    return made


def _value(annotation: Any, value: object) -> Any:
    """Return a value as its annotation demands; tables in it are salvaged.

    Raises:
        ValidationError: The value has another type.
    """
    table, kind = model_in(annotation), get_origin(annotation)
    if table is not None and kind is list and isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return [salvaged(table, item) for item in value]
    if table is not None and kind not in {list, dict} and isinstance(value, dict):
        return salvaged(table, value)
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        part = isinstance(value, list | dict)  # only then an error can be about a part of the value
        if any(fault["type"] not in _OUT_OF_BOUNDS or (fault["loc"] and not part) for fault in error.errors()):
            raise
        return value


def model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model inside ``annotation``: itself, or that of a list, mapping or union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := model_in(argument))), None)


def as_far_as_known(found: Iterable[Item]) -> Iterator[Item]:
    """Yield the items of ``found`` until it needs an attribute that `salvaged` left out."""
    try:
        yield from found
    except AttributeError as error:
        if not isinstance(error.obj, BaseModel) or error.name not in type(error.obj).model_fields:
            raise
