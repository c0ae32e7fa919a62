"""The broker that the tests of Kafka use."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.exam.examined import SERVICES

KAFKA = SERVICES / "named" / "kafka"


def fetch() -> None:
    """Fetch the broker, once for each machine; without Maven or Java the tests are skipped, in CI they fail."""
    missing = [command for command in ("mvn", "java") if shutil.which(command) is None]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"needs {' and '.join(missing)}")
    done = subprocess.run([sys.executable, KAFKA / "fetch.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
