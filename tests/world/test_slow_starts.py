"""A service whose ordinary start takes long has as much longer to serve an address that comes late."""

import pytest

from tests.world.test_suite_judgements import suite


@pytest.mark.parametrize(("usual", "ok"), [(12.0, True), (0.5, False)])
def test_a_slow_start_is_no_late_address(usual: float, ok: bool) -> None:  # noqa: FBT001 - a row of the table
    """What counts is the time beyond an ordinary start."""
    finding = suite("lifecycle.test_address_changes").is_in_time("it is served", 15.0, usual)
    assert finding.ok is ok
    assert finding.happened == f"it was ready 15.0 s after the address was back; an ordinary start takes {usual:.1f} s"
