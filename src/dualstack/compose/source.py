"""Reading a compose file: its values, the line of each key, and its variables (Compose specification, interpolation).

Scalars are read as YAML 1.2 reads them: ``22:22`` is a text, and so is ``yes``.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dualstack.errors import UsageError

Key = tuple[str, ...]

_DEEPEST = 24
_MOST = 50_000
"""How deep values may be nested, and how many there may be: aliases can refer to themselves and multiply."""

_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<name>[A-Za-z_]\w*)|(?P<brace>\{))")
_BRACED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:(?P<sign>:?[-?+])(?P<word>.*))?", re.DOTALL)
_ASSIGNMENT = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>.*)")


@dataclass(slots=True)
class Source:
    """A compose file.

    Attributes:
        path: The file.
        variables: What ``${NAME}`` stands for.
        lines: The line of each key.
        data: Its values.
    """

    path: Path
    variables: Mapping[str, str]
    lines: dict[Key, int] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    _count: int = 0

    def at(self, key: Key) -> str:
        """Return where a key is: ``compose.yaml:7: services.web.ports``."""
        known = next((key[:end] for end in range(len(key), 0, -1) if key[:end] in self.lines), ())
        return f"{self.path}:{self.lines.get(known, 1)}: {'.'.join(key)}"

    def fault(self, key: Key, text: str) -> UsageError:
        """Return the error about a key."""
        return UsageError(f"{self.at(key)}: {text}")

    def value(self, node: yaml.Node, key: Key = ()) -> Any:
        """Return the value of a YAML node, with its variables replaced.

        Raises:
            UsageError: It is nested too deeply, or a variable is missing.
        """
        self._count += 1
        if len(key) > _DEEPEST or self._count > _MOST:
            raise UsageError(f"{self.path}:{node.start_mark.line + 1}: nested too deeply, or too large")
        self.lines.setdefault(key, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return {name: self.value(item, (*key, name)) for name, item in self._items(node, key)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*key, str(place))) for place, item in enumerate(node.value)]
        text = interpolated(node.value, self.variables, lambda what: self.fault(key, what))
        return _scalar(text) if node.style is None else text

    def _items(self, node: yaml.MappingNode, key: Key) -> Iterator[tuple[str, yaml.Node]]:
        """Yield the keys of a mapping, those that it merges (``<<``) first; note their lines."""
        for name, item in node.value:
            if name.value == "<<":
                for merged in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                    if isinstance(merged, yaml.MappingNode):
                        yield from self._items(merged, (*key, "<<"))
        for name, item in node.value:
            if name.value != "<<":
                self.lines[(*key, str(name.value))] = name.start_mark.line + 1
                yield str(name.value), item


def read(path: Path) -> Source:
    """Read a compose file; variables are those of the environment, then those of ``.env`` beside it.

    Raises:
        UsageError: It cannot be read, or is no YAML.
    """
    beside = path.parent / ".env"
    known = dict(assignments(beside)) if beside.is_file() else {}
    source = Source(path, {**known, **os.environ})
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{path}:{line}: no YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{path}: no YAML: {error}") from None
    found = source.value(node) if node is not None else None
    if not isinstance(found, dict) or not isinstance(found.get("services"), dict):
        raise UsageError(f'{path}: no table "services": is it a compose file?')
    source.data = found
    return source


def _scalar(text: str) -> Any:
    """Return the value of a plain scalar."""
    if text in {"", "~", "null"}:
        return None
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else text


def interpolated(text: str, variables: Mapping[str, str], fault: Any) -> str:
    """Replace ``$NAME``, ``${NAME}``, ``${NAME:-default}``, ``:?error`` and ``:+replacement``; ``$$`` is a dollar sign.

    Args:
        text: The text.
        variables: The values of the variables; one that is missing is empty.
        fault: Makes an error of a sentence.

    Raises:
        UsageError: A variable that must be set is not, or an expression is wrong.
    """
    done, place = [], 0
    while found := _VARIABLE.search(text, place):
        done.append(text[place : found.start()])
        place = found.end()
        if found["brace"]:
            inside = _until_brace(text, place)
            if inside is None or (match := _BRACED.fullmatch(inside)) is None:
                raise fault(f"{text[found.start() :]!r}: no variable; write $$ for a dollar sign")
            place += len(inside) + 1
            done.append(_substitute(match, variables, fault))
        else:
            done.append("$" if found["escaped"] else variables.get(found["name"], ""))
    return "".join([*done, text[place:]])


def _until_brace(text: str, start: int) -> str | None:
    """Return the text up to the brace that closes the one before ``start``; None if it is missing."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[start:place]
    return None


def _substitute(match: re.Match[str], variables: Mapping[str, str], fault: Any) -> str:
    """Return what the inside of ``${…}`` stands for."""
    name, sign, word = match["name"], match["sign"] or "", match["word"] or ""
    value = variables.get(name)
    has = bool(value) if sign.startswith(":") else value is not None
    if sign.endswith("+"):
        return interpolated(word, variables, fault) if has else ""
    if has or not sign:
        return value or ""
    if sign.endswith("?"):
        raise fault(f"the variable {name} is not set: {word or 'it is required'}")
    return interpolated(word, variables, fault)


def assignments(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the variables of an environment file.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    for line in lines:
        if match := _ASSIGNMENT.fullmatch(line.strip()):
            value = match["value"]
            quote = value[:1] if value[:1] in {"'", '"'} else ""
            end = value.find(quote, 1) if quote else -1
            yield match["name"], value[1:end] if end > 0 else re.split(r"\s#", value)[0].rstrip()
