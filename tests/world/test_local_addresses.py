"""What a run with a configured local address, and one towards localhost, must reach."""

import importlib

import pytest

from dualstack.families import Family
from dualstack.prober.messages import Exit
from dualstack.world.runs import Run

sources = importlib.import_module("dualstack.content.suites.connect.test_source_addresses")
loopback = importlib.import_module("dualstack.content.suites.connect.test_loopback_names")

CONNECTED = Run("", Exit(0), 0.1, said=True, reached="::1 → ::1")
ERROR = Run("it exited with code 1", Exit(1), 0.1, said=True)
HANGS = Run("it had not ended after 10 s", None, 10.0, said=True)
CRASHES = Run("it was killed", Exit(None, "SIGSEGV"), 0.1, said=True)
FALSE_SUCCESS = Run("", Exit(0), 0.1, said=True)
UNSPOKEN = Run("it exited with code 1", Exit(1), 0.1, said=True, reached="::1 → ::1", unspoken="set protocol")


@pytest.mark.parametrize(
    ("run", "must", "ok"),
    [
        pytest.param(CONNECTED, True, True, id="connected"),
        pytest.param(UNSPOKEN, True, True, id="connected, another protocol"),
        pytest.param(ERROR, True, False, id="error, although it has an address of that family"),
        pytest.param(ERROR, False, True, id="error over the other family"),
        pytest.param(HANGS, False, False, id="hangs"),
        pytest.param(CRASHES, False, False, id="crashes"),
        pytest.param(FALSE_SUCCESS, False, False, id="false success"),
    ],
)
def test_runs_with_a_local_address(run: Run, must: bool, ok: bool) -> None:  # noqa: FBT001 - a row of the table
    """It must connect where the name has an address of the family; elsewhere an error that it reports is right too."""
    assert sources.reaches(run, "::2", "AAAA", must=must).ok is ok


@pytest.mark.parametrize(
    ("run", "ok"), [(CONNECTED, True), (UNSPOKEN, True), (ERROR, False), (HANGS, False), (FALSE_SUCCESS, False)]
)
def test_runs_towards_localhost(run: Run, ok: bool) -> None:  # noqa: FBT001 - a row of the table
    """It must reach the server; what it says there is not judged if the server does not speak its protocol."""
    assert loopback.reaches(run, Family.IPV6, "::1").ok is ok
