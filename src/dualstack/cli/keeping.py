"""After a failure: the lab in which it happened, again, with a shell in it (``dualstack run --keep``)."""

import argparse
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from dualstack.cli.parser import make_parser
from dualstack.cli.terminal import Terminal
from dualstack.report.load import load
from dualstack.results import Record
from dualstack.verdict import Verdict


def keep(folder: Path, console: Terminal) -> None:
    """Open a shell in the lab of the first case that failed in a run; where there is no terminal, print its command."""
    record = first_failure(load(folder).records)
    if record is None:
        return
    words = shell_words(record)
    console.print(f"shell     {shlex.join(['dualstack', *words])}", soft_wrap=True)
    if os.isatty(0) and os.isatty(1):
        from dualstack.cli import shell  # noqa: PLC0415 - imports the worlds, which most runs need in their forks only

        options: argparse.Namespace = make_parser().parse_args(words)
        shell.main(options)


def first_failure(records: Iterable[Record]) -> Record | None:
    """Return the first record of a case that failed; None if none did."""
    return next((record for record in records if record.verdict is Verdict.FAIL and record.manifest), None)


def shell_words(record: Record) -> list[str]:
    """Return the words after ``dualstack`` that open a shell in the lab of a case."""
    configuration = record.subject.partition("/")[2]
    chosen = ["--configuration", configuration] if configuration else []
    return ["shell", record.topology, os.path.relpath(record.manifest), *chosen]
