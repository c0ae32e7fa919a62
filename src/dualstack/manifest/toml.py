"""Read a TOML file into a model; each error names the file, the line, the key, what was found and what is allowed."""

import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dualstack.errors import UsageError
from dualstack.manifest.faults import Fault, refusal, written
from dualstack.manifest.salvage import ALIKE, model_in, salvaged
from dualstack.suggestion import did_you_mean

Model = TypeVar("Model", bound=BaseModel)

OTHER_NAMES = {
    **dict.fromkeys(("https", "wss", "ftps", "sips", "rtsps", "mqtts", "rediss"), "{plain!r} with a table tls"),
    **dict.fromkeys(("tls", "ssl"), "a table tls, beside the protocol inside"),
    "ws": "'websocket'",
    **dict.fromkeys(("h2", "h2c"), "'http2'"),
    "tcp": "'connect'",
    **dict.fromkeys(("smtp", "imap", "pop3", "telnet"), "'exchange' with send and expect"),
    **dict.fromkeys(("udp", "dns", "ntp", "tftp", "stun"), "transport = 'udp', and 'exchange' with send and expect"),
    **dict.fromkeys(("syslog", "statsd"), "transport = 'udp' and 'oneway'"),
}
"""What to write instead of a protocol's other name."""

RENAMED = {
    "behind": "via",
    "denied": "denied_response",
    "exception": "exemption",
    "one_connection": "single_shot",
    "open": "allow_all",
    "reach": "scope",
    "stands_for": "represents",
    "subjects": "elements",
}
"""Keys of earlier versions, and what they are called now."""

_MARK = "\ufeff"
"""The byte order mark, which some editors write; TOML 1.0 does not allow it."""

_UNQUOTED = " without quotes"

_MOST_NAMES = 5
"""Maximum number of files that a message names."""

_SHOWN = 80
"""Maximum number of characters of a value in a message."""


def load_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into ``model``.

    Raises:
        UsageError: The file cannot be read, is not TOML, or does not fit ``model``; every fault is reported.
    """
    made, faults = read_toml(path, model)
    if faults:
        raise refusal(path, faults)
    return made


def read_toml(path: Path, model: type[Model]) -> tuple[Model, list[Fault]]:
    """Read a TOML file into ``model``; return it, without the values that have a wrong type, and all its faults.

    Raises:
        UsageError: The file cannot be read, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if text.startswith(_MARK):
            raise UsageError(f"{path}:1: not TOML: it begins with a byte order mark; save it as UTF-8 without BOM")
        data = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}{_instead_of(path)}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = f"this line has the byte 0x{error.object[error.start]:02x}"
        raise UsageError(f"{path}:{line}: not UTF-8 text: {byte}; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}:{_line(error)}: not TOML: {error}{_syntax(path, text, error)}") from None
    except RecursionError:
        raise UsageError(f"{path}: not TOML: its lists or tables are nested too deeply") from None
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return salvaged(model, data), [_fault(fault, model) for fault in error.errors()]


_ALLOWED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text in quotes",
    "path_type": "a text in quotes",
    "list_type": "a list",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than_equal": "{le:g} or less",
    "too_short": "{min_length} or more items",
    "string_too_short": "{min_length} or more characters",
    "string_too_long": "{max_length} or fewer characters",
    "string_pattern_mismatch": "a text that matches {pattern}",
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        "a date, such as 2027-01-31",
    ),
    "enum": "{expected}",
    "literal_error": "{expected}",
}
"""What is allowed, by the type of pydantic's error."""


_MISSING = {"schema": "; write schema = 1 above the first table", "service": "; add a table [service] with its name"}
"""What to add for a key of the whole file that is missing."""


def _line(error: tomllib.TOMLDecodeError) -> str:
    """Return the line in the parser's message; 1 if there is none."""
    match = re.search(r"\(at line (\d+),", str(error))
    return match[1] if match else "1"


def _syntax(path: Path, text: str, error: tomllib.TOMLDecodeError) -> str:
    """Return what the usual mistake is, as a hint; empty if it is another one."""
    lines = text.splitlines()[int(_line(error)) - 1 :] or [""]
    if str(error).startswith("Cannot overwrite a value"):
        return "; this table has the key twice"
    if str(error).startswith(("Illegal character '\\n'", "Unterminated string")):
        return "; the closing quote of a text is missing"
    if path.suffix != ".toml":
        return "; to test a program without a manifest: dualstack try -- COMMAND"
    if found := re.fullmatch(r"\s*[\w.-]+\s*=\s*([A-Za-z./][^\s\"'#]*)\s*(#.*)?", lines[0]):
        return f'; write texts in quotes: "{found[1]}"'
    return ""


