"""Building the Rust programs of fixtures/services/named before they are examined, with the time shown."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.exam.examined import SERVICES

NAMED = SERVICES / "named"


def build(system: str, folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Build one program of a system and show what is built and how long it takes.

    Without cargo the test is skipped; in CI it fails. A program that was built before needs no cargo.
    """
    command = [sys.executable, "../cargo.py", folder]
    with capfd.disabled():
        done = subprocess.run(command, cwd=NAMED / system, check=False)
    if done.returncode != 0 and shutil.which("cargo") is None and os.environ.get("CI") != "true":
        pytest.skip(f"{system} cannot be built without cargo")
    assert done.returncode == 0, f"{system}/{folder} was not built"
