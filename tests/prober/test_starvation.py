"""How long a program is waited for: its timeout, extended by CPU starvation."""

import os
from collections.abc import Callable

import pytest

from dualstack.errors import DeadlineExpired
from dualstack.prober.client import ProgramHandle
from dualstack.prober.messages import STARVATION_FACTOR, Await
from dualstack.prober.processes import cpu_starvation
from dualstack.transport import Transport
from dualstack.world.patience import Patience

NEVER = Await(7500, Transport.TCP, None, 0.5)

# Six processes compete for one CPU.
CROWDED = """
import os
os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
for _ in range(5):
    if os.fork() == 0: break
while True: pass
"""


def test_time_without_a_cpu_does_not_count(start: Callable[..., ProgramHandle]) -> None:
    """A starved program is waited for longer than its timeout, but not endlessly."""
    readiness = start(CROWDED).wait_ready(NEVER)
    assert not readiness.ready
    assert readiness.seconds > NEVER.timeout * 1.5
    assert readiness.seconds < NEVER.timeout * STARVATION_FACTOR * 3  # the prober may be kept waiting too


def test_every_thread_counts(start: Callable[..., ProgramHandle]) -> None:
    """The time without a CPU is that of any thread: the first thread of a Java program only waits for the others."""
    aside = CROWDED.replace("while True: pass", "import threading\ndef run():\n while True: pass\n")
    readiness = start(f"{aside}threading.Thread(target=run).start()").wait_ready(NEVER)
    assert readiness.starved > NEVER.timeout / 2
    assert "the machine was too busy" in readiness.hardly_ran


def test_a_connector_gets_the_time_without_a_cpu(start: Callable[..., ProgramHandle]) -> None:
    """The end of a starved program is awaited for longer than its timeout, but not endlessly."""
    patience = Patience(start(CROWDED), NEVER.timeout, "the end")
    with pytest.raises(DeadlineExpired):
        patience.await_end()
    assert NEVER.timeout * 1.5 < patience.seconds <= NEVER.timeout * STARVATION_FACTOR


def test_time_asleep_counts(start: Callable[..., ProgramHandle]) -> None:
    """A sleeping program has its timeout, extended by the starvation during its start."""
    program = start("import time; time.sleep(600)")
    readiness = program.wait_ready(NEVER)
    assert not readiness.ready
    assert NEVER.timeout <= readiness.seconds < NEVER.timeout * STARVATION_FACTOR * 3


def test_the_kernel_counts_starvation() -> None:
    """The time of a process only grows; for an ended process it is 0."""
    before = cpu_starvation([os.getpid()])
    assert 0 <= before <= cpu_starvation([os.getpid(), 2**22 + 1])
    assert cpu_starvation([2**22 + 1]) == 0
