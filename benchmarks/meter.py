"""The accuracy of measured delays: a client of known delay, with and without priority, quiet and on a busy machine.

The bias is the median of (measured - known) delay, the interval is the one that reports show: from the minimum of three
repetitions less the error, which a second client of known delay gives, to that minimum. The last part is the time of a
full profile of one client: the requirements with measured times. Usage: ``python benchmarks/meter.py``; exit code 1 if
a target is missed. The priority (SCHED_FIFO) needs root.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from dualstack.content import ROOT
from dualstack.families import Family
from dualstack.lab.netns import NetnsBackend
from dualstack.measure import Measure
from dualstack.prober.messages.pacing import Pace
from dualstack.results import read_records
from dualstack.topology import load_topology
from dualstack.wire.capture import Capture
from dualstack.wire.racing import lateness
from dualstack.world.races import CALIBRATION_DELAY, ROUNDING

DELAYS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
TIMES = 9
MOST_BIAS, MOST_P95 = 0.5, 2.0
"""The targets with priority, in milliseconds."""

MOST_OUTSIDE = 0.05
"""The largest share of intervals without the known delay."""

MOST_SECONDS = 30.0
MEASURED = ("DNS-002", "DNS-004", "DNS-005", "DNS-006", "DNS-009")
CLIENT = ROOT / "fixtures" / "services" / "reference" / "racing.toml"


@contextlib.contextmanager
def priority(*, wanted: bool) -> Iterator[None]:
    """Run this process, and what it forks, before every ordinary process while the block lasts."""
    if wanted:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep every processor busy while the block runs."""
    spin = [sys.executable, "-c", "while True: pass"]
    with contextlib.ExitStack() as running:
        for _ in range(processes):
            process = running.enter_context(subprocess.Popen(spin))
            running.callback(process.kill)
        yield


def measured() -> dict[float, tuple[list[float], list[float]]]:
    """Return for each delay how late each pair of connections was, and how late those of the calibration were."""
    backend = NetnsBackend()
    lab = backend.up(load_topology("dual-stack"))
    client, server = lab.hosts["service"], lab.hosts["peer"].plan
    first, second = server.address(Family.IPV6), server.address(Family.IPV4)
    found = {}
    ports = count(65010)
    try:
        with tempfile.TemporaryDirectory() as name:
            for number, delay in enumerate(DELAYS):
                own, other = next(ports), next(ports)
                capture = Capture.start(client, Path(name) / f"{number}.pcap")
                for _ in range(TIMES):
                    client.prober.call(Pace(first, second, own, delay))
                    client.prober.call(Pace(first, second, other, CALIBRATION_DELAY, times=3))
                wire = capture.stop()
                found[delay] = (
                    [late * 1000 for late in lateness(wire, own, delay)],
                    [late * 1000 for late in lateness(wire, other, CALIBRATION_DELAY)],
                )
    finally:
        lab.close()
        backend.close()
    return found


def outside(found: dict[float, tuple[list[float], list[float]]]) -> tuple[int, int]:
    """Return how many intervals do not contain the known delay, and how many there are."""
    missed, all_of_them = 0, 0
    for delay, (late, calibrated) in found.items():
        for at in range(0, TIMES - 2, 3):
            seconds = [delay + item / 1000 for item in late[at : at + 3]]
            error = max(calibrated[3 * at : 3 * at + 9]) / 1000 + ROUNDING
            measure = Measure.of("x", seconds, error=error)
            missed += not measure.low - 0.05 <= delay * 1000 <= measure.high + 0.05
            all_of_them += 1
    return missed, all_of_them


def show(title: str, *, urgent: bool) -> tuple[float, float, float]:
    """Measure and print; return the bias and the 95th percentile in milliseconds, and the share of wrong intervals."""
    with priority(wanted=urgent):
        found = measured()
    for delay, (late, _) in found.items():
        print(f"  {title}, {delay * 1000:5.0f} ms: min {min(late):.2f}, median {statistics.median(late):.2f}, "
              f"max {max(late):.2f} ms late")  # fmt: skip
    every = sorted(item for late, _ in found.values() for item in late)
    bias, p95 = statistics.median(every), every[int(len(every) * 0.95)]
    missed, number = outside(found)
    print(f"{title}: bias {bias:.2f} ms, p95 {p95:.2f} ms; {number - missed} of {number} intervals are true")
    return bias, p95, missed / number


def profile() -> float:
    """Return the seconds that a full profile of one client takes with two workers."""
    with tempfile.TemporaryDirectory() as name:
        chosen = [word for requirement in MEASURED for word in ("--requirement", requirement)]
        words = ["run", "-n", "2", "--results", name, *chosen, "--element", "once", str(CLIENT)]
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "dualstack", *words], stdout=subprocess.DEVNULL, check=False)
        seconds = time.perf_counter() - began
        cases = sum(1 for _ in read_records(Path(name) / "latest"))
    print(f"profile of one client: {cases} cases in {seconds:.1f} s (target ≤ {MOST_SECONDS:g} s)")
    return seconds


def main() -> None:
    """Print the accuracy; exit with 1 if a target is missed."""
    cores = os.cpu_count() or 1
    print(f"load average {os.getloadavg()[0]:.1f} on {cores} cores")
    bias, p95, wrong = show("with priority, quiet", urgent=True)
    shares = [wrong, show("without priority, quiet", urgent=False)[2]]
    with busy(2 * cores):
        shares += [
            show(f"{words} priority, busy", urgent=urgent)[2] for words, urgent in (("with", True), ("without", False))
        ]
    print(f"bias {bias:.2f} ms (target ≤ {MOST_BIAS}), p95 {p95:.2f} ms (target ≤ {MOST_P95})")
    good = bias <= MOST_BIAS and p95 <= MOST_P95 and max(shares) <= MOST_OUTSIDE
    sys.exit(not (good and profile() <= MOST_SECONDS))


if __name__ == "__main__":
    main()