def _instead_of(path: Path) -> str:
    """Return the files that may be meant by a path that is a folder, or where there is no file; empty without any."""
    folder = path if path.is_dir() else path.parent
    names = sorted(item.name for item in folder.glob("*.toml"))
    if path.is_dir():
        return f"; name a file in it: {', '.join(names[:_MOST_NAMES])}" if names else "; name a file"
    return did_you_mean(path.name, names) or (f"; there is: {', '.join(names[:_MOST_NAMES])}" if names else "")


def _renamed(key: str, allowed: Sequence[str]) -> str:
    """Return ``; it is now 'x'`` for a key of an earlier version; empty if the table has no such key."""
    new = RENAMED.get(key)
    return f"; it is now {new!r}" if new in allowed else ""


def _fault(fault: ErrorDetails, model: type[BaseModel]) -> Fault:
    """Return pydantic's error as a fault: key, what was found, what is allowed."""
    location = tuple(part for part in fault["loc"] if part != "[key]")
    key = written(location)
    found = fault["input"]
    context = fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            allowed = _allowed_keys(location[:-1], model)
            hint = _renamed(str(location[-1]), allowed) or did_you_mean(str(location[-1]), allowed, cutoff=ALIKE)
            text = f"unknown key{hint} (allowed: {', '.join(allowed)})"
        case "missing":
            text = "missing" + _MISSING.get(key, "")
        case "value_error":
            text = fault["msg"].removeprefix("Value error, ")
        case "list_type" if isinstance(found, dict):
            text = f"found one table; allowed: a list of tables; write [[{key}]] instead of [{key}]"
        case "model_type" | "dict_type":
            hint = f"; write [{key}] instead of [[{key}]]" if isinstance(found, list) else ""
            text = f"found {'a list' if isinstance(found, list) else _shown(found)}; allowed: a table{hint}"
        case kind if kind in _ALLOWED:
            text = f"found {_shown(found)}; allowed: {_ALLOWED[kind].format(**context)}"
            text += _rewritten(kind, key, found, context)
            if "expected" in context and not text.endswith(_UNQUOTED):
                expected = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
                hint = _protocol(str(found)) if location[-1] == "protocol" else ""
                text += hint or did_you_mean(str(found), expected)
        case _:
            text = f"found {_shown(found)}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    return Fault(location, text)


def _protocol(found: str) -> str:
    """Return what to write for a protocol that has another name here; empty if it has none."""
    name = found.lower()
    plain = {"wss": "websocket"}.get(name, name.removesuffix("s"))
    return f"; write {OTHER_NAMES[name].format(plain=plain)}" if name in OTHER_NAMES else ""


def _rewritten(kind: str, key: str, found: object, context: Mapping[str, object]) -> str:
    """Return a value as it is probably meant, or what is wrong with it; empty for other values."""
    if isinstance(found, float) and math.isnan(found):
        return "; nan is no number"
    if not isinstance(found, str):
        return ""
    if kind == "list_type":
        words = found.split() if key.endswith("command") else [found]
        return f"; write {_shown_list(words)}"
    if kind == "string_pattern_mismatch" and re.search(str(context["pattern"]), found.upper()):
        return f"; write {found.upper()!r}"
    meant = {
        "int_type": found.isdecimal(),
        "float_type": re.fullmatch(r"\d+(\.\d+)?", found),
        "bool_type": found in {"true", "false"},
        "literal_error": found == context.get("expected"),  # texts are in quotes there
    }
    return f"; write {found}{_UNQUOTED}" if meant.get(kind) else ""


def _shown_list(words: Sequence[str]) -> str:
    """Return texts as a list of TOML, abbreviated if it is long."""
    text = json.dumps(words, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _shown(found: object) -> str:
    """Return a value as text; tables and long texts are abbreviated."""
    text = "a table" if isinstance(found, dict) else repr(found)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _allowed_keys(location: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    """Return the keys that the table at ``location`` may have."""
    current = model
    own = False  # whether the next part is a name that the user chose, as in host.service
    for part in location:
        if isinstance(part, int) or own:
            own = False
            continue
        fields = {info.alias or name: info for name, info in current.model_fields.items()}
        found = model_in(fields[part].annotation) if part in fields else None
        if found is None:
            return []
        current = found
        own = get_origin(fields[part].annotation) is dict
    return sorted(info.alias or name for name, info in current.model_fields.items())
