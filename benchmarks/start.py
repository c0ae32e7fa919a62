"""The cost of a run besides its cases: one case, and all cases of the reference service, against another version.

Usage: ``python benchmarks/start.py [CHECKOUT]``: CHECKOUT is a folder with another version of this project. Both
versions take turns, in the Python environment of this program, and the medians of their ratios are printed.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from dualstack.content import ROOT

ROUNDS = 5
ONE = ("--requirement", "LISTEN-001", "--topology", "dual-stack")
REFERENCE = Path("fixtures", "services", "reference", "echo.toml")


def run(checkout: Path, options: Sequence[str], folder: Path) -> tuple[float, float]:
    """Verify the reference service with the version in ``checkout``; return wall seconds and processor seconds."""
    command = [sys.executable, "-m", "dualstack", "run", *options, "--results", str(folder), str(checkout / REFERENCE)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(checkout / "src")}, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"the run exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the figures, as ratios where there is another version."""
    others = [Path(argument).resolve() for argument in sys.argv[1:2]]
    for title, options in (("one case", ONE), ("all cases", ()), ("all cases, -n 1", ("-n", "1"))):
        with tempfile.TemporaryDirectory() as name:
            rounds = [[run(checkout, options, Path(name)) for checkout in (ROOT, *others)] for _ in range(ROUNDS)]
        wall, processor = (statistics.median(round_[0][side] for round_ in rounds) for side in (0, 1))
        print(f"{title}: {wall:.2f} s wall, {processor:.2f} s of the processors")
        if others:
            ratios = [statistics.median(r[1][side] / r[0][side] for r in rounds) for side in (0, 1)]
            print(
                f"  the other version takes {ratios[0]:.2f} times the wall time, {ratios[1]:.2f} times the processors'"
            )


if __name__ == "__main__":
    main()
