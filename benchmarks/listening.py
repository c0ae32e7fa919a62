"""The cost of the listening suite for one service, for each further service and topology, and in memory over 500 cases.

The services are copies of the reference service with other names, so that only their number changes. Usage: ``python
benchmarks/listening.py``; exit code 1 if a target is missed.
"""

import contextlib
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from dualstack.content import ROOT

REFERENCE = ROOT / "fixtures" / "services" / "reference" / "echo.toml"
TOPOLOGIES = sorted(path.stem for path in (ROOT / "topologies").glob("*.toml"))
SERVICES = (1, 5, 10, 20, 30)
WORKERS = 4
MOST_SECONDS = 30.0
MOST_DEVIATION = 0.15
"""The largest distance of a measured time from the straight line through all times, as a share of the longest."""

MOST_GROWTH = 1.1
"""The largest memory of a worker after all cases, as a multiple of its memory after the first hundred."""

EARLY, WINDOW = 100, 50
"""The number of cases before the first memory measurement, and the number of cases that each measurement covers."""

LOOK = 0.2
"""Seconds between two measurements of a running worker."""


def copies(folder: Path, number: int) -> list[Path]:
    """Write copies of the reference service's manifest that differ in their names; return their paths."""
    text = REFERENCE.read_text(encoding="utf-8")
    made = []
    for index in range(number):
        path = folder / f"echo-{index}.toml"
        named = text.replace('name = "reference"', f'name = "reference-{index}"', 1)
        path.write_text(named.replace("[service]", f'[service]\ndirectory = "{REFERENCE.parent}"', 1), encoding="utf-8")
        made.append(path)
    return made


def command(folder: Path, workers: int, manifests: Sequence[Path], topologies: Sequence[str] = ()) -> list[str]:
    """Return the command that runs the listening suite."""
    chosen = [word for name in topologies for word in ("--topology", name)]
    words = ["run", "--suite", "listen", "-n", str(workers), "--results", str(folder / "results"), *chosen]
    return [sys.executable, "-m", "dualstack", *words, *map(str, manifests)]


def seconds(folder: Path, manifests: Sequence[Path], topologies: Sequence[str] = ()) -> float:
    """Return the wall time of a run."""
    began = time.perf_counter()
    done = subprocess.run(command(folder, WORKERS, manifests, topologies), capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"the reference service does not pass:\n{done.stdout.decode()}{done.stderr.decode()}")
    return time.perf_counter() - began


def line(title: str, points: Sequence[tuple[int, float]]) -> bool:
    """Print the straight line through the points; return whether they are near it."""
    slope, start = statistics.linear_regression(*zip(*points, strict=True))
    off = max(abs(took - (start + slope * number)) for number, took in points) / max(took for _, took in points)
    told = ", ".join(f"{number}: {took:.1f} s" for number, took in points)
    print(f"{title}: {told}")
    print(f"  {start:.1f} s + {slope:.2f} s each; furthest from the line: {off:.0%} (target ≤ {MOST_DEVIATION:.0%})")
    return off <= MOST_DEVIATION


def growth(folder: Path, manifests: Sequence[Path]) -> tuple[int, float]:
    """Return the number of cases that one process ran, and its memory at the end as a multiple of that after a hundred.

    The reports, which it writes afterwards, do not count.
    """
    running = subprocess.Popen(command(folder, 0, manifests), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    descriptor = os.pidfd_open(running.pid)
    sizes: list[tuple[int, int]] = []
    records = folder / "results" / "latest" / "records.jsonl"
    try:
        while not select.select([descriptor], [], [], LOOK)[0]:
            pids = [running.pid, *_children(running.pid)]
            number = records.read_bytes().count(b"\n") if records.exists() else 0
            sizes.append((number, max(map(_resident, pids))))
    finally:
        os.close(descriptor)
        running.wait()
    cases = sizes[-1][0] if sizes else 0
    early = [size for number, size in sizes if EARLY <= number <= EARLY + WINDOW]
    late = [size for number, size in sizes if cases - WINDOW <= number < cases]
    if not early or not late:
        sys.exit(f"the run ended after {cases} cases, too few to see how its memory grows")
    return cases, statistics.median(late) / statistics.median(early)


def _children(parent: int) -> list[int]:
    """Return the children of a process; a kernel need not list them (CONFIG_PROC_CHILDREN)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            text = path.read_text(encoding="utf-8", errors="replace")
            if int(text[text.rindex(")") + 2 :].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found


def _resident(pid: int) -> int:
    """Return the resident memory of a process in pages; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifests = copies(folder, max(SERVICES))
        one = statistics.median(seconds(folder, manifests[:1]) for _ in range(3))
        print(f"the listening suite on one service, -n {WORKERS}: {one:.1f} s (target ≤ {MOST_SECONDS:g} s)")
        good = one <= MOST_SECONDS
        good &= line("services", [(number, seconds(folder, manifests[:number])) for number in SERVICES])
        some = [TOPOLOGIES[:number] for number in range(2, len(TOPOLOGIES) + 1, 2)]
        good &= line("topologies, 10 services", [(len(part), seconds(folder, manifests[:10], part)) for part in some])
        cases, ratio = growth(folder, manifests)
        print(f"memory of a worker after {cases} cases: {ratio:.2f} times that after 100 (target ≤ {MOST_GROWTH})")
        good &= ratio <= MOST_GROWTH
    sys.exit(not good)


if __name__ == "__main__":
    main()
