"""The verbs of the agent: each is declared beside the code that does the work.

``@verb(Dial)`` before ``async def dial(agent: Agent, request: Dial) -> Dialled`` is all that a verb takes; the answer's
type is the one that the request declares. The module `dualstack.prober.agent` imports every module with verbs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from dualstack.errors import HarnessError
from dualstack.prober.messages.requests import A, Close, Handle, Ping, Request

T = TypeVar("T")
R_co = TypeVar("R_co", bound=Request[Any], covariant=True)


@runtime_checkable
class Closeable(Protocol):
    """An object of the agent that holds something until it is closed."""

    def close(self) -> None:
        """Release what it holds."""


class Agent:
    """What verbs share: one object of some classes, and the objects that they keep for later requests."""

    def __init__(self) -> None:
        """Start without any object."""
        self._shared: dict[type, object] = {}
        self._kept: dict[Handle, object] = {}
        self._last = 0

    def shared(self, kind: type[T]) -> T:
        """Return the agent's one object of a class; it is made, without arguments, when it is first asked for."""
        found = self._shared.get(kind)
        if not isinstance(found, kind):
            found = self._shared[kind] = kind()
        return found

    def keep(self, item: object) -> Handle:
        """Keep an object for later requests; return its handle."""
        self._last += 1
        handle = Handle(self._last)
        self._kept[handle] = item
        return handle

    def kept(self, kind: type[T], handle: Handle) -> T:
        """Return the object of a handle.

        Raises:
            HarnessError: It is closed, or of another class.
        """
        found = self._kept.get(handle)
        if not isinstance(found, kind):
            raise HarnessError(f"the prober has no such {kind.__name__}, or it is closed")
        return found

    def all(self, kind: type[T]) -> list[T]:
        """Return all objects of a class that are kept."""
        return [item for item in self._kept.values() if isinstance(item, kind)]

    def close(self, handle: Handle) -> None:
        """Close an object and forget it; nothing happens if it is closed already."""
        found = self._kept.pop(handle, None)
        if isinstance(found, Closeable):
            found.close()


@dataclass(frozen=True, slots=True)
class Registered:
    """A verb with what does it.

    Attributes:
        request: The type of its requests.
        handler: What answers one.
    """

    request: type[Request[Any]]
    handler: Callable[[Agent, Any], Awaitable[Any]]


VERBS: dict[str, Registered] = {}
"""All verbs of the modules that were imported, by the name of their request's class."""


class verb(Generic[R_co]):  # noqa: N801 - a decorator
    """Declares the decorated function to be what answers requests of a type."""

    def __init__(self, kind: type[R_co]) -> None:
        """Take the type of the requests."""
        self._kind = kind

    def __call__(
        self: "verb[Request[A]]", handler: Callable[[Agent, R_co], Awaitable[A]]
    ) -> Callable[[Agent, R_co], Awaitable[A]]:
        """Register the function.

        Raises:
            ValueError: The type has a handler already.
        """
        name = self._kind.__name__
        if name in VERBS:
            raise ValueError(f"the verb {name!r} is declared twice")
        VERBS[name] = Registered(self._kind, handler)
        return handler


@verb(Ping)
async def ping(_: Agent, __: Ping) -> None:
    """Answer."""


@verb(Close)
async def close(agent: Agent, request: Close) -> None:
    """Close an object."""
    agent.close(request.handle)
