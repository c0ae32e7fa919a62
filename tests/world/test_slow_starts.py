"""A service whose ordinary start takes long has as much longer to serve an address that comes late."""

from types import SimpleNamespace

import pytest

from dualstack.facts import Start
from tests.world.test_suite_judgements import suite


@pytest.mark.parametrize(("usual", "ok"), [(12.0, True), (0.5, False)])
def test_a_slow_start_is_no_late_address(monkeypatch: pytest.MonkeyPatch, usual: float, ok: bool) -> None:  # noqa: FBT001 - a row of the table
    """What counts is the time beyond an ordinary start, which is made for comparison."""
    module = suite("lifecycle.test_address_changes")
    world = SimpleNamespace(service=SimpleNamespace(launches=[Start(bind="")]))
    monkeypatch.setattr(
        module, "require_start", lambda world: world.service.launches.append(Start(bind="", seconds=usual))
    )
    finding = module.is_in_time(world, "it is served", 15.0)
    assert finding.ok is ok
    assert finding.happened == f"it was ready after 15.0 s; an ordinary start takes {usual:.1f} s"
