"""Paths of field numbers into protobuf messages, such as ``1.3``: https://protobuf.dev/programming-guides/encoding/."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

Value = int | bytes

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10  # bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A value of a field.

    Attributes:
        place: Its path; of a repeated field with the position in brackets: ``1[0].3``.
        value: A number, or the bytes of a text, a message or bytes.
        beside: The last value of each field of the message that it is in, by number.
    """

    place: str
    value: Value
    beside: dict[int, Value]


def parse_path(text: str) -> tuple[int, ...]:
    """Return the field numbers of a path.

    Raises:
        ValueError: It has another form.
    """
    if not re.fullmatch(r"[1-9]\d{0,8}(\.[1-9]\d{0,8})*", text):
        raise ValueError(f"{text!r} is not a path of field numbers; allowed: numbers with dots between them, e.g. 1.3")
    return tuple(map(int, text.split(".")))


def fields_of(message: bytes) -> list[tuple[int, Value]]:
    """Return the number and the value of each field of a message, in order.

    Raises:
        ValueError: The bytes are not a message.
    """
    found: list[tuple[int, Value]] = []
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if not number:
            raise ValueError(f"it is no protobuf message: field number 0 at byte {position - 1}")
        if kind == _VARINT:
            value, position = _varint(message, position)
            found.append((number, value))
            continue
        if kind == _LENGTH:
            length, position = _varint(message, position)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise ValueError(f"it is no protobuf message: wire type {kind} of field {number}")
        data = message[position : position + length]
        if len(data) < length:
            raise ValueError(f"it is no complete protobuf message: field {number} has {len(data)} of {length} bytes")
        position += length
        found.append((number, data if kind == _LENGTH else int.from_bytes(data, "little")))
    return found


def values_at(message: bytes, numbers: tuple[int, ...], place: str = "") -> Iterator[Found]:
    """Yield the values of the fields at a path, in order.

    Raises:
        ValueError: The bytes, or those of a field on the way, are not a message.
    """
    fields = fields_of(message)
    own = [value for number, value in fields if number == numbers[0]]
    for index, value in enumerate(own):
        where = f"{place}{numbers[0]}" + (f"[{index}]" if len(own) > 1 else "")
        if len(numbers) == 1:
            yield Found(where, value, dict(fields))
        elif isinstance(value, bytes):
            yield from values_at(value, numbers[1:], f"{where}.")
        else:
            raise ValueError(f"field {where} is a number, not a message")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a variable-length number and the position after it.

    Raises:
        ValueError: It has no end.
    """
    number = 0
    for index, byte in enumerate(data[position : position + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no continuation bit
            return number, position + index + 1
    raise ValueError(f"it is no protobuf message: the number at byte {position} has no end")
