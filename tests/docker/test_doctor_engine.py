"""What the doctor says of a container engine that answers."""

from typing import Any

import pytest

from dualstack import doctor
from dualstack.errors import HostCannot
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.networks import LabNetwork, make_network


def test_an_engine_is_described(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reports version, API and rights, and whether an IPv6-only network can be made; the trial is removed."""
    made = []

    def make(*wanted: Any) -> LabNetwork:
        made.append(make_network(*wanted))
        return made[-1]

    monkeypatch.setattr(doctor, "make_network", make)
    described, network = doctor.diagnose_engine()
    assert described.ok
    assert network.ok
    assert f"{engine.version}, API {engine.api_version}, at {engine.address}, " in described.found
    assert described.found.endswith("rootless" if engine.is_rootless() else "with root's rights")
    assert ("without any IPv4" in network.found) is engine.makes_ipv6_only
    assert len(made) == 1
    assert engine.api.networks(ids=[made[0].identity]) == []


def test_an_engine_that_makes_no_network(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that answers, but has no room for a network, is reported with the reason and what to do."""

    def refuse(*_: object) -> None:
        raise HostCannot("no free network")

    monkeypatch.setattr(doctor, "make_network", refuse)
    described, network = doctor.diagnose_engine()
    assert described.ok
    assert (network.ok, network.required, network.found) == (False, False, "no free network")
    assert "dualstack sweep" in network.enable


def test_a_rootless_engine_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that runs without root's rights says so among its security options."""
    monkeypatch.setattr(engine.api, "info", lambda: {"SecurityOptions": ["name=seccomp", "name=rootless"]})
    assert engine.is_rootless()
    monkeypatch.setattr(engine.api, "info", lambda: {"SecurityOptions": ["name=seccomp"]})
    assert not engine.is_rootless()
