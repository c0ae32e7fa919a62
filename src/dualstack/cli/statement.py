"""``dualstack statement``: write what a run shows of each service, to publish it."""

import argparse
from pathlib import Path

from dualstack.errors import UsageError
from dualstack.report.reading import read_results
from dualstack.report.statement import support_statements
from dualstack.report.statement_files import file_names, write_statement
from dualstack.session import LATEST, RESULTS


def main(options: argparse.Namespace) -> int:
    """Write a page, data and a badge for each service; print the paths of the pages and what they say."""
    statements = support_statements(read_results(options.results or Path(RESULTS, LATEST)))
    if not statements:
        raise UsageError(f"{options.results or Path(RESULTS, LATEST)}: no service was verified")
    names = file_names([item.service for item in statements])
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        for item in statements:
            page, *_ = write_statement(item, options.output, names[item.service])
            print(f"{page}: {item.service}: {item.headline}")
    except OSError as error:
        raise UsageError(f"{error.filename or options.output}: cannot be written: {error.strerror}") from None
    return 0
