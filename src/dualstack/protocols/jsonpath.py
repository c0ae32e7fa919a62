"""Paths into JSON documents, such as ``$.brokers[*].host``: keys, positions and ``*``, a subset of RFC 9535."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

Step = str | int | None
"""A key, a position in a list, or None for every item."""

_STEP = re.compile(r"\.(?P<key>[A-Za-z0-9_-]+)|\[(?P<index>\d+|\*)\]|\[(?P<quote>['\"])(?P<quoted>[^'\"]+)(?P=quote)\]")

FORM = 'allowed: "$", then .key, ["key"], [0] or [*], e.g. $.brokers[*].host'


@dataclass(frozen=True, slots=True)
class Found:
    """A value at a path.

    Attributes:
        place: Its own path, without ``*``.
        value: The value.
        beside: The object that it is in; empty if it is in none.
    """

    place: str
    value: object
    beside: dict[str, object]


def parse_path(text: str) -> tuple[Step, ...]:
    """Return the steps of a path.

    Raises:
        ValueError: It has another form.
    """
    steps: list[Step] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            break
        index = match["index"]
        steps.append((None if index == "*" else int(index)) if index else match["key"] or match["quoted"])
        position = match.end()
    if not text.startswith("$") or not steps or position < len(text):
        raise ValueError(f"{text!r} is not a path into JSON; {FORM}")
    return tuple(steps)


def document_in(text: str) -> object:
    """Return the first JSON object or list in a text; what follows it is ignored.

    Raises:
        ValueError: There is none, or it is not complete.
    """
    begins = min((text.find(mark) for mark in "{[" if mark in text), default=-1)
    if begins < 0:
        raise ValueError("it holds no JSON object or list")
    try:
        return json.JSONDecoder().raw_decode(text, begins)[0]
    except RecursionError:
        raise ValueError("its JSON has too many levels") from None


def values_at(document: object, steps: tuple[Step, ...], place: str = "$") -> Iterator[Found]:
    """Yield the values at a path, in order; none where the document has no such key or position."""
    for where, item, owner in _items(document, steps[0], place):
        if len(steps) == 1:
            yield Found(where, item, owner)
        else:
            yield from values_at(item, steps[1:], where)


def _items(document: object, step: Step, place: str) -> Iterator[tuple[str, object, dict[str, object]]]:
    """Yield the path, the value and the object of each item that one step leads to."""
    if isinstance(document, dict):
        keys = list(document) if step is None else [step] if step in document else []
        yield from ((f"{place}.{key}", document[key], document) for key in keys)
    elif isinstance(document, list):
        for index, item in enumerate(document):
            if step is None or step == index:
                yield f"{place}[{index}]", item, {}
