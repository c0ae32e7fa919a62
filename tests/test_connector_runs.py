"""When a connector that was given an IPv4-mapped address ends cleanly."""

import importlib

import pytest

from dualstack.prober.messages import Exit
from dualstack.world.runs import Run

suite = importlib.import_module("dualstack.content.suites.connect.test_mapped_literals")

REACHED = "198.51.100.1 → 198.51.100.33"
SUCCESS = Run(fault="", how=Exit(0), seconds=9.0, said=True, reached=REACHED)
ERROR = Run(fault="it exited with code 1", how=Exit(1), seconds=0.1, said=True)


@pytest.mark.parametrize(
    ("run", "ok"),
    [
        pytest.param(SUCCESS, True, id="connected, however slowly"),
        pytest.param(ERROR, True, id="error"),
        pytest.param(Run("its output does not match", Exit(0), 0.1, said=True), True, id="message without exit code"),
        pytest.param(Run("it exited with code 1", Exit(1), 0.1, said=False), True, id="exit code without message"),
        pytest.param(Run("its output does not match", Exit(0), 0.1, said=False), False, id="neither"),
        pytest.param(Run("it exited with code 1", Exit(1), 2.5, said=True), False, id="error too late"),
        pytest.param(Run("it had not ended", None, 2.0, said=True), False, id="killed"),
        pytest.param(Run("it crashed", Exit(None, "SIGSEGV"), 0.1, said=True), False, id="crash"),
        pytest.param(Run("", Exit(0), 0.1, said=True), False, id="false success"),
    ],
)
def test_clean_end(run: Run, ok: bool) -> None:  # noqa: FBT001 - a row of the table
    """It connected, or exited with an error in time; a crash, a hang and a false success are not clean."""
    finding = suite.succeeds_or_says(run, 2.0)
    assert finding.ok is ok
    assert finding.happened


def test_problem_of_a_run() -> None:
    """A run that reports a success without reaching the peer has a problem; one that reached it has none."""
    assert SUCCESS.problem == ""
    assert ERROR.problem == ERROR.fault
    assert Run("", Exit(0), 0.1, said=True).problem == "it reported success, but no client reached the peer"
