"""What a docker lab asks of its own code in containers exists there; no engine is needed."""

import importlib.util
import ipaddress
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from dualstack.addressing import plan_addresses
from dualstack.errors import HostCannot
from dualstack.families import BOTH, Family
from dualstack.lab import outside
from dualstack.lab.docker import containers, host, multiplexer
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.host import DockerHost
from dualstack.lab.docker.networks import make_network
from dualstack.lab.docker.service import has_health_check, service_plan
from dualstack.lab.docker.supervisor import Supervisor
from dualstack.lab.setup import host_setups
from dualstack.prober.messages import Launch
from dualstack.prober.messages.programs import Contained
from dualstack.topology import load_topology, topology_names
from tests.lab.planned import network_of

ENGINE = cast("Engine", type("Substitute", (), {"api_version": "1.48"}))


CARRIED = [name for name in topology_names() if not any(link.over for link in load_topology(name).link.values())]
"""The topologies without tunnels, which a docker lab refuses: its links carry both families."""


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
    sources = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in (host, multiplexer, outside)]
    requests = {name for source in sources for name in re.findall(r'"do": "(\w+)"', source)}
    assert requests == {name.removeprefix("_do_") for name in dir(Supervisor) if name.startswith("_do_")}


@pytest.mark.parametrize("name", CARRIED)
def test_every_address_is_given_once(name: str) -> None:
    """What the engine gives a host and stays, and what the supervisor adds, are the addresses of its plan."""
    topology = load_topology(name)
    plan = plan_addresses(topology)
    for member in topology.host:
        one = made(name, member)
        asked = one._configuration(plan, network_of(topology))
        deleted = {address for _, address, _ in asked["delete"]}
        given = {plan.in_first_link(member, family) for family in topology.families(member)} - deleted
        added = {address for _, address, _ in asked["add"]}
        assert not given & added
        assert given | added == {address for family in BOTH for address in one.plan.every(family)}


def test_addresses_of_links_have_the_prefix_length_of_their_link() -> None:
    """The engine's network has room for both links; its addresses are replaced by ones with a link's prefix length."""
    topology = load_topology("two-links")
    plan = plan_addresses(topology)
    for name in ("peer", "router"):
        asked = made("two-links", name)._configuration(plan, network_of(topology))
        given = {family: plan.in_first_link(name, family) for family in BOTH}
        assert set(asked["delete"]) == {("eth0", given[Family.IPV4], 23), ("eth0", given[Family.IPV6], 63)}
        first = next(iter(plan.links.values()))
        assert all(ipaddress.ip_address(address) in first.network(family) for family, address in given.items())
        for place, one in enumerate(plan.hosts[name].interfaces):
            for family in BOTH:
                length = plan.prefix_length(family)
                assert (f"eth{place}", one.configured[family][0], length) in asked["add"]


def test_a_second_interface_starts_quiet() -> None:
    """An interface that is made inside starts without duplicate detection, and with IPv6, as the engine's does."""
    own, of_link = containers.settings(load_topology("two-links"), "router")
    for name, value in of_link.items():
        assert own[name.replace(containers.LINK, "default")] == value
    single, _ = containers.settings(load_topology("two-links"), "peer")
    assert not [name for name in single if ".default." in name]


def test_twins_need_the_namespace_lab() -> None:
    """A host with the hardware address of another is refused: in a docker lab both are on one Ethernet."""
    topology = load_topology("two-links")
    hosts = {**topology.host, "peer": topology.host["peer"].model_copy(update={"twin": "service"})}
    with pytest.raises(
        HostCannot, match=r"host 'peer' has the hardware addresses of 'service': it needs the namespace"
    ):
        make_network(ENGINE, topology.model_copy(update={"host": hosts}), "", {})


@pytest.mark.parametrize("component", ["", "store"])
def test_a_health_check_is_the_services(component: str) -> None:
    """The image's health check runs for the service; for a component, which has the same image, it is switched off."""
    contained = Contained(own=not component)
    launch = Launch(("./server",), "", {}, "/s", image="shop", component=component, contained=contained)
    image = {"Config": {"Healthcheck": {"Test": ["CMD", "true"]}}}
    checked = has_health_check(launch, image)
    check = service_plan(launch, image, pause="", labels={}).more["Healthcheck"]
    assert (checked, "Test" in check) == (not component, bool(component))
    assert check.get("Test", ["NONE"]) == ["NONE"]
