"""``dualstack report``: write a run's reports again."""

import argparse
from pathlib import Path

from dualstack.errors import UsageError
from dualstack.report import write_all
from dualstack.results import RECORDS, RUN
from dualstack.session import RESULTS


def main(options: argparse.Namespace) -> int:
    """Write the reports of the run in the folder."""
    folder = options.folder or Path(RESULTS, "latest")
    if not any((folder / name).is_file() for name in (RECORDS, RUN)):
        raise UsageError(f"{folder}: no run's results (it has neither {RECORDS} nor {RUN})")
    try:
        write_all(folder)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
    print(folder.resolve() / "report.html")
    return 0
