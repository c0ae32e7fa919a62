"""The tests of the report in a browser, in a process for themselves."""

import re
import subprocess
import sys

import pytest

from dualstack.content import ROOT


def test_the_report_in_a_browser() -> None:
    """All tests in tests/browser pass; without a browser they are skipped, and CI fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:rerunfailures", "tests/browser"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if re.search(r"^\d+ skipped in ", done.stdout, re.MULTILINE):
        pytest.skip("no browser: apt install chromium")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout
