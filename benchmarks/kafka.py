"""A real Kafka broker, and a cluster of three: from the start of the command to the last verdict.

The verified requirements are those that the exam verifies of brokers that are configured right. The broker is fetched
and its storage formatted before the measurement. Protocol time is the time that the cases wait for the service: its
start, the exchanges, its end; see ``benchmarks/harness.py``. Exit code 1 if a target is missed, or if a verdict is not
as the manifest says. Needs Java and Maven.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dualstack.content import ROOT
from dualstack.results import Record, read_records
from dualstack.verdict import Verdict

FOLDER = ROOT / "fixtures" / "services" / "named" / "kafka"
REQUIRED = ("START-001", "META-001", "LISTEN-001", "LISTEN-002", "LISTEN-003", "LISTEN-004")
TARGETS = {"kafka": (90.0, 2), "three": (180.0, 1)}
"""The longest time in seconds, and the number of workers: two brokers, or three, run at the same time."""

FINE = {Verdict.PASS, Verdict.KNOWN, Verdict.NOT_APPLICABLE}


def verify(name: str, workers: int) -> tuple[float, list[Record]]:
    """Verify a manifest; return the wall seconds and the records."""
    chosen = [word for requirement in REQUIRED for word in ("--requirement", requirement)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dualstack", "run", "-n", str(workers), "--results", folder, *chosen]
        began = time.perf_counter()
        done = subprocess.run([*command, FOLDER / f"{name}.toml"], capture_output=True, text=True, check=False)
        wall = time.perf_counter() - began
        latest = Path(folder, "latest")
        if not latest.exists():
            sys.exit(f"the run left no results:\n{done.stdout}{done.stderr}")
        return wall, list(read_records(latest))


def main() -> None:
    """Print the times against their targets, and the ratios."""
    fetched = subprocess.run([sys.executable, FOLDER / "fetch.py"], check=False)
    if fetched.returncode != 0:
        sys.exit("the broker was not fetched")
    good = True
    for name, (most, workers) in TARGETS.items():
        wall, records = verify(name, workers)
        waited = sum(item.waited for item in records)
        ran = [item for item in records if item.verdict is not Verdict.NOT_APPLICABLE]
        unlike = [f"{item.case}: {item.verdict.value}: {item.reason}" for item in records if item.verdict not in FINE]
        print(f"{name}, {len(ran)} cases, -n {workers}: {wall:.1f} s (target ≤ {most:g} s), protocol {waited:.1f} s")
        print(f"  wall / target: {wall / most:.2f}; wall x workers / protocol time: {wall * workers / waited:.2f}")
        print("".join(f"  {line}\n" for line in unlike), end="")
        good &= wall <= most and not unlike
    sys.exit(not good)


if __name__ == "__main__":
    main()
