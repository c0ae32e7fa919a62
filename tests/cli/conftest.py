"""How the tests of the command line run it: as the user does, in a folder of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.content import ROOT
from tests.cli import forked

Command = Callable[..., subprocess.CompletedProcess[str]]

REFERENCE = ROOT / "fixtures" / "services" / "reference" / "echo.toml"


@pytest.fixture
def dualstack(tmp_path: Path) -> Command:
    """Return what runs ``dualstack`` with the given words, in an empty folder, and returns how it ended."""

    def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command in a separate process; variables are for a new interpreter, which takes longer."""
        if not environment:
            return forked.run([str(word) for word in words], tmp_path)
        return subprocess.run(
            [sys.executable, "-P", "-m", "dualstack", *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "120", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def reference() -> Path:
    """Return the manifest of the reference service."""
    return REFERENCE
