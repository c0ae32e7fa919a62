"""The meter in a lab: delays of clients that are known are measured, and the interval has the true one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.families import Family
from dualstack.lab.netns import NetnsLab
from dualstack.measure import Measure
from dualstack.prober.messages.pacing import Pace
from dualstack.topology import Topology
from dualstack.wire.capture import Capture
from dualstack.wire.racing import lateness, race
from dualstack.world.races import CALIBRATION_DELAY, CALIBRATION_PORT, ROUNDING

MakeLab = Callable[[Topology | str], NetnsLab]

TIMES = 3


@pytest.mark.parametrize("delay", [0.01, 0.05, 0.25, 1.0, 2.0])
def test_the_interval_has_the_known_delay(make_lab: MakeLab, tmp_path: Path, delay: float) -> None:
    """Of three repetitions the minimum is at most the error longer than the delay, and not shorter than it."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"].plan
    first, second = server.address(Family.IPV6), server.address(Family.IPV4)
    port = CALIBRATION_PORT + 1
    with Capture.start(client, tmp_path / "meter.pcap") as capture:
        for _ in range(TIMES):
            client.prober.call(Pace(first, second, port, delay))
            client.prober.call(Pace(first, second, CALIBRATION_PORT, CALIBRATION_DELAY, times=TIMES))
        wire = capture.stop()
    late = lateness(wire, port, delay)
    assert len(late) == TIMES
    assert min(late) > -0.0005
    error = max(lateness(wire, CALIBRATION_PORT, CALIBRATION_DELAY)) + ROUNDING
    found = Measure.of("delay", [delay + item for item in late], error=error)
    assert found.low <= delay * 1000 <= found.high + 0.5


def test_a_pair_of_connections_is_a_race(make_lab: MakeLab, tmp_path: Path) -> None:
    """The client of known delay tries one address of each family, one after the other, and sends nothing."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"].plan
    first, second = server.address(Family.IPV6), server.address(Family.IPV4)
    with Capture.start(client, tmp_path / "meter.pcap") as capture:
        client.prober.call(Pace(first, second, CALIBRATION_PORT, 0.01))
        found = race(capture.stop(), CALIBRATION_PORT)
    assert [item.dst for item in found.attempts] == [first, second]
    assert all(item.sent == 0 for item in found.flows)
