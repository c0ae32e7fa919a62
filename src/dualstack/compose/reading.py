"""The keys of a compose service that have several forms, each read into one."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dualstack.compose.source import Key, Source, assignments

_PORT = re.compile(r"(?:.*:)?(?P<port>\d{1,5})(?P<range>-\d+)?(?:/(?P<transport>tcp|udp))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Port:
    """A port in the container.

    Attributes:
        number: The port; of a range the first one.
        transport: ``tcp`` or ``udp``.
        key: The key.
        is_range: Whether the key names a range.
        protocol: Its ``app_protocol``, if it has one.
    """

    number: int
    transport: str
    key: Key
    is_range: bool
    protocol: str


def words(source: Source, key: Key, value: Any) -> list[str]:
    """Return a command: a list, or a text that is split as a shell splits it.

    Raises:
        UsageError: It is neither.
    """
    if isinstance(value, list):
        return [_text(source, key, item) for item in value]
    try:
        return shlex.split(_text(source, key, value))
    except ValueError as error:
        raise source.fault(key, f"found {value!r}: {error}") from None


def _text(source: Source, key: Key, value: Any) -> str:
    """Return a scalar as a text.

    Raises:
        UsageError: It is none.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int):
        return str(value)
    raise source.fault(key, f"found {'nothing' if value is None else type(value).__name__}, allowed: a text")


def environment(source: Source, name: str, service: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of a service: those of ``env_file``, then those of ``environment``.

    Raises:
        UsageError: A file cannot be read, or a value is no text.
    """
    found: dict[str, str] = {}
    files = service.get("env_file") or []
    for item in files if isinstance(files, list) else [files]:
        entry = item if isinstance(item, dict) else {"path": item}
        path = source.path.parent / _text(source, ("services", name, "env_file"), entry.get("path"))
        if path.is_file():
            found |= assignments(path)
        elif entry.get("required") is not False:
            raise source.fault(("services", name, "env_file"), f"there is no file {path}")
    return found | assigned(source, ("services", name, "environment"), service.get("environment"))


def assigned(source: Source, key: Key, given: Any) -> dict[str, str]:
    """Return variables that are given as a table or as a list of ``NAME=value``.

    Raises:
        UsageError: A value is no text.
    """
    found = {}
    given = given or {}
    pairs = given.items() if isinstance(given, dict) else (_pair(_text(source, key, item)) for item in given)
    for variable, value in pairs:
        if value is not None:
            found[variable] = _text(source, (*key, variable), value)
        elif variable in source.variables:  # passed on from the environment of the command
            found[variable] = source.variables[variable]
    return found


def _pair(text: str) -> tuple[str, str | None]:
    """Return the two sides of ``NAME=value``; None without a value."""
    name, sign, value = text.partition("=")
    return name, value if sign else None


def ports(source: Source, name: str, service: Mapping[str, Any]) -> list[Port]:
    """Return the ports in the container, each once, those of ``ports`` first.

    Raises:
        UsageError: One cannot be read.
    """
    found: dict[tuple[int, str], Port] = {}
    for word in ("ports", "expose"):
        given = service.get(word) or []
        if not isinstance(given, list):
            raise source.fault(("services", name, word), f"found {type(given).__name__}, allowed: a list")
        for place, item in enumerate(given):
            port = _port(source, ("services", name, word, str(place)), item)
            found.setdefault((port.number, port.transport), port)
    return list(found.values())


def _port(source: Source, key: Key, item: Any) -> Port:
    """Return a port, given as a table (the long syntax) or as ``host:container/transport``.

    Raises:
        UsageError: It cannot be read.
    """
    table = item if isinstance(item, dict) else {}
    text = f"{table.get('target')}/{table.get('protocol', 'tcp')}" if table else str(item)
    match = _PORT.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= 65535:  # noqa: PLR2004 - the last port
        raise source.fault(key, f"found {text!r}, allowed: a port, or host:container, of tcp or udp")
    transport = (match["transport"] or "tcp").lower()
    return Port(int(match["port"]), transport, key, bool(match["range"]), str(table.get("app_protocol") or ""))


def health(service: Mapping[str, Any]) -> list[str]:
    """Return the command of a service's health check; empty if it has none."""
    check = service.get("healthcheck") or {}
    test = check.get("test") if isinstance(check, dict) and not check.get("disable") else None
    if isinstance(test, str):
        return ["/bin/sh", "-c", test]
    if isinstance(test, list) and test[:1] == ["CMD-SHELL"]:
        return ["/bin/sh", "-c", *map(str, test[1:])]
    return [str(word) for word in test[1:]] if isinstance(test, list) and test[:1] == ["CMD"] else []


def needs(service: Mapping[str, Any]) -> dict[str, str]:
    """Return the services that a service depends on, each with the condition."""
    given = service.get("depends_on") or {}
    if isinstance(given, list):
        return dict.fromkeys(map(str, given), "service_started")
    conditions = {name: (item or {}).get("condition", "service_started") for name, item in given.items()}
    return {str(name): str(condition) for name, condition in conditions.items()}


def mounts(source: Source, name: str, service: Mapping[str, Any]) -> Iterator[tuple[str, Path | None, bool, Key]]:
    """Yield the volumes: the folder in the container, what is mounted, whether it is read-only, and the key.

    What is mounted is a path of this machine, or None for a volume of the engine.

    Raises:
        UsageError: One cannot be read.
    """
    for place, item in enumerate(service.get("volumes") or []):
        key = ("services", name, "volumes", str(place))
        if isinstance(item, dict):
            target, origin, readonly = item.get("target"), str(item.get("source") or ""), bool(item.get("read_only"))
            bound = item.get("type") == "bind"
        else:
            parts: Sequence[str] = str(item).split(":")
            origin, target = (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
            readonly = len(parts) > 2 and "ro" in parts[2].split(",")  # noqa: PLR2004 - source, target, mode
            bound = origin.startswith((".", "/", "~"))
        if not isinstance(target, str) or not target.startswith("/"):
            raise source.fault(key, f"found {item!r}, allowed: source:/path/in/the/container")
        yield target, (source.path.parent / Path(origin).expanduser()).resolve() if bound else None, readonly, key
