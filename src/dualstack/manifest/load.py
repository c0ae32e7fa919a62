"""Read TOML into a model, with errors that name the file, the key, what was found and what is allowed."""

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dualstack.errors import UsageError
from dualstack.manifest.models import Manifest
from dualstack.manifest.placeholders import did_you_mean

Model = TypeVar("Model", bound=BaseModel)


def load_manifest(path: Path) -> Manifest:
    """Read and validate a manifest.

    Raises:
        UsageError: The file cannot be read, is no TOML, or is no manifest; every fault is named.
    """
    return load_toml(path, Manifest)


def load_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into ``model``.

    Raises:
        UsageError: As `load_manifest`.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = [f"  {_explain(fault, model)}" for fault in error.errors()]
        raise UsageError("\n".join([f"{path}:", *faults])) from None


def _explain(fault: ErrorDetails, model: type[BaseModel]) -> str:
    """Return one line for one fault: key, what was found, what is allowed."""
    location = fault["loc"]
    key = _key(location)
    found = fault["input"]
    context = fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            allowed = _allowed_keys(location[:-1], model)
            nearest = difflib.get_close_matches(str(location[-1]), allowed, n=1, cutoff=0.5)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            text = f"unknown key{hint} (allowed: {', '.join(allowed)})"
        case "missing":
            text = "missing"
        case "enum" | "literal_error":
            expected = str(context.get("expected", ""))
            hint = did_you_mean(str(found), expected.replace("'", "").replace(" or ", ", ").split(", "))
            text = f"found {found!r}, allowed: {expected}{hint}"
        case "value_error":
            text = fault["msg"].removeprefix("Value error, ")
        case "string_pattern_mismatch":
            text = f"found {found!r}, which does not match {context.get('pattern')}"
        case "list_type" if isinstance(found, dict):
            text = f"found one table, allowed: a list of tables; write [[{key}]] instead of [{key}]"
        case "model_type" | "dict_type":
            hint = f"; write [{key}] instead of [[{key}]]" if isinstance(found, list) else ""
            text = f"found {'a list' if isinstance(found, list) else repr(found)}, allowed: a table{hint}"
        case _:
            shown = f"found {found!r}, " if not isinstance(found, dict) else ""
            text = f"{shown}{fault['msg'][0].lower()}{fault['msg'][1:]}"
    return f"{key}: {text}" if key else text


def _key(location: Sequence[int | str]) -> str:
    """Write a location as it is said: ``listen[0].port``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def _allowed_keys(location: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    """Return the keys that the table at ``location`` may have."""
    current = model
    own = False  # whether the next part is a name that the user chose, as in host.service
    for part in location:
        if isinstance(part, int) or own:
            own = False
            continue
        fields = {info.alias or name: info for name, info in current.model_fields.items()}
        found = _model_in(fields[part].annotation) if part in fields else None
        if found is None:
            return []
        current = found
        own = get_origin(fields[part].annotation) is dict
    return sorted(info.alias or name for name, info in current.model_fields.items())


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model inside ``annotation``: itself, or that of a list, mapping or union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _model_in(argument))), None)
