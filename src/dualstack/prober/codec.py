"""Messages to and from plain JSON values."""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from dualstack.errors import HarnessError
from dualstack.prober.messages.requests import A, Request, answer_type
from dualstack.prober.verbs import VERBS

T = TypeVar("T")

_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Return what converts values of a type; it takes about a millisecond to build."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def prepare() -> None:
    """Build the converters of all verbs that are declared, for the processes that will be forked from this one."""
    for item in VERBS.values():
        _adapter(item.request)
        _adapter(answer_type(item.request))


def pack(message: object) -> dict[str, Any]:
    """Return a message as what ``json.dumps`` takes."""
    packed: dict[str, Any] = _adapter(type(message)).dump_python(message, mode="json")
    return packed


def unpack(kind: type[T], data: object) -> T:
    """Return the message of type ``kind`` that `pack` turned into ``data``.

    Raises:
        HarnessError: The data does not fit: client and agent declare different messages.
    """
    message: T = _read(kind, kind.__name__, data)
    return message


def pack_answer(kind: type[Request[A]], answer: A) -> Any:
    """Return the answer to a request of a type as what ``json.dumps`` takes."""
    return _adapter(answer_type(kind)).dump_python(answer, mode="json")


def unpack_answer(kind: type[Request[A]], data: object) -> A:
    """Return the answer that `pack_answer` turned into ``data``.

    Raises:
        HarnessError: The data does not fit: client and agent declare different messages.
    """
    answer: A = _read(answer_type(kind), f"answer to {kind.__name__}", data)
    return answer


def _read(kind: Any, name: str, data: object) -> Any:
    """Return the value of a type in ``data``; raise HarnessError if the data does not fit."""
    try:
        return _adapter(kind).validate_python(data)
    except ValidationError as error:
        raise HarnessError(f"{data!r} is no {name}: {error}") from None
