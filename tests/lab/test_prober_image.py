"""The contents of the prober's image; no engine is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from dualstack.lab.docker.own_image import _prober_files
from dualstack.lab.process import PRELOADED

RUN_INSIDE = (
    *PRELOADED,
    "dualstack.protocols.http2_ends",
    "dualstack.protocols.grpc_ends",
    "dualstack.lab.docker.supervisor",
    "dualstack.lab.docker.sidecar",
    "dualstack.lab.docker.parcel",
)
"""The modules that containers run."""


@pytest.mark.parametrize("module", RUN_INSIDE)
def test_what_containers_run_can_be_imported_there(module: str, tmp_path: Path) -> None:
    """With the files of the image and the standard library alone, each module that containers run can be imported."""
    for name, data in _prober_files():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-P", "-c", f"import {module}"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
