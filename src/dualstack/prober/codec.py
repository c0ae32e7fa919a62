"""Messages to and from plain JSON values."""

from dataclasses import is_dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from dualstack.errors import HarnessError
from dualstack.prober import messages

T = TypeVar("T")


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    """Return what converts messages of a type; it takes about a millisecond to build."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def prepare() -> None:
    """Build all converters, for the processes that will be forked from this one."""
    for kind in vars(messages).values():
        if isinstance(kind, type) and is_dataclass(kind):
            _adapter(kind)


def pack(message: object) -> dict[str, Any]:
    """Return a message as what ``json.dumps`` takes."""
    packed: dict[str, Any] = _adapter(type(message)).dump_python(message, mode="json")
    return packed


def unpack(kind: type[T], data: object) -> T:
    """Return the message of type ``kind`` that `pack` turned into ``data``.

    Raises:
        HarnessError: It is none: client and agent do not understand each other.
    """
    try:
        message: T = _adapter(kind).validate_python(data)
    except ValidationError as error:
        raise HarnessError(f"{data!r} is no {kind.__name__}: {error}") from None
    return message
