"""A survey says the same of a service as a program and as an image."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from dualstack.content import ROOT
from dualstack.lab.docker.engine import Engine

REFERENCE = ROOT / "fixtures" / "services" / "reference"


def survey(kind: str) -> dict[tuple[str, str], Any]:
    """Return what the survey sees of the references in a kind of lab, where each has other addresses."""
    command = [sys.executable, "-m", "dualstack", "survey", "--json", "--state", "normal", "--state", "no AF_INET6"]
    words = [*command, "--lab", kind, str(REFERENCE / "echo.toml"), str(REFERENCE / "local.toml")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    for row in rows:
        row["sockets"] = re.sub(r"@(?!127\.0\.0\.1|\[::1\])[^+]+", "@lab", row["sockets"])
    keys = ("sockets", "answers", "effect", "timed_out")
    return {(f"{row['service']} {row['variant']}", row["state"]): [row[key] for key in keys] for row in rows}


@pytest.mark.usefixtures("engine", "images")
def test_both_labs_see_the_same() -> None:
    """Sockets, answers and outcome are those of the namespace lab, and nothing is left on the engine."""
    assert survey("docker") == survey("netns")


@pytest.fixture
def images(engine: Engine) -> None:
    """Have the base image that the references name."""
    from dualstack.rootfs.images import build_bases  # noqa: PLC0415 - loads the SDK

    build_bases()
    assert engine.version
