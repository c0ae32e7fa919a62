"""What each host of a lab is made into, planned from its topology."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from dualstack.addressing import plan_addresses
from dualstack.lab.docker import containers
from dualstack.lab.setup import HostSetup, host_setups, namespace_settings
from dualstack.topology import load_topology, topology_names

INSIDE = ("changes", "path_probe", "facts", "files", "functions", "netlink", "ready", "setup", "docker.supervisor")
"""Modules of the lab that run where no topology is read."""


@pytest.mark.parametrize("name", topology_names())
def test_setups_travel_as_json(name: str) -> None:
    """A setup that went through JSON is the same one."""
    topology = load_topology(name)
    setups = host_setups(topology, plan_addresses(topology))
    assert list(setups) == list(topology.host)
    for setup in setups.values():
        assert HostSetup.from_json(json.loads(json.dumps(asdict(setup)))) == setup


@pytest.mark.parametrize("name", topology_names())
def test_both_labs_write_the_same_settings_of_a_host(name: str) -> None:
    """Beside those of the link, both labs write the same settings, but for one that engines may have changed."""
    topology = load_topology(name)
    for host in topology.host:
        own, _ = containers.settings(topology, host)
        in_namespace = {
            f"net.{path.replace('/', '.')}": value for path, value in namespace_settings(topology, host).items()
        }
        shared = {key: value for key, value in in_namespace.items() if ".default." not in key}
        assert shared.pop("net.ipv6.conf.all.accept_dad") == "0"
        del own["net.ipv6.conf.lo.disable_ipv6"]
        shared.pop("net.ipv6.conf.lo.disable_ipv6", None)
        assert {key: value for key, value in own.items() if ".default." not in key} == shared


@pytest.mark.parametrize("module", INSIDE)
def test_no_topology_is_loaded_inside(module: str) -> None:
    """What makes namespaces, and what runs in hosts, loads neither topologies nor pydantic."""
    code = f"import sys, dualstack.lab.{module}; print({{'pydantic', 'dualstack.topology'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"
