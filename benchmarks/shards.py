"""A run in four shards against the same run on one machine: the time of the longest shard, and whether it is the same.

The shards run one after the other on this machine, as they would at the same time on four. They are balanced by the
durations of the whole run. Each round measures both, and the results are ratios.

Usage: ``python benchmarks/shards.py [ROUNDS]``; it exits with 1 if a target is missed, or if verdicts differ.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dualstack.content import ROOT
from dualstack.results import read_records

SERVICES = ROOT / "fixtures" / "services" / "reference"
MANIFESTS = [SERVICES / "echo.toml", SERVICES / "local.toml"]
SHARDS = 4
LONGEST, BALANCE = 0.40, 1.30
"""The targets: the longest shard and the merging as a part of the whole run, and the longest by the shortest shard."""

WANTED = ("LISTEN", "START", "INTEROP", "SEC")


def timed(*words: str | Path) -> float:
    """Run a dualstack command; return its wall time in seconds."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dualstack", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{words[0]} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def verdicts(folder: Path) -> dict[str, str]:
    """Return the verdicts of a run, by case."""
    return {item.case: item.verdict.value for item in read_records(folder)}


def measured(folder: Path) -> tuple[float, list[float], float, bool]:
    """Return the seconds of the whole run, of each shard and of the merging, and whether the verdicts are the same."""
    wanted = [word for name in WANTED for word in ("--requirement", name)]
    options: tuple[str | Path, ...] = ("run", *MANIFESTS, *wanted, "-n", "1", "--results")
    whole = timed(*options, folder / "whole")
    durations = (folder / "whole" / "latest").resolve()
    parts = [folder / f"shard-{number}" for number in range(1, SHARDS + 1)]
    shards = [
        timed(*options, part, "--shard", f"{number}/{SHARDS}", "--durations", durations)
        for number, part in enumerate(parts, 1)
    ]
    merging = timed("merge", *parts, "-o", folder / "merged")
    return whole, shards, merging, verdicts(folder / "merged") == verdicts(durations)


def main() -> None:
    """Print the ratios with their targets; exit with 1 if one is missed."""
    rounds = []
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        with tempfile.TemporaryDirectory() as name:
            rounds.append(measured(Path(name)))
    for whole, shards, merging, same in rounds:
        parts = ", ".join(f"{seconds:.1f}" for seconds in shards)
        verdict = "the same verdicts" if same else "VERDICTS DIFFER"
        print(f"whole {whole:.1f} s; shards {parts} s; merge {merging:.1f} s; {verdict}")
    longest = statistics.median((max(shards) + merging) / whole for whole, shards, merging, _ in rounds)
    balance = statistics.median(max(shards) / min(shards) for _, shards, _, _ in rounds)
    print(f"  longest shard and merge / whole: {longest:.2f} (target ≤ {LONGEST:.2f})")
    print(f"  longest / shortest shard: {balance:.2f} (target ≤ {BALANCE:.2f})")
    sys.exit(longest > LONGEST or balance > BALANCE or not all(same for *_, same in rounds))


if __name__ == "__main__":
    main()
