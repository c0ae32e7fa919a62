"""How many clients are silent at the same time."""

import pytest

from dualstack.prober.messages import Stage
from tests.world.test_suite_judgements import suite

CONNECTED, HALF_SENT = Stage.CONNECTED, Stage.HALF_SENT


@pytest.mark.parametrize(("room", "held"), [(1, [[CONNECTED], [HALF_SENT]]), (2, [[CONNECTED, HALF_SENT]])])
def test_one_client_always_has_room(room: int, held: list[list[Stage]]) -> None:
    """A service for two clients gets one silent client of each family at a time."""
    assert suite("robustness.test_resets_and_silence").silences(room) == held
