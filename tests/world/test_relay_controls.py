"""Whether a relay that fails at one kind of server serves a client at all."""

from types import SimpleNamespace
from typing import Any

import pytest

from dualstack.errors import ServiceError
from dualstack.families import Family
from dualstack.prober.messages import Outcome
from dualstack.world.relay_controls import served_from_inside

LOOPBACKS = ("127.0.0.1", "::1")


class Made:
    """A world whose relay serves its clients with some targets alone, and does not start with others."""

    def __init__(self, works: set[str], breaks: set[str]) -> None:
        """Prepare; nothing runs."""
        self.targets: dict[str, str] = {"to": "198.51.100.65"}
        self.service = SimpleNamespace(
            upstreams=SimpleNamespace(targets=self.targets, addresses=LOOPBACKS), start=self._start
        )
        self.client = SimpleNamespace(dial=self._dial)
        self._works, self._breaks = works, breaks
        self.asked: list[str] = []

    def note(self, text: str) -> None:
        """Take a step."""

    def addresses(self, family: Family) -> tuple[str, ...]:
        """Return the relay's addresses of a family."""
        return ("2001:db8::1",) if family is Family.IPV6 else ("198.51.100.1",)

    def _start(self) -> None:
        """Start with the target, or with ``localhost``, unless it breaks."""
        self.targets.setdefault("to", "localhost")
        self.asked.append(self.targets["to"])
        if self.targets["to"] in self._breaks:
            raise ServiceError("it ended")

    def _dial(self, _: Family, __: str) -> Any:
        """Return an answer if the relay works with its target."""
        ok = self.targets["to"] in self._works
        return SimpleNamespace(outcome=Outcome.ANSWERED if ok else Outcome.WRONG)


@pytest.mark.parametrize(
    ("works", "breaks", "literals", "served", "asked"),
    [
        pytest.param({"localhost"}, set(), True, True, ["localhost"], id="serves with localhost"),
        pytest.param({"127.0.0.1"}, set(), True, True, ["localhost", "127.0.0.1"], id="fails at servers of IPv6"),
        pytest.param({"::1"}, {"127.0.0.1"}, True, True, ["localhost", *LOOPBACKS], id="does not start with IPv4"),
        pytest.param(set(), set(), True, False, ["localhost", *LOOPBACKS], id="serves nobody"),
        pytest.param({"127.0.0.1"}, set(), False, False, ["localhost"], id="takes no addresses"),
    ],
)
def test_a_server_of_either_family_shows_that_a_client_is_served(
    works: set[str],
    breaks: set[str],
    literals: bool,  # noqa: FBT001 - a row of the table
    served: bool,  # noqa: FBT001 - a row of the table
    asked: list[str],
) -> None:
    """A relay serves a client if it does so with the name of its own host, or with an address of either family."""
    made: Any = Made(works, breaks)
    relay: Any = SimpleNamespace(name="to", literals=literals, port=9000)
    assert served_from_inside(made, relay, Family.IPV6) is served
    assert made.asked == asked
