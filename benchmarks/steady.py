"""Whether verdicts stay the same on a busy machine: many runs beside one busy loop on every core.

The listening suite runs on the reference service, two real servers and a known-bad service, or on the given manifests.
Every case must have the same verdict as in the first run, before the load began. Usage: ``python benchmarks/steady.py
[RUNS [MANIFEST ...]]`` (default: 50 runs); exit code 1 if a verdict changed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dualstack.content import ROOT

SERVICES = ROOT / "fixtures" / "services"
MANIFESTS = [
    SERVICES / f"{name}.toml"
    for name in ("reference/echo", "real/nginx", "real/redis-server", "zoo/hardcoded-wildcard")
]
RUNS = 50
WORKERS = 4
BUSY = "while True: pass"


@contextmanager
def busy() -> Iterator[None]:
    """Keep every core busy."""
    loops = [subprocess.Popen([sys.executable, "-S", "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def verdicts(folder: Path, manifests: Sequence[str]) -> dict[str, str]:
    """Run the suite once and return each case's verdict."""
    command = [sys.executable, "-m", "dualstack", "run", "--suite", "listen", "-n", str(WORKERS)]
    done = subprocess.run([*command, "--results", str(folder), *manifests], capture_output=True, check=False)
    if done.returncode not in {0, 1}:
        sys.exit(f"the run failed:\n{done.stdout.decode()}{done.stderr.decode()}")
    lines = (folder / "latest" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["case"]: record["verdict"] for record in map(json.loads, lines) if "verdict" in record}


def main() -> None:
    """Print the figures."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    manifests = sys.argv[2:] or [str(path) for path in MANIFESTS]
    changed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        expected = verdicts(Path(name), manifests)
        print(
            f"{len(expected)} cases of {len(manifests)} manifests; now {runs} runs beside {os.cpu_count()} busy loops"
        )
        began = time.monotonic()
        with busy():
            for number in range(1, runs + 1):
                seen = verdicts(Path(name), manifests)
                for case in sorted(expected.keys() | seen.keys()):
                    if expected.get(case) != seen.get(case):
                        changed.append(f"run {number}: {case}: {expected.get(case)} -> {seen.get(case)}")
                        print(changed[-1])
        print(f"{len(changed)} verdicts changed in {runs} runs; {(time.monotonic() - began) / runs:.1f} s a run")
    sys.exit(bool(changed))


if __name__ == "__main__":
    main()
