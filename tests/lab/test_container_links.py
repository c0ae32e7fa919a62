"""Hosts of several links on one Ethernet, as docker labs have them: configured by the same code, without an engine."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from dualstack.addressing import HostPlan, Plan, plan_addresses
from dualstack.families import BOTH
from dualstack.lab.daemons import Daemons
from dualstack.lab.docker import containers
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.host import DockerHost
from dualstack.lab.netns import NetnsLab
from dualstack.lab.protocol import Host
from dualstack.lab.proving import prove
from dualstack.lab.setup import host_setups
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.topology import HostSpec, Topology, load_topology
from dualstack.transport import AppProtocol
from tests.lab.planned import network_of

MakeLab = Callable[[Topology | str], NetnsLab]
PORT = 7990
ENGINE = cast("Engine", type("Substitute", (), {"api_version": "1.48"}))


class _Seen:
    """A host of a namespace lab that is known by the plan of another topology."""

    def __init__(self, host: Host, spec: HostSpec, plan: HostPlan) -> None:
        self.name, self.spec, self.plan, self.interface = host.name, spec, plan, host.interface
        self.prober, self.start, self.inside = host.prober, host.start, host.inside
        self.place, self.fetch, self.apply = host.place, host.fetch, host.apply


class _OneEthernet:
    """A topology of several links, made of the hosts of a lab with one link."""

    def __init__(self, lab: NetnsLab, topology: Topology) -> None:
        self.topology = topology
        self.plan: Plan = plan_addresses(topology)
        self.hosts: Mapping[str, Host] = {
            name: _Seen(lab.hosts[name], spec, self.plan.hosts[name]) for name, spec in topology.host.items()
        }
        for name, host in lab.hosts.items():
            self._configure(name, host)
        self.daemons = Daemons(self)

    def _configure(self, name: str, host: Host) -> None:
        """Configure a host, which has no addresses yet, as a container of it is."""
        setup = host_setups(self.topology, self.plan)[name]
        own = DockerHost(ENGINE, self.topology, self.plan.hosts[name], setup, labels={}, later=ThreadPoolExecutor(1))
        request = own._configuration(self.plan, network_of(self.topology))
        request["delete"] = []
        request["add"] = [(f"eth{at}", *pair) for at, one in enumerate(setup.interfaces) for pair in one.addresses]
        settings, _ = containers.settings(self.topology, name)
        paths = {key.removeprefix("net.").replace(".", "/"): value for key, value in settings.items()}
        with host.inside("saboteur:configure_as_container") as stream:
            stream.sendall(json.dumps({"settings": paths, "request": request}).encode() + b"\n")
            stream.settimeout(10)
            assert stream.recv(16) == b"done\n"

    def close(self) -> None:
        """Do nothing: the lab is closed elsewhere."""


def on_one_ethernet(make_lab: MakeLab, name: str) -> _OneEthernet:
    """Return a topology on one Ethernet."""
    topology = load_topology(name)
    hosts = {host: HostSpec(ipv4=0, ipv6=0, link_local=spec.link_local) for host, spec in topology.host.items()}
    return _OneEthernet(make_lab(load_topology("dual-stack").model_copy(update={"host": hosts})), topology)


@pytest.fixture
def lab(make_lab: MakeLab) -> _OneEthernet:
    """Return two-links on one Ethernet."""
    return on_one_ethernet(make_lab, "two-links")


def test_links_on_one_ethernet_are_proved(lab: _OneEthernet) -> None:
    """A second interface on the same Ethernet makes a router; every proof of the topology holds."""
    proved = prove(lab)
    assert {"peer: ipv4-hops", "peer: ipv6-hops", "router: forwards", "router: no-route-out"} <= set(proved)


@pytest.mark.parametrize(("name", "proof"), [("nat64-dns64", "router: translates"), ("nat64-clat", "service: clat")])
def test_translators_on_one_ethernet_are_proved(make_lab: MakeLab, name: str, proof: str) -> None:
    """Translators work on hosts that are configured as containers: every proof of the topology holds."""
    lab = on_one_ethernet(make_lab, name)
    assert proof in prove(lab)
    lab.daemons.close()


def test_neighbours_get_the_answer_of_the_right_interface(lab: _OneEthernet) -> None:
    """After traffic over both families the client knows the router by one hardware address: that of their link."""
    service, router = lab.plan.hosts["service"], lab.plan.hosts["router"]
    for family in BOTH:
        dial = Dial(family, service.address(family), PORT, protocol=AppProtocol.ECHO)
        with lab.hosts["service"].prober.serve(Serve((family.wildcard,), PORT)):
            assert lab.hosts["peer"].prober.dial(dial).outcome is Outcome.ANSWERED
    with lab.hosts["peer"].inside("saboteur:neighbours") as stream:
        known = dict(json.loads(stream.makefile().readline()))
    own = router.interfaces[1]
    assert {known[own.configured[family][0]] for family in BOTH} == {own.mac}
