"""The reference of the manifest's keys and placeholders, as Markdown, made from their descriptions."""

import json
from collections.abc import Iterator
from typing import Any, get_origin

from pydantic import BaseModel

from dualstack.manifest.models import Manifest
from dualstack.manifest.placeholders import PLACEHOLDERS
from dualstack.manifest.salvage import model_in

_ABOUT_PLACEHOLDERS = (
    "A placeholder is replaced in commands, in the values of `environment` and in the contents of `files`. `NAME` is",
    "the name of a listener or component; without it the first listener or the component itself is meant. Other braces",
    "are not changed, nor are those of `${VARIABLE}`: a command runs without a shell, unless it starts one.",
)


def reference() -> str:
    """Return a Markdown table of the keys of each table, in the order of the models, and one of the placeholders."""
    schema = Manifest.model_json_schema(by_alias=True)
    tables = [line for name, heading in _tables(Manifest) for line in _table(schema["$defs"], name, heading)]
    return "\n".join([*tables, *_placeholders()])


def _tables(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name of each table's model, and the table's heading: ``[[listen]]``, ``[listen.bind]``."""
    for key, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is not None:
            heading = f"[{above}{key}]"
            yield inner.__name__, f"[{heading}]" if get_origin(field.annotation) is list else heading
            yield from _tables(inner, f"{above}{key}.")


def _table(definitions: dict[str, Any], name: str, heading: str) -> Iterator[str]:
    """Yield the lines of one table."""
    definition = definitions[name]
    required = set(definition.get("required", ()))
    yield from (f"### `{heading}`", "", definition["description"].split("\n\n")[0], "")
    keys = definition.get("properties", {})
    yield from ("| key | value | default | meaning |", "|---|---|---|---|") if keys else ("It has no keys.",)
    for key, field in keys.items():
        default = "required" if key in required else _default(field)
        yield f"| `{key}` | {_value(definitions, field)} | {default} | {field.get('description', '')} |"
    yield ""


def _placeholders() -> Iterator[str]:
    """Yield the lines of the table of placeholders."""
    yield from ("### Placeholders", "", *_ABOUT_PLACEHOLDERS, "")
    yield from ("| placeholder | where | stands for |", "|---|---|---|")
    for item in PLACEHOLDERS:
        own = f", `{{NAME.{item.name}}}`" if item.of_listener or item.of_component else ""
        where = ", ".join(place.value for place in item.places)
        yield f"| `{{{item.name}}}`{own} | {where} | {item.meaning} |"
    yield ""


def _default(field: dict[str, Any]) -> str:
    """Return a key's default as it is written in TOML; ``none`` if it has none."""
    value = field.get("default")
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return "none"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`"


def _value(definitions: dict[str, Any], field: dict[str, Any]) -> str:
    """Return what kind of value a key takes."""
    if "$ref" in field:
        definition = definitions[field["$ref"].rsplit("/", 1)[1]]
        return " or ".join(f"`{item}`" for item in definition["enum"]) if "enum" in definition else "table"
    if "anyOf" in field:
        return " or ".join(_value(definitions, item) for item in field["anyOf"] if item.get("type") != "null")
    if "enum" in field:
        return " or ".join(f"`{item}`" for item in field["enum"])
    kind: str = field.get("type", "any")
    if kind == "array":
        return f"list of {_value(definitions, field['items'])}"
    return {"object": "table", "string": "text", "integer": "number", "boolean": "true or false"}.get(kind, kind)
