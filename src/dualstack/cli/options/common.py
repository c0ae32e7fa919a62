"""Options that several commands have, and the values that options take."""

import argparse
import os
from pathlib import Path

from dualstack.backend_names import BACKENDS

_MOST_A_CORE = 16
"""So many parallel cases on one CPU core delay one another until results depend on the load."""

Group = argparse.ArgumentParser | argparse._ArgumentGroup  # noqa: SLF001 - argparse has no public name for it
"""What takes options: a command, or a group of its options."""


def add_manifests(parser: argparse.ArgumentParser, *, labs: bool = False, number: str = "+") -> None:
    """Add the manifests and, if the command makes labs, the kind of lab."""
    if labs:
        add_lab(parser)
    parser.add_argument(
        "manifest", type=Path, nargs=number, metavar="FILE", help="manifest of a service (service.toml)"
    )


def add_lab(parser: Group) -> None:
    """Add the kind of lab."""
    text = (
        f"kind of lab: {BACKENDS[0]} (default; runs the programs of this machine) or {BACKENDS[1]} (runs the service's "
        "container image)"
    )
    parser.add_argument("--lab", choices=BACKENDS, default=BACKENDS[0], metavar="KIND", help=text)


def add_suites(parser: Group) -> None:
    """Add the folders of suites from outside."""
    text = "add the suites, topologies and protocols in this folder (repeatable; see dualstack help own-suites)"
    parser.add_argument("--suites", type=Path, action="append", default=[], metavar="DIR", help=text)


def add_only(parser: Group, name: str, metavar: str, text: str) -> None:
    """Add an option that restricts the command; it can be repeated."""
    parser.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=f"{text} (repeatable)")


def add_json(parser: Group) -> None:
    """Add the option for data."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def workers(text: str) -> int:
    """Return a number of parallel processes or labs, which this machine can run."""
    most = _MOST_A_CORE * len(os.sched_getaffinity(0))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        allowed = f"a number from 1 to {most} ({_MOST_A_CORE} for each CPU core)"
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed: {allowed}")
    return int(text)


def workers_or_auto(text: str) -> int | None:
    """Return a number of parallel processes; None if the command chooses it."""
    return None if text == "auto" else workers(text)


def seconds(text: str) -> float:
    """Return a time that is longer than 0."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed: a number of seconds above 0")
    return found
