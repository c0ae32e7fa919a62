"""SIGKILL of the command at any moment: 2 s later there is no process, namespace or file of it.

``DUALSTACK_KILLS=1000`` makes it as many kills; one in five comes within the first second.
"""

import os
import random
import subprocess
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.conftest import Site

KILLS = int(os.environ.get("DUALSTACK_KILLS", "10"))
EARLY = 1.0
"""Seconds in which there are the most different things to be killed: imports, forks, namespaces."""

LATE = 4.0
GONE = 2.0
"""Seconds in which everything must be gone."""

BUSY = float(os.environ.get("DUALSTACK_PATIENCE", "3"))
"""How many times as long that may take on a machine that is busy with something else."""

ARGUMENTS = ("--requirement", "LISTEN-001", "--requirement", "LIFE-001")


def test_nothing_outlives_a_killed_command(site: "Site") -> None:
    """Of commands that are killed at random moments, with and without workers, nothing is left."""
    chance = random.Random(int(os.environ.get("DUALSTACK_SEED", "1")))  # noqa: S311 - no secret
    manifests = [site.service(f"correct{number}", "serve(bound())") for number in range(3)]
    slowest, left = 0.0, []
    for number in range(KILLS):
        moment = chance.uniform(0, EARLY) if number % 5 == 0 else chance.uniform(EARLY, LATE)
        live = site.start(*ARGUMENTS, "-n", str(number % 3), *manifests)
        try:
            live.process.wait(moment)
        except subprocess.TimeoutExpired:
            site.meet_tenants()
        live.process.kill()
        live.process.wait()
        killed = monotonic()
        lines = site.left(seconds=GONE * BUSY)
        slowest = max(slowest, monotonic() - killed)
        left += [f"kill {number} after {moment:.3f} s: {line}" for line in lines]
        site.forget_tenants()
    print(f"{KILLS} kills, {len(left)} left, gone within {slowest:.2f} s")  # noqa: T201 - the measurement
    assert left == []
