"""The commands that work with the results of runs, with their help, examples and options."""

import argparse
import datetime as dt
from pathlib import Path

from dualstack.cli.commands import Commands
from dualstack.cli.formats import FORMATS
from dualstack.cli.options.common import Group


def add_report(commands: Commands) -> None:
    """Add ``report``."""
    report = commands.add(
        "report",
        "write the reports of a run again, also of a run that was killed",
        examples="  dualstack report\n  dualstack report dualstack-results/20300101T120000Z-abcd\n"
        "  dualstack report --format markdown > comment.md\n"
        "  dualstack report --compare main/results.json",
    )
    report.add_argument("folder", type=Path, nargs="?", help="the run's folder (default: dualstack-results/latest)")
    text = "print the path of the report, annotations for GitHub, or a page for jobs and pull requests (default: text)"
    report.add_argument("--format", choices=FORMATS, default="text", help=text)
    _add_compare(report)


def add_diff(commands: Commands) -> None:
    """Add ``diff``."""
    diff = commands.add(
        "diff",
        "compare the results of two runs: what is broken, fixed, new, gone",
        "Compare two runs case by case. A case is broken if it fails now and did not fail before. The exit code is 1\n"
        "if a case is broken, else 0.",
        "  dualstack diff dualstack-results/20300101T120000Z-abcd dualstack-results/latest\n"
        '  dualstack diff main/results.json dualstack-results/latest --format markdown >> "$GITHUB_STEP_SUMMARY"\n'
        "  dualstack diff before.json after.json --format json",
    )
    text = "results of the {} run: its folder, or its results.json"
    diff.add_argument("before", type=Path, metavar="BEFORE", help=text.format("earlier"))
    diff.add_argument("after", type=Path, metavar="AFTER", help=text.format("later"))
    text = "print a table, Markdown or JSON (default: text)"
    diff.add_argument("--format", choices=("text", "markdown", "json"), default="text", help=text)


def add_baseline(commands: Commands) -> None:
    """Add ``baseline``."""
    baseline = commands.add(
        "baseline",
        "write the failures of a run to a file, so that later runs fail only for new ones",
        "Write the failures of a run as a baseline: a TOML file with an entry for each requirement that a part of a\n"
        "service breaks. Edit it: say why each is accepted, and who fixes it until when. Then 'dualstack run\n"
        "--baseline FILE' fails only for other cases, and for entries that have expired.",
        "  dualstack baseline -o baseline.toml\n  dualstack run service.toml --baseline baseline.toml\n"
        "  dualstack baseline -o baseline.toml --add --owner 'network team' --expires 2030-01-31",
    )
    _add_results(baseline)
    text = "the file to write (default: baseline.toml)"
    baseline.add_argument("-o", "--output", type=Path, default=Path("baseline.toml"), metavar="FILE", help=text)
    which = baseline.add_mutually_exclusive_group()
    which.add_argument("--add", action="store_true", help="add failures that the file does not have; keep its text")
    which.add_argument("--force", action="store_true", help="replace an existing file")
    baseline.add_argument("--owner", default="", metavar="NAME", help="who fixes it: the owner of each new entry")
    when = baseline.add_mutually_exclusive_group()
    text = "the last day of each new entry"
    when.add_argument("--expires", type=_date, metavar="YYYY-MM-DD", help=text)
    text = "the last day of each new entry, in days from today (default: 90)"
    when.add_argument("--days", type=_days, default=90, metavar="N", help=text)


def add_statement(commands: Commands) -> None:
    """Add ``statement``."""
    statement = commands.add(
        "statement",
        "write what a run shows of each service, to publish it",
        "Write a support statement for each service: a page (HTML and Markdown), data (JSON) and a badge (SVG).\n"
        "It says in which combinations of the draft the service works, with which exceptions, what was not tested,\n"
        "and which run and build show it. It claims no more than the run has shown.",
        "  dualstack statement -o public/\n  dualstack statement results.json -o public/",
    )
    _add_results(statement)
    text = "the folder to write to (default: support-statement)"
    statement.add_argument("-o", "--output", type=Path, default=Path("support-statement"), metavar="DIR", help=text)


def add_gate(run: Group) -> None:
    """Add the options of ``run`` for continuous integration."""
    text = (
        "github: also print annotations, which GitHub shows beside the manifest; markdown: print a page for jobs and "
        "pull requests, and the progress on standard error (default: text)"
    )
    run.add_argument("--format", choices=FORMATS, default="text", help=text)
    _add_compare(run)
    text = "known issues that do not fail the run, in a file that 'dualstack baseline' wrote (repeatable)"
    run.add_argument("--baseline", type=Path, action="append", default=[], metavar="FILE", help=text)


def _add_compare(parser: Group) -> None:
    """Add the earlier run that a report is compared with."""
    text = "say in the report what differs from an earlier run: its folder, or its results.json"
    parser.add_argument("--compare", type=Path, metavar="RESULTS", help=text)


def _add_results(parser: argparse.ArgumentParser) -> None:
    """Add the results of one run."""
    text = "results of a run: its folder, or its results.json (default: dualstack-results/latest)"
    parser.add_argument("results", type=Path, nargs="?", metavar="RESULTS", help=text)


def _date(text: str) -> dt.date:
    """Return a day that is not over."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed: a day, as in 2030-01-31") from None
    if day < (today := dt.datetime.now(dt.UTC).date()):
        raise argparse.ArgumentTypeError(f"found {text!r}, which is over; allowed: {today} (UTC) or a later day")
    return day


def _days(text: str) -> int:
    """Return a number of days."""
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed: a number from 1 to {_MOST_DAYS}")
    return int(text)


_MOST_DAYS = 3660
"""A bug that is accepted for longer than ten years belongs into the manifest."""
