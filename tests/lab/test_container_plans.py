"""What a docker lab asks of its own code in containers exists there; no engine is needed."""

import importlib.util
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from dualstack.addressing import plan_addresses
from dualstack.lab.docker import containers, host
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.host import DockerHost
from dualstack.lab.docker.service import has_health_check, service_plan
from dualstack.lab.docker.supervisor import Supervisor
from dualstack.lab.setup import host_setups
from dualstack.prober.messages import Launch
from dualstack.topology import load_topology, topology_names

ENGINE = cast("Engine", type("Substitute", (), {"api_version": "1.48"}))


def made(name: str, member: str) -> DockerHost:
    """Return a host of a topology that no container was made for."""
    topology = load_topology(name)
    plan = plan_addresses(topology)
    setup = host_setups(topology, plan)[member]
    return DockerHost(ENGINE, topology, plan.hosts[member], setup, labels={}, later=ThreadPoolExecutor(1))


def test_commands_name_modules_that_exist() -> None:
    """The commands of our own containers name modules of this package."""
    topology = load_topology("dual-stack")
    pause = containers.pause_plan(
        ENGINE, image="", topology=topology, name="service", network="", endpoint={}, mac="", labels={}
    )
    for plan in (pause, containers.sidecar_plan("", "", {})):
        assert plan.command is not None
        assert importlib.util.find_spec(plan.command[-1]) is not None


def test_every_request_is_served() -> None:
    """The host supervisor serves every request that a host makes."""
    source = Path(host.__file__).read_text(encoding="utf-8")
    requests = set(re.findall(r'"do": "(\w+)"', source)) | {"inside"}
    assert requests == {name.removeprefix("_do_") for name in dir(Supervisor) if name.startswith("_do_")}


@pytest.mark.parametrize("name", topology_names())
def test_every_address_is_given_once(name: str) -> None:
    """What the engine gives a host, and what the supervisor adds and deletes, are the addresses of its plan."""
    topology = load_topology(name)
    plan = plan_addresses(topology)
    for member in topology.host:
        one = made(name, member)
        asked = one._configuration(plan, native=False)
        given = {one.plan.address(family) for family in topology.families(member)}
        added = {address for _, address, _ in asked["add"]}
        assert not given & added
        assert given | added == {address for own in one.plan.configured.values() for address in own}


@pytest.mark.parametrize("component", ["", "store"])
def test_a_health_check_is_the_services(component: str) -> None:
    """The image's health check runs for the service; for a component, which has the same image, it is switched off."""
    launch = Launch(("./server",), "", {}, "/s", image="shop", component=component)
    image = {"Config": {"Healthcheck": {"Test": ["CMD", "true"]}}}
    checked = has_health_check(launch, image)
    check = service_plan(launch, image, pause="", labels={}).more["Healthcheck"]
    assert (checked, "Test" in check) == (not component, bool(component))
    assert check.get("Test", ["NONE"]) == ["NONE"]
