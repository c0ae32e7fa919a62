"""The score of the tests of packet evidence and verdicts: how many mutants of that code they notice.

mutmut makes the mutants, and judges them by the tests that it sees reach them. The recorder runs in a process of its
own inside a namespace, where mutmut sees nothing: what is left of its mutants is judged by its tests here. Afterwards
``mutmut results`` lists those that live, and ``mutmut show NAME`` says what each of them changes.

Takes about an hour of two processors. Exits with 1 if fewer mutants are noticed than `LEAST`.
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
"""The share of all mutants that the tests have to notice. Not all can be: some behave like what they were made of."""

PLACE = Path("mutants").absolute()
"""Where mutmut keeps the mutants and the tests that judge them; Python's path has to begin with its ``src``."""

ELSEWHERE = ("recorder", "ring")
"""The modules that run in a process of their own."""

TESTS = "tests/wire/test_recorder.py"
"""The tests that start that process."""

SECONDS = 90
"""How long these tests may take with one mutant, ten times what they take without; one that loops is stopped then."""

SURVIVED, KILLED, NO_TESTS, TIMEOUT = 0, 1, 33, 36
"""Exit codes as mutmut keeps them in its ``.meta`` files."""

STATES = {KILLED: "killed", 3: "killed", SURVIVED: "survived", NO_TESTS: "no tests", TIMEOUT: "timeout", -24: "timeout"}
COLUMNS = ("killed", "survived", "timeout", "no tests", "other")


def main() -> int:
    """Make the mutants, judge them and print a table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many mutants are judged at once")
    parser.add_argument("--table", action="store_true", help="only print the table of the last run")
    wanted = parser.parse_args()
    if not wanted.table:
        shutil.rmtree(PLACE, ignore_errors=True)
        (PLACE / "src").mkdir(parents=True)  # what is not there is left out of the path
        mutmut = Path(sys.executable).with_name("mutmut")
        subprocess.run([mutmut, "run", "--max-children", str(wanted.workers)], env=environment(), check=True)
        judge_the_rest(wanted.workers)
    return 0 if show() >= LEAST else 1


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which Python, also where a test starts it, imports the mutants."""
    return os.environ | {"PYTHONPATH": str(PLACE / "src")} | more


def judge_the_rest(workers: int) -> None:
    """Judge the mutants that mutmut saw no test notice, of what runs elsewhere; note the outcome where mutmut does."""
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
    """Return what becomes of the tests with one mutant."""
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
    """Yield the files in which mutmut notes what became of a module's mutants, with the exit codes by mutant."""
    for file in sorted(PLACE.rglob("*.py.meta")):
        codes = json.loads(file.read_text())["exit_code_by_key"]
        if codes:
            yield file, codes


def module(file: Path) -> str:
    """Return the name of the module whose mutants a file is about."""
    return file.name.removesuffix(".py.meta")


def show() -> float:
    """Print what became of how many mutants of each module; return the share that was noticed."""
    print(f"{'module':20}" + "".join(f"{column:>10}" for column in COLUMNS) + f"{'score':>8}")
    everything: Counter[str] = Counter()
    for file, codes in verdicts():
        found = Counter(STATES.get(code, "other") if code is not None else "other" for code in codes.values())
        everything += found
        print(row(module(file), found))
    print(row("all", everything))
    return everything["killed"] / everything.total()


def row(name: str, found: Counter[str]) -> str:
    """Return a line of the table; whatever was not killed counts as alive."""
    numbers = "".join(f"{found[column]:10}" for column in COLUMNS)
    return f"{name:20}{numbers}{found['killed'] / found.total():8.1%}"


if __name__ == "__main__":
    sys.exit(main())
