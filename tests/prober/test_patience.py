"""How long a program is waited for: its time-out, and what other programs took from it."""

import os
from collections.abc import Callable

from dualstack.manifest.models import Transport
from dualstack.prober.client import HostProgram
from dualstack.prober.messages import PATIENCE, Await
from dualstack.prober.processes import kept_waiting

NEVER = Await(7500, Transport.TCP, None, 0.5)

# Six processes want the one processor that they may have.
CROWDED = """
import os
os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
for _ in range(5):
    if os.fork() == 0: break
while True: pass
"""


def test_time_without_a_processor_does_not_count(start: Callable[..., HostProgram]) -> None:
    """A program that others keep from running is waited for longer than its time-out, but not for ever."""
    readiness = start(CROWDED).wait_ready(NEVER)
    assert not readiness.ready
    assert readiness.seconds > NEVER.timeout * 1.5
    assert readiness.seconds < NEVER.timeout * PATIENCE * 3  # the prober may be kept waiting too


def test_time_asleep_counts(start: Callable[..., HostProgram]) -> None:
    """A program that could run, and does nothing, has its time-out and what its start was kept waiting."""
    program = start("import time; time.sleep(600)")
    readiness = program.wait_ready(NEVER)
    assert not readiness.ready
    assert NEVER.timeout <= readiness.seconds < NEVER.timeout * PATIENCE * 3


def test_waiting_is_told_by_the_kernel() -> None:
    """What the kernel counts for a process grows only; of one that is gone there is nothing."""
    before = kept_waiting([os.getpid()])
    assert 0 <= before <= kept_waiting([os.getpid(), 2**22 + 1])
    assert kept_waiting([2**22 + 1]) == 0
