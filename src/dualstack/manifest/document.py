"""The reference of the manifest's keys, as Markdown, from the descriptions that the models carry."""

import json
from collections.abc import Iterator
from typing import Any

from dualstack.manifest.models import Manifest

_HEADINGS = {
    "Service": "[service]",
    "Image": "[image]",
    "Ready": "[ready]",
    "Timeouts": "[timeouts]",
    "Limits": "[limits]",
    "Listen": "[[listen]]",
    "Bind": "[listen.bind]",
    "Acl": "[listen.acl]",
    "Fetch": "[listen.fetch]",
    "Multicast": "[listen.multicast]",
    "Connect": "[[connect]]",
    "Configuration": "[[configuration]]",
    "Exemption": "[[exception]]",
    "Known": "[[known]]",
}


def reference() -> str:
    """Return one table of keys for each table of a manifest."""
    schema = Manifest.model_json_schema(by_alias=True)
    return "\n".join(line for name, heading in _HEADINGS.items() for line in _table(schema["$defs"], name, heading))


def _table(definitions: dict[str, Any], name: str, heading: str) -> Iterator[str]:
    """Yield the lines of one table."""
    definition = definitions[name]
    required = set(definition.get("required", ()))
    yield from (f"### `{heading}`", "", definition["description"].split("\n\n")[0], "")
    yield from ("| key | value | default | meaning |", "|---|---|---|---|")
    for key, field in definition["properties"].items():
        default = "required" if key in required else _default(field)
        yield f"| `{key}` | {_value(definitions, field)} | {default} | {field.get('description', '')} |"
    yield ""


def _default(field: dict[str, Any]) -> str:
    """Return a key's default as it would be written."""
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
