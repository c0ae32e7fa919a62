"""What `dualstack.lab.tap` counts on an interface of a host."""

import json
from collections.abc import Callable

from dualstack.lab.netns import NetnsLab
from dualstack.topology import Topology


def test_a_frame_of_another_interface_is_not_counted(make_lab: Callable[[Topology | str], NetnsLab]) -> None:
    """A frame that loopback carries while the socket is made, and before it is bound, does not count for eth0."""
    with make_lab("ipv4-only").hosts["service"].inside("tapping:early_frame") as stream:
        counts = json.loads(stream.makefile().readline())
    assert counts == {"ipv4": 0, "ipv6": 0, "6in4": 0, "to all": 0}
