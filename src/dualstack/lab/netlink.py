"""Network namespaces and the links between them."""

import os
import socket
from dataclasses import dataclass

from dualstack.addressing import HostPlan, Plan
from dualstack.errors import HarnessError, HostCannot
from dualstack.lab import rtnl, sysctl
from dualstack.lab.offload import offloads_off
from dualstack.prober import libc
from dualstack.topology import HostSpec, Topology

INTERFACE = "eth0"

_LOOPBACK_INDEX = 1
INTERFACE_INDEX = 2
_BRIDGE_INDEX = 2
FIRST_PORT_INDEX = 3

_RTMGRP_LINK = 1


@dataclass(slots=True)
class Namespace:
    """A network namespace that is held by a descriptor, and what speaks to the kernel about it.

    Attributes:
        fd: The descriptor that keeps it alive.
        inode: Its number, as /proc/<pid>/ns/net shows it.
        rtnl: Its rtnetlink socket.
        events: A socket that becomes readable when one of its links changes.
    """

    fd: int
    inode: int
    rtnl: rtnl.Rtnl
    events: socket.socket

    @classmethod
    def make(cls, settings: dict[str, str]) -> "Namespace":
        """Make one with these settings and stay in it: the caller must go back to its own.

        Raises:
            HostCannot: The kernel makes no more network namespaces.
            HarnessError: A setting does not hold.
        """
        try:
            libc.unshare(libc.CLONE_NEWNET)
        except OSError as error:
            raise HostCannot(f"no network namespace: {error.strerror} (user.max_net_namespaces?)") from None
        fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            sysctl.apply(settings)
            events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
            events.bind((0, _RTMGRP_LINK))
            return cls(fd=fd, inode=os.fstat(fd).st_ino, rtnl=rtnl.Rtnl(), events=events)
        except BaseException:
            os.close(fd)
            raise

    def settle(self) -> None:
        """Let go of what only building needs; the namespace stays."""
        self.rtnl.close()
        self.events.close()

    def close(self) -> None:
        """Let go of it: without processes the kernel removes it and its links by itself, a little later."""
        self.settle()
        os.close(self.fd)


def build_switch() -> Namespace:
    """Make the private namespace that holds a lab's link: a bridge that learns and forwards and says nothing itself.

    Raises:
        HostCannot: The kernel has no bridges.
    """
    switch = Namespace.make(sysctl.switch_settings())
    try:
        switch.rtnl.do(rtnl.add_bridge("link", _BRIDGE_INDEX))
    except rtnl.StepError as error:
        switch.close()
        raise HostCannot(f"no link for a lab: {error}; the kernel needs CONFIG_BRIDGE") from None
    return switch


def plug_in(switch: Namespace, place: int, host: Namespace, plan: HostPlan) -> None:
    """Join a host to the link by a veth pair; ``place`` is the number of its port.

    Raises:
        HostCannot: The kernel has no veth.
    """
    end = rtnl.FarEnd(INTERFACE, INTERFACE_INDEX, plan.mac, host.fd)
    try:
        switch.rtnl.do(rtnl.add_veth(f"port{place}", FIRST_PORT_INDEX + place, _BRIDGE_INDEX, end))
    except rtnl.StepError as error:
        raise HostCannot(f"no link for {plan.name}: {error}; the kernel needs CONFIG_VETH") from None


def bring_up(host: Namespace, spec: HostSpec, plan: HostPlan, network: Plan) -> None:
    """Give a host its addresses and routes and bring its interfaces up; the calling thread must be in its namespace.

    Raises:
        HarnessError: The kernel refuses.
    """
    steps = [rtnl.set_up(_LOOPBACK_INDEX)]
    if not spec.ipv4_loopback:
        steps.append(rtnl.delete_address(_LOOPBACK_INDEX, "127.0.0.1", 8))
    if not spec.ipv6_loopback and not spec.disable_ipv6:
        steps.append(rtnl.delete_address(_LOOPBACK_INDEX, "::1", 128))
    for family, addresses in plan.configured.items():
        length = network.prefix_length(family)
        steps += [rtnl.add_address(INTERFACE_INDEX, address, length) for address in addresses]
    ways = [rtnl.add_route(INTERFACE_INDEX, way.address, way.via, way.mtu) for way in network.ways[plan.name]]
    offloads_off(INTERFACE)
    try:
        host.rtnl.do(*steps, rtnl.set_up(INTERFACE_INDEX), *ways)
    except rtnl.StepError as error:
        raise HarnessError(f"host {plan.name}: {error}") from None


def _settings(topology: Topology, name: str) -> dict[str, str]:
    """Return the settings of a host whose link does not exist yet."""
    routers = topology.routers
    routing = sysctl.routing_settings("default", forwards=name in routers) if routers else None
    return sysctl.host_settings(topology.host[name], routing)


def build_hosts(topology: Topology, plan: Plan) -> tuple[Namespace, dict[str, Namespace]]:
    """Make the namespaces of a topology, linked and addressed, and return to the caller's own.

    Returns:
        The switch, and the hosts by name.

    Raises:
        HostCannot: The machine lacks something.
        HarnessError: The kernel refuses something that it should not.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    made: list[Namespace] = []
    try:
        switch = build_switch()
        made.append(switch)
        hosts = {}
        for place, (name, spec) in enumerate(topology.host.items()):
            hosts[name] = Namespace.make(_settings(topology, name))
            made.append(hosts[name])
            plug_in(switch, place, hosts[name], plan.hosts[name])
            bring_up(hosts[name], spec, plan.hosts[name], plan)
    except BaseException:
        for namespace in made:
            namespace.close()
        raise
    finally:
        libc.setns(home, libc.CLONE_NEWNET)
        os.close(home)
    return switch, hosts
