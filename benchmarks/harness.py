"""The overhead of the harness: wall time against the waiting time of the cases, and the gain of parallel workers.

Protocol time is the time that a case must wait in any harness: for the service's start and readiness, exchanges, the
connector's runs, the service's end. It is the sum over the records of the measured run. All measurements alternate in
one run, and the results are ratios.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dualstack.content import ROOT
from dualstack.results import read_records

REFERENCE = ROOT / "fixtures" / "services" / "reference" / "echo.toml"
ZOO = sorted((ROOT / "fixtures" / "services" / "zoo").glob("*.toml"))
ROUNDS = 3


def run(folder: Path, workers: int, manifests: list[Path]) -> tuple[float, float, dict[str, str]]:
    """Verify services; return wall seconds, protocol seconds and the verdicts."""
    command = [sys.executable, "-m", "dualstack", "run", "-n", str(workers), "--results", str(folder)]
    began = time.perf_counter()
    subprocess.run([*command, *map(str, manifests)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall = time.perf_counter() - began
    records = list(read_records(folder / "latest"))
    return wall, sum(item.waited for item in records), {item.case: item.verdict.value for item in records}


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone = [run(folder, 1, [REFERENCE]) for _ in range(ROUNDS)]
        walls, waits = (statistics.median(column) for column in list(zip(*alone, strict=True))[:2])
        cases = len(alone[0][2])
        print(f"reference service, {cases} cases, one process: wall {walls:.2f} s, protocol {waits:.2f} s")
        print(f"  wall / protocol time: {walls / waits:.2f} (target ≤ 1.5)")
        plain = [path for path in ZOO if "packages" not in path.read_text(encoding="utf-8")]
        pairs = [(run(folder, 1, plain), run(folder, 4, plain)) for _ in range(ROUNDS)]
        ratio = statistics.median(one[0] / four[0] for one, four in pairs)
        same = all(one[2] == four[2] for one, four in pairs)
        one, four = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
        verdicts = "the same verdicts" if same else "VERDICTS DIFFER"
        print(f"zoo, {len(pairs[0][0][2])} cases: -n 1 {one:.1f} s, -n 4 {four:.1f} s; {verdicts}")
        print(f"  -n 1 / -n 4: {ratio:.2f} (target ≥ 1.7)")


if __name__ == "__main__":
    main()
