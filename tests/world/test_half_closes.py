"""A server that does not answer a half-closed client: how serious that is depends on its protocol."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dualstack.errors import NothingToJudge, RequirementBroken
from dualstack.families import Family
from dualstack.prober.messages import Exit, Outcome
from dualstack.suites import requirement
from dualstack.world.listening import ListenerWorld
from tests.world.test_suite_judgements import suite

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

LISTEN = '[[listen]]\nname = "main"\nport = 8080\nprotocol = "{}"\n'


def level_of(made: "MadeUp", monkeypatch: pytest.MonkeyPatch, ended: Exit | None = None) -> str:
    """Return the level of what ROBUST-001 says of a service that answers no half-closed client; empty for its own."""
    world = made.world
    monkeypatch.setattr(world.service, "start", lambda: None)
    monkeypatch.setattr(world.service, "exit_status_text", lambda: "")
    monkeypatch.setattr(world, "served", lambda: [Family.IPV4])
    monkeypatch.setattr(world, "shows", lambda _: None)
    made.program(ended)
    made.outcome(Outcome.SILENT)
    cases = suite("robustness.test_input_shapes")
    monkeypatch.setattr(cases, "require_ordinary", lambda *_: None)
    cases.test_half_close(world)
    with pytest.raises(RequirementBroken) as broken:
        world.conclude()
    return broken.value.level


@pytest.mark.parametrize(
    ("protocol", "level"), [("http", "SHOULD"), ("http2", "SHOULD"), ("grpc", "SHOULD"), ("echo", "")]
)
def test_http_may_take_a_half_close_for_the_end(
    make_world: Callable[..., "MadeUp"], monkeypatch: pytest.MonkeyPatch, protocol: str, level: str
) -> None:
    """An HTTP server deviates, one of another protocol fails; one that ends with the connection fails anyhow."""
    made = make_world(ListenerWorld, LISTEN.format(protocol))
    assert level_of(made, monkeypatch) == level
    made = make_world(ListenerWorld, LISTEN.format(protocol))
    assert level_of(made, monkeypatch, Exit(1)) == ""
    assert "RFC 9112 §9.5" in requirement("ROBUST-001").cites


def test_ordinary_clients_in_the_same_order_are_the_control(
    make_world: Callable[..., "MadeUp"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that leaves ordinary clients without an answer too is not blamed for half-closes."""
    made = make_world(ListenerWorld, LISTEN.format("echo"))
    monkeypatch.setattr(made.world.service, "restart", lambda: None)
    ordinary = suite("robustness.test_input_shapes").require_ordinary
    made.outcome(Outcome.ANSWERED)
    ordinary(made.world, [Family.IPV4], 2)
    made.outcome(Outcome.SILENT)
    with pytest.raises(NothingToJudge, match="ROBUST-006"):
        ordinary(made.world, [Family.IPV4], 2)
