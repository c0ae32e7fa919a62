"""How the property-based tests run: the same examples each time, bounded in number, and nothing is left behind."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

_MORE = float(os.environ.get("DUALSTACK_FUZZ", "1"))
"""How many times as many examples are tried; the Makefile says it where time matters more, or less."""

settings.register_profile(
    "dualstack",
    derandomize=True,  # the same examples on each machine and each day
    database=None,
    deadline=None,  # a loaded machine is no failure
    max_examples=round(40 * _MORE),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("dualstack")
set_hypothesis_home_dir(Path(tempfile.gettempdir(), "dualstack-hypothesis"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the files of one module's examples, which replace each other."""
    return tmp_path_factory.mktemp("fuzz")
