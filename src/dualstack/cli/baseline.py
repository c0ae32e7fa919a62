"""``dualstack baseline``: write the failures of a run to a file, so that later runs fail only for new ones."""

import argparse
import datetime as dt
import sys
from pathlib import Path

from dualstack.counting import count
from dualstack.errors import UsageError
from dualstack.manifest import load_baseline
from dualstack.report.atomic import write_atomically
from dualstack.report.baseline_text import HEAD, entries_of
from dualstack.report.gate import shown_place
from dualstack.report.reading import read_results
from dualstack.session import LATEST, RESULTS


def main(options: argparse.Namespace) -> int:
    """Write the baseline, or add to it what it does not have."""
    path: Path = options.output
    exists = path.exists()
    if exists and not (options.add or options.force):
        raise UsageError(f"{path}: exists; --add adds the failures that it does not have, --force replaces it")
    report = read_results(options.results or Path(RESULTS, LATEST))
    old = load_baseline(path) if exists and options.add else ()
    covered = {
        item.case: entry
        for item in report.records
        if report.fails(item)
        for entry in old
        if entry.names(item.key) and entry.covers(item.verdict.value)
    }
    expires = options.expires or dt.datetime.now(dt.UTC).date() + dt.timedelta(days=options.days)
    found = entries_of(report, options.owner, expires, covered)
    head = path.read_text(encoding="utf-8").rstrip("\n") + "\n" if exists and options.add else HEAD
    if found.text or not (exists and options.add):
        _write(path, f"{head}\n{found.text}" if found.text else head)
    print(f"{path}: {count(found.cases, 'case')} {'added' if exists and options.add else 'written'}")
    for place in sorted({shown_place(entry.place) for entry in covered.values() if entry.has_expired}):
        print(f"dualstack: {place}: expired, and still fails; change its date there", file=sys.stderr)
    for item in found.left_out:
        print(f"dualstack: {item.case}: not written: {item.verdict.value}: {item.reason}", file=sys.stderr)
    for warning in report.warnings:
        print(f"dualstack: note: {warning}", file=sys.stderr)
    return 0


def _write(path: Path, text: str) -> None:
    """Write the file in one step.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        write_atomically(path, text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
