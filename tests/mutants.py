"""The mutation score of the tests of packet evidence and verdicts: the share of mutants of that code that they kill.

mutmut makes the mutants, and runs the tests that reach them. The recorder runs in a separate process inside a
namespace, which mutmut cannot trace: this program runs the recorder's tests on its remaining mutants. Afterwards
``mutmut results`` lists the survivors, and ``mutmut show NAME`` shows what each of them changes.

Takes about an hour on two processors. Exits with 1 if the score is below `LEAST`.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LEAST = 0.9
"""The least share of mutants that the tests must kill. Some mutants behave like the original, so 1 is impossible."""

PLACE = Path("mutants").absolute()
"""The folder in which mutmut keeps the mutants and their tests; Python's path must begin with its ``src``."""

ELSEWHERE = ("recorder", "ring")
"""The modules that run in a separate process."""

TESTS = "tests/wire/test_recorder.py"
"""The tests that start that process."""

SECONDS = 90
"""The time limit of these tests for one mutant, in seconds: ten times their normal time, for mutants that loop."""

SURVIVED, KILLED, NO_TESTS, TIMEOUT = 0, 1, 33, 36
"""Exit codes in mutmut's ``.meta`` files."""

STATES = {KILLED: "killed", 3: "killed", SURVIVED: "survived", NO_TESTS: "no tests", TIMEOUT: "timeout", -24: "timeout"}
COLUMNS = ("killed", "survived", "timeout", "no tests", "other")


def main() -> int:
    """Make the mutants, judge them and print a table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many mutants are tested at once")
    parser.add_argument("--table", action="store_true", help="only print the table of the last run")
    wanted = parser.parse_args()
    if not wanted.table:
        shutil.rmtree(PLACE, ignore_errors=True)
        (PLACE / "src").mkdir(parents=True)  # Python ignores folders of its path that do not exist
        mutmut = Path(sys.executable).with_name("mutmut")
        subprocess.run([mutmut, "run", "--max-children", str(wanted.workers)], env=environment(), check=True)
        judge_the_rest(wanted.workers)
    return 0 if show() >= LEAST else 1


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which Python, also where a test starts it, imports the mutants."""
    return os.environ | {"PYTHONPATH": str(PLACE / "src")} | more


def judge_the_rest(workers: int) -> None:
    """Test the surviving mutants of the modules in `ELSEWHERE`; store the results in mutmut's files."""
    with ThreadPoolExecutor(workers) as pool:
        for file, codes in verdicts():
            if module(file) not in ELSEWHERE:
                continue
            rest = [name for name, code in codes.items() if code in {NO_TESTS, SURVIVED}]
            for done, (name, code) in enumerate(zip(rest, pool.map(judge, rest), strict=True), 1):
                codes[name] = code
                print(f"\r{module(file)}: {done} of {len(rest)}", end="", flush=True)
            print()
            file.write_text(json.dumps(json.loads(file.read_text()) | {"exit_code_by_key": codes}, indent=4))


def judge(name: str) -> int:
    """Return the exit code of the tests with one mutant."""
    tests = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-x", "-q", TESTS],
        cwd=PLACE,
        env=environment(MUTANT_UNDER_TEST=name),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that the recorders can be ended with it
    )
    with tests:
        try:
            return KILLED if tests.wait(SECONDS) else SURVIVED
        except subprocess.TimeoutExpired:
            os.killpg(tests.pid, signal.SIGKILL)
            return TIMEOUT


def verdicts() -> Iterator[tuple[Path, dict[str, int | None]]]:
    """Yield mutmut's result file of each module, with the exit code of each mutant."""
    for file in sorted(PLACE.rglob("*.py.meta")):
        codes = json.loads(file.read_text())["exit_code_by_key"]
        if codes:
            yield file, codes


def module(file: Path) -> str:
    """Return the name of the module of a result file."""
    return file.name.removesuffix(".py.meta")


def show() -> float:
    """Print the results of each module; return the share of killed mutants."""
    print(f"{'module':20}" + "".join(f"{column:>10}" for column in COLUMNS) + f"{'score':>8}")
    everything: Counter[str] = Counter()
    for file, codes in verdicts():
        found = Counter(STATES.get(code, "other") if code is not None else "other" for code in codes.values())
        everything += found
        print(row(module(file), found))
    print(row("all", everything))
    return everything["killed"] / everything.total()


def row(name: str, found: Counter[str]) -> str:
    """Return a line of the table; every mutant that was not killed counts as alive."""
    numbers = "".join(f"{found[column]:10}" for column in COLUMNS)
    return f"{name:20}{numbers}{found['killed'] / found.total():8.1%}"


if __name__ == "__main__":
    sys.exit(main())
