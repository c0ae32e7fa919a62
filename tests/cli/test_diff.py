"""``dualstack diff``: exit codes, forms and refusals."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from dualstack.verdict import Verdict
from tests.report.conftest import record, write_run

Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""


def test_the_command(dualstack: Command, tmp_path: Path) -> None:
    """It exits with 1 only if a case newly fails, with 2 for bad input, and prints a table, Markdown or JSON."""
    good = write_run(tmp_path / "good", [record(), record(element="b")])
    bad = write_run(tmp_path / "bad", [record(Verdict.FAIL), record(element="b")])
    worse = dualstack("diff", good, bad)
    assert (worse.returncode, worse.stderr) == (1, "")
    assert "broken  LISTEN-001" in worse.stdout
    assert worse.stdout.endswith("1 broken, 0 fixed, 0 changed, 0 new, 0 gone; 1 case is the same.\n")
    better = dualstack("diff", bad, good, "--format", "json")
    assert (better.returncode, json.loads(better.stdout)["counts"]["fixed"]) == (0, 1)
    assert dualstack("diff", good, bad, "--format", "markdown").stdout.startswith("### dualstack: 1 broken")
    none = dualstack("diff", good, tmp_path / "none")
    assert (none.returncode, none.stdout) == (2, "")
    assert none.stderr.startswith(f"dualstack: {tmp_path}/none: cannot be read: No such file or directory; give")


def test_a_report_is_compared(dualstack: Command, tmp_path: Path) -> None:
    """``report --compare`` writes the section; an earlier run that does not exist is refused."""
    good, bad = write_run(tmp_path / "good", [record()]), write_run(tmp_path / "bad", [record(Verdict.FAIL)])
    assert dualstack("report", bad, "--compare", good).returncode == 0
    assert "1 broken, 0 fixed" in (bad / "report.html").read_text(encoding="utf-8")
    refused = dualstack("report", bad, "--compare", tmp_path / "none")
    assert (refused.returncode, "none: cannot be read" in refused.stderr) == (2, True)
