"""The newest earlier runs, and of each case the newest earlier result: its verdict and how long it took."""

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dualstack.casekey import CaseKey
from dualstack.results import RECORDS, SCHEMA
from dualstack.verdict import FAILURES, OUR_FAULT, Verdict

_MOST_RUNS = 20
"""How many runs are read at most: results that are older say little about the service of today."""

_FAILED = FAILURES | OUR_FAULT | {Verdict.BLOCKED}


@dataclass(frozen=True, slots=True)
class Earlier:
    """The newest result of a case.

    Attributes:
        verdict: Its verdict.
        seconds: How long it took.
    """

    verdict: Verdict
    seconds: float

    def failed(self, *, strict: bool) -> bool:
        """Return whether the case should run again: it failed, was blocked, or could not be judged.

        Args:
            strict: Whether a SHOULD counts like a MUST.
        """
        return self.verdict in _FAILED or (strict and self.verdict is Verdict.DEVIATES)


def earlier_results(results: Path, cases: Collection[CaseKey], manifests: Collection[Path]) -> dict[CaseKey, Earlier]:
    """Return the newest result of each of the cases that has one; what cannot be read is left out.

    Args:
        results: The folder that holds the folders of runs.
        cases: The cases that are asked for.
        manifests: The manifests that they belong to, as absolute paths: another service may have the same name.
    """
    wanted, names = set(cases), {str(path) for path in manifests}
    found: dict[CaseKey, Earlier] = {}
    for folder in newest_runs(results)[:_MOST_RUNS]:
        for key, result in _results_of(folder, names):
            if key in wanted:
                found.setdefault(key, result)
        if len(found) == len(wanted):
            break
    return found


def newest_runs(results: Path) -> list[Path]:
    """Return the folders of the runs that have results, the newest first; empty if the folder cannot be read."""
    with suppress(OSError):
        runs = [item for item in results.iterdir() if not item.is_symlink() and (item / RECORDS).is_file()]
        return sorted(runs, key=lambda item: (_written(item), item.name), reverse=True)
    return []


def _written(folder: Path) -> float:
    """Return when the last result of a run was written: run ids only count seconds."""
    with suppress(OSError):
        return (folder / RECORDS).stat().st_mtime
    return 0.0


def _results_of(folder: Path, manifests: set[str]) -> Iterator[tuple[CaseKey, Earlier]]:
    """Yield the results of a run, the last one of each case first."""
    try:
        lines = (folder / RECORDS).read_bytes().splitlines()
    except OSError:
        return
    for line in reversed(lines):
        with suppress(ValueError, KeyError, TypeError):
            data: dict[str, Any] = json.loads(line)
            if data["schema"] == SCHEMA and data["manifest"] in manifests:
                key = CaseKey(data["requirement"], data["subject"], data["element"], data["topology"])
                yield key, Earlier(Verdict(data["verdict"]), float(data["seconds"]))
