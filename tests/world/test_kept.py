"""How many connections a daemon keeps is known when there are no more of them for a second."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from dualstack.deadline import Deadline
from dualstack.prober.messages import Accepted
from dualstack.world import kept


class Serving:
    """A server whose clients are a function of the time since it was made."""

    def __init__(self, clients: Callable[[float], list[Accepted]]) -> None:
        """Begin."""
        self._clients, self._began = clients, time.monotonic()

    def accepted(self) -> list[Accepted]:
        """Return its clients now."""
        return self._clients(time.monotonic() - self._began)

    def await_client(self, since: int, deadline: Deadline, *, completed: bool) -> bool:
        """Wait for one more client."""
        return deadline.until(lambda: completed or len(self.accepted()) > since)


def client(number: int, *, is_open: bool = True, completed: bool = True) -> Accepted:
    """Return a client with another port."""
    return Accepted("192.0.2.1", "192.0.2.9", number, 9, 9, 0.0, completed=completed, is_open=is_open)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all times a fifth."""
    for name in ("LONG", "LOOK", "QUIET", "LONGEST"):
        monkeypatch.setattr(kept, name, getattr(kept, name) / 5)


def settled(clients: Callable[[float], list[Accepted]]) -> int:
    """Return how many connections are kept when their number is settled."""
    serving: Any = Serving(clients)
    return kept.Kept(serving).settle()


@pytest.mark.usefixtures("quick")
def test_a_growing_pool_is_awaited() -> None:
    """Twelve connections, one each 50 ms, are all counted."""
    assert settled(lambda passed: [client(number) for number in range(min(12, 1 + int(passed / 0.05)))]) == 12


@pytest.mark.usefixtures("quick")
def test_connections_for_an_exchange_are_not_kept() -> None:
    """Of a connection that stays, one for each exchange, and one without an exchange, one is kept."""

    def clients(passed: float) -> list[Accepted]:
        count = 2 + int(passed / 0.03)
        brief = [client(number, is_open=number == count) for number in range(2, count + 1)]
        return [client(1), client(1000, completed=False), *brief]

    assert settled(clients) == 1


@pytest.mark.usefixtures("quick")
def test_what_does_not_come_back_is_missing() -> None:
    """The wait for connections ends when all are back, or at its deadline."""
    serving: Any = Serving(lambda passed: [client(1), client(2)] if passed > 0.1 else [client(1)])
    assert kept.Kept(serving).returned(2, Deadline(5.0, "both")) == 2
    assert kept.Kept(serving).returned(3, Deadline(0.3, "all three")) == 2
