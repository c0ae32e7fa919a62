"""The newest engine that Debian packages makes the same worlds as the machine's own, and gives the same verdicts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dualstack.families import Family
from dualstack.lab.docker.backend import DockerBackend
from dualstack.lab.docker.engine import Engine
from dualstack.lab.protocol import Host
from dualstack.lab.proving import prove
from dualstack.suites import requirements
from dualstack.topology import load_topology
from tests.docker.worlds import MADE
from tests.exam.examined import EVERYTHING

if TYPE_CHECKING:
    from tests.docker.engines.conftest import Bench, OwnEngine

FEW = ("LISTEN-001", "LISTEN-002", "LISTEN-003", "LISTEN-004", "LISTEN-005", "UDP-005", "LISTEN-016", "SEC-008")
"""Requirements of every world with two hosts; the last one has settings of the link changed at run time."""


@pytest.fixture(scope="session")
def newest_backend(newest_engine: "OwnEngine") -> Iterator[DockerBackend]:
    """Make labs on the newest engine; nothing of them may be left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", newest_engine.address)
        backend = DockerBackend("newest")
        backend.prepare()
    yield backend
    backend.close()
    assert backend.leftovers() == []


WORLDS = ("dual-stack", "ipv4-only", "ipv6-only", "ipv6-only-strict", "nat64-dns64", "two-links")
"""The topologies that are made by default: both families, each alone, a router, a router function."""


@pytest.mark.parametrize("name", MADE if EVERYTHING else WORLDS)
def test_every_world_is_proved(
    newest_backend: DockerBackend, look: Callable[[Host], dict[str, Any]], name: str
) -> None:
    """Each topology's proofs all hold; one without IPv4 is on a network that has none by the engine's own word.

    Each host has the hardware address of the plan.
    """
    topology = load_topology(name)
    lab = newest_backend.up(topology)
    try:
        assert prove(lab)
        assert {host: look(lab.hosts[host])["mac"] for host in lab.hosts} == {
            host: plan.mac for host, plan in lab.plan.hosts.items()
        }
        (found,) = newest_backend.engine.api.networks(ids=[lab.network.identity])
        ipv4 = any(Family.IPV4 in topology.families(host) for host in topology.host)
        assert found["EnableIPv4"] is ipv4
        assert any("." in pool["Subnet"] for pool in found["IPAM"]["Config"]) is ipv4
    finally:
        lab.close()


def test_it_is_newer(newest_backend: DockerBackend, engine: Engine) -> None:
    """The engine speaks an API whose networks can be without IPv4, whatever the machine's own can."""
    assert newest_backend.engine.makes_ipv6_only
    newest, own = (tuple(map(int, item.api_version.split("."))) for item in (newest_backend.engine, engine))
    assert newest >= own


def test_the_reference_service_gets_the_same_verdicts(
    own_engine: "OwnEngine",
    newest_engine: "OwnEngine",
    against: "Callable[[Path, OwnEngine], Bench]",
    reference: Path,
    tmp_path: Path,
) -> None:
    """The same cases, on the machine's engine and on the newest one, end in the same verdicts."""
    selection = [word for item in FEW for word in ("--requirement", item)]
    engines = {"own": own_engine, "newest": newest_engine}
    live = {
        name: against(tmp_path / name, one).start("run", "--lab", "docker", *selection, reference)
        for name, one in engines.items()
    }
    done = {name: item.done() for name, item in live.items()}
    assert {name: item.code for name, item in done.items()} == {"own": 0, "newest": 0}, done
    worlds = {name for item in FEW for name in requirements()[item].topologies}
    assert {case.rpartition("@")[2] for case in done["own"].verdicts} == worlds
    assert done["own"].verdicts == done["newest"].verdicts
    assert {name: one.left_by(done[name].results.resolve().name) for name, one in engines.items()} == {
        "own": 0,
        "newest": 0,
    }
