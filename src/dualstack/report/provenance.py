"""Where, when and with which versions a run was made, as a person reads it."""

import shlex
from datetime import datetime

from dualstack.runinfo import RunInfo


def started(run: RunInfo) -> str:
    """Return when the run began: ``20 November 2026, 16:31:07 UTC``; empty if that is not known."""
    try:
        return datetime.fromisoformat(run.started).strftime("%d %B %Y, %H:%M:%S %Z").strip(" ,").lstrip("0")
    except ValueError:
        return run.started


def provenance(run: RunInfo) -> list[tuple[str, str]]:
    """Return what is known of the run, each with its label."""
    rows = {
        "Run": run.run,
        "Started": started(run),
        "dualstack": run.dualstack,
        "Revision": run.git,
        "Python": run.python,
        "Kernel": run.kernel,
        "Machine": run.machine,
        "Lab": run.lab,
        "Engine": run.engine,
        "Shard": run.shard,
        "Command": run.command or shlex.join(["pytest", *run.arguments]),
        "Exit code": "" if run.exit_code is None else str(run.exit_code),
    }
    return [(label, text) for label, text in rows.items() if text]
