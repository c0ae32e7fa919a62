"""What all requests have in common: each declares the type of its answer and how long it may take."""

from dataclasses import dataclass
from typing import Any, Generic, NewType, TypeVar, get_args, get_origin

A = TypeVar("A")

Handle = NewType("Handle", int)
"""The number of an object that the agent keeps until it is closed."""


@dataclass(frozen=True, slots=True)
class Request(Generic[A]):
    """A request to the agent whose answer has type ``A``; its class is its verb.

    A request is a dataclass. One that adds no fields needs no decorator, which would make its import slower.
    """

    @property
    def time_limit(self) -> float:
        """Seconds that the work may take: the field ``timeout`` if there is one, else 0.

        The client waits longer, because a busy machine is slow.
        """
        return float(getattr(self, "timeout", 0.0))


@dataclass(frozen=True, slots=True)
class ObjectRequest(Request[A]):
    """A request about an object that the agent keeps.

    Attributes:
        handle: The object.
    """

    handle: Handle


def answer_type(kind: type[Request[Any]]) -> Any:
    """Return the type of the answer that a type of request declares.

    Raises:
        TypeError: It declares none.
    """
    for base in getattr(kind, "__orig_bases__", ()):
        origin = get_origin(base)
        if isinstance(origin, type) and issubclass(origin, Request):
            return get_args(base)[0]
    raise TypeError(f"{kind.__name__} declares no answer: its base is Request[<type>]")


class Ping(Request[None]):
    """Answer, and do nothing else."""

    __slots__ = ()


class Close(ObjectRequest[None]):
    """Close an object of the agent; it may be closed already."""

    __slots__ = ()
