"""``dualstack report``: write a run's reports again."""

import argparse
import sys
from pathlib import Path

from dualstack.cli.publishing import publish
from dualstack.errors import UsageError
from dualstack.report import write_all
from dualstack.report.load import load
from dualstack.report.reading import read_results
from dualstack.results import RECORDS, RUN
from dualstack.session import RESULTS


def main(options: argparse.Namespace) -> int:
    """Write the reports of the run in the folder; print on standard error what cannot be read."""
    folder = options.folder or Path(RESULTS, "latest")
    if not any((folder / name).is_file() for name in (RECORDS, RUN)):
        raise UsageError(f"{folder}: no run's results (it has neither {RECORDS} nor {RUN}); dualstack run writes them")
    earlier = read_results(options.compare) if options.compare else None
    try:
        for damage in load(folder).damage:
            print(f"dualstack: {folder}: {damage}", file=sys.stderr)
        write_all(folder, earlier)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
    if options.format == "text":
        print(folder.resolve() / "report.html")
    publish(options.format, folder)
    return 0
