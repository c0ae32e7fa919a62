"""What is concluded where a service does not start with one IPv6 address as listen address."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from dualstack.errors import NothingToJudge, ServiceError
from dualstack.families import Family
from dualstack.world.listening import ListenerWorld
from dualstack.world.prerequisites import require_start, start_at

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

LISTEN = (
    'environment = { BIND = "{bind}" }\n[[listen]]\nname = "main"\nport = 8080\n[listen.bind]\n'
    'any = "*"\nipv6_address = "[{address}]"\n'
)


def test_a_service_that_starts_with_no_ipv6_address(
    make_world: Callable[..., "MadeUp"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """LISTEN-011 is about that; requirements on one listen address do not apply."""
    made = make_world(ListenerWorld, LISTEN, "multi-address")
    first, second, *_ = made.world.addresses(Family.IPV6)
    works = {first: False, second: False}

    def start(bind: str, families: Sequence[Family]) -> None:
        assert families == [Family.IPV6]
        if not works[bind.strip("[]")]:
            raise ServiceError(f"it does not start with {bind}")

    monkeypatch.setattr(made.world.service, "start", start)
    for address in (first, second):
        with pytest.raises(NothingToJudge, match="LISTEN-011"):
            start_at(made.world, address)
    with pytest.raises(NothingToJudge, match="LISTEN-011"):
        require_start(made.world)
    works[first] = True
    start_at(made.world, first)
    require_start(made.world)
    with pytest.raises(ServiceError, match="does not start with"):
        start_at(made.world, second)
