"""The prober waits until a multicast group is joined on its host."""

from collections.abc import Callable
from time import monotonic

import pytest

from dualstack.deadline import Deadline
from dualstack.lab.protocol import Program
from dualstack.prober.client import Prober
from dualstack.prober.messages.tables import AwaitGroup

GROUPS = ("239.255.0.9", "ff01::9")
JOIN = """
import socket, sys, time
group = sys.stdin.readline().strip()
six = ":" in group
made = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
print("up", flush=True)
time.sleep(0.3)
packed = socket.inet_pton(made.family, group)
index = socket.if_nametoindex("lo").to_bytes(4, sys.byteorder)
if six: made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed + index)
else: made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed + socket.inet_aton("127.0.0.1"))
time.sleep(60)
"""


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_that_is_joined_later_is_waited_for(prober: Prober, start: Callable[..., Program], group: str) -> None:
    """The answer comes when the group is joined, long before the time is up."""
    program = start(JOIN, input=f"{group}\n")
    assert program.wait_log("^up$", Deadline(10, "the program")) is not None
    began = monotonic()
    assert prober.call(AwaitGroup(group, 30.0))
    assert monotonic() - began < 20


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_that_is_never_joined_is_waited_for_until_the_time_is_up(prober: Prober, group: str) -> None:
    """Without a member the answer is no, once the time is up."""
    began = monotonic()
    assert not prober.call(AwaitGroup(group, 0.2))
    assert monotonic() - began >= 0.2
