"""A server that moves: its listen address and the answer for its name, without a lab."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dualstack.families import Family
from dualstack.prober.messages import Names, Serve
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.moving import MovingServer

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

CONNECT = '[[connect]]\nname = "main"\nmode = "daemon"\ncommand = ["./x", "{host}"]\nport = 8080\n'


class Opened:
    """A server of the prober that is open, or was."""

    def __init__(self, request: Serve | Names, events: list[str]) -> None:
        """Note that it was opened."""
        self._events = events
        if isinstance(request, Serve):
            self.kind, what = "server", ", ".join(request.addresses)
        else:
            self.kind, what = "names", f"A {request.a} AAAA {request.aaaa}"
        events.append(f"{self.kind}: {what}")

    def close(self) -> None:
        """Note that it was closed."""
        self._events.append(f"{self.kind}: closed")


@pytest.fixture
def made(make_world: Callable[..., "MadeUp"]) -> Any:
    """Return a world whose prober notes what is opened and closed, in ``events``."""
    made: Any = make_world(ConnectorWorld, CONNECT)
    made.events = []
    made.world.peer.prober.serve = lambda request: Opened(request, made.events)
    made.world.peer.prober.names = lambda request: Opened(request, made.events)
    return made


def test_a_server_without_a_name_gets_one(made: Any) -> None:
    """Its name has no address until it is published; the server itself stays."""
    address = made.world.peer.plan.configured[Family.IPV4][0]
    with MovingServer(made.world, Family.IPV4, known=False) as server:
        assert "ttl-1" in server.name
        server.publish(Family.IPV4)
    assert made.events == [
        f"server: {address}",
        "names: A () AAAA ()",
        "names: closed",
        f"names: A {(address,)} AAAA ()",
        "server: closed",
        "names: closed",
    ]


def test_the_name_changes_before_connections_are_lost(made: Any) -> None:
    """A look-up after the old address is gone finds the new one alone."""
    old, new = (made.world.peer.plan.configured[family][0] for family in (Family.IPV4, Family.IPV6))
    with MovingServer(made.world, Family.IPV4, known=True) as server:
        del made.events[:]
        server.move(Family.IPV6)
        assert old not in " ".join(made.events)
        assert made.events == ["names: closed", f"names: A () AAAA {(new,)}", "server: closed", f"server: {new}"]


def test_the_name_may_keep_an_address_that_refuses(made: Any) -> None:
    """The name has the addresses that are asked for, also of a family over which the server is not reached."""
    old, new = (made.world.peer.plan.configured[family][0] for family in (Family.IPV4, Family.IPV6))
    with MovingServer(made.world, Family.IPV4, known=True) as server:
        del made.events[:]
        server.move(Family.IPV6, Family.IPV4, Family.IPV6)
        assert made.events == ["names: closed", f"names: A {(old,)} AAAA {(new,)}", "server: closed", f"server: {new}"]
