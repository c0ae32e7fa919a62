"""The verbs: each request has one handler, which takes it and returns what the request declares."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_type_hints

import pytest

from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.prober import agent, messages, verbs  # noqa: F401 - the agent imports every verb
from dualstack.prober.messages import DatagramBatch, Dial, Exit, HoldConnections, Idle, Sender, Stage
from dualstack.prober.messages.following import AwaitExit
from dualstack.prober.messages.requests import Close, Handle, ObjectRequest, Ping, Request, answer_type
from dualstack.prober.verbs import VERBS, Agent, verb


@dataclass(frozen=True, slots=True)
class Add(Request[int]):
    """A request of the tests."""

    numbers: tuple[int, ...]


class Item:
    """An object that an agent keeps."""

    def __init__(self) -> None:
        """Start open."""
        self.is_open = True

    def close(self) -> None:
        """Close."""
        self.is_open = False


def declared_requests() -> Iterator[type]:
    """Yield each type of request that the messages declare."""
    for module in pkgutil.iter_modules(messages.__path__, f"{messages.__name__}."):
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and issubclass(kind, Request) and kind not in (Request, ObjectRequest):
                yield kind


def test_every_request_has_a_handler() -> None:
    """The agent imports each module with verbs, and no request is without one."""
    assert {kind.__name__: kind for kind in declared_requests()} == {name: item.request for name, item in VERBS.items()}
    assert len(VERBS) > 35


@pytest.mark.parametrize("name", sorted(VERBS))
def test_a_handler_has_the_types_of_its_request(name: str) -> None:
    """It takes that type of request and returns the type of answer that the request declares."""
    item = VERBS[name]
    hints = get_type_hints(item.handler)
    returned = hints.pop("return")
    assert list(hints.values()) == [Agent, item.request]
    assert returned == answer_type(item.request)


def test_a_verb_is_declared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second handler for the same request is an error."""
    monkeypatch.setattr(verbs, "VERBS", {})

    @verb(Add)
    async def add(_: Agent, request: Add) -> int:
        return sum(request.numbers)

    assert verbs.VERBS["Add"].handler is add
    with pytest.raises(ValueError, match="'Add' is declared twice"):
        verb(Add)(add)


def test_a_request_declares_its_answer() -> None:
    """The answer's type is the argument of the base; without one there is none."""
    assert answer_type(Add) is int
    assert answer_type(Ping) is type(None)
    assert answer_type(AwaitExit) == Exit | None
    with pytest.raises(TypeError, match="Request declares no answer"):
        answer_type(Request)


def test_an_agent_shares_one_object_of_a_class() -> None:
    """It is made when it is first asked for."""
    made = Agent()
    assert made.shared(Item) is made.shared(Item)
    assert Agent().shared(Item) is not made.shared(Item)


def test_what_an_agent_keeps_is_found_until_it_is_closed() -> None:
    """A handle stands for one object, of its class only; closing it twice does nothing more."""
    made, item = Agent(), Item()
    handle = made.keep(item)
    assert made.kept(Item, handle) is item
    with pytest.raises(HarnessError, match="no such Agent, or it is closed"):
        made.kept(Agent, handle)
    made.close(handle)
    assert not item.is_open
    made.close(handle)
    with pytest.raises(HarnessError, match="no such Item, or it is closed"):
        made.kept(Item, handle)


DIAL = Dial(Family.IPV4, "127.0.0.1", 7500, timeout=2)


@pytest.mark.parametrize(
    ("request_", "seconds"),
    [
        (Close(Handle(1)), 0),
        (DIAL, 2),
        (AwaitExit(Handle(1), 7), 7),
        (HoldConnections((DIAL, DIAL)), 2),
        (HoldConnections((DIAL, DIAL), Stage.ANSWERED, in_turn=True), 4),
        (DatagramBatch((Sender("::1", "::1", 0, ("a", "b", "c")),), 7500, timeout=3), 9),
        (Idle((DIAL,), Stage.CONNECTED, 2), 6),
    ],
    ids=lambda item: type(item).__name__,
)
def test_a_request_has_a_time_limit(request_: Request[object], seconds: float) -> None:
    """It is the request's timeout, or what its parts take together."""
    assert request_.time_limit == seconds
