"""How many attempts CONNECT-018 allows a daemon whose server has gone."""

import importlib
from dataclasses import replace

import pytest

from dualstack.families import Family
from dualstack.transport import Transport
from dualstack.wire.attempts import Attempt, Fate
from dualstack.wire.flows import Flow

suite = importlib.import_module("dualstack.content.suites.connect.test_reconnecting")

GONE = 10.0
"""When the server went."""


def flow(time: float, fate: Fate = Fate.REFUSED) -> Flow:
    """Return a connection that began at a time."""
    return Flow(Attempt(Family.IPV6, Transport.TCP, "", 1, "2001:db8::9", 2, 3, (time,), fate, 0.0001, "", ()))


KEPT = replace(flow(1.0, Fate.ANSWERED), ended=GONE + 0.001)
CLOSED = replace(flow(2.0, Fate.ANSWERED), client_ended=3.0)


@pytest.mark.parametrize(
    ("before", "after", "ok"),
    [
        pytest.param([KEPT], 20, True, id="one connection"),
        pytest.param([KEPT], 21, False, id="one connection without pauses"),
        pytest.param([KEPT] * 40, 80, True, id="a pool that pauses"),
        pytest.param([KEPT] * 2, 41, False, id="a pool without pauses"),
        pytest.param([CLOSED] * 40, 21, False, id="connections that had ended"),
        pytest.param([], 20, True, id="none left"),
    ],
)
def test_attempts_are_allowed_for_each_lost_connection(before: list[Flow], after: int, ok: bool) -> None:  # noqa: FBT001 - a row of the table
    """Each connection that was open when the server went may be tried again as often as a single one."""
    later = [flow(GONE + 0.01 * number) for number in range(after)]
    assert suite.pauses([*before, *later], GONE).ok is ok
