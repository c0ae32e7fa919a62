"""Network namespaces and the links between them."""

import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dualstack.errors import HarnessError, HostCannot
from dualstack.lab import rtnl, sysctl
from dualstack.lab.offload import offloads_off
from dualstack.lab.setup import HostSetup
from dualstack.prober import libc

INTERFACE = "eth0"

_LOOPBACK_INDEX = 1
INTERFACE_INDEX = 2
_BRIDGE_INDEX = 2
FIRST_PORT_INDEX = 3

_RTMGRP_LINK = 1


@dataclass(slots=True)
class Namespace:
    """A network namespace that is held by a descriptor, and the sockets with which it is built.

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
    def make(cls, settings: Mapping[str, str]) -> "Namespace":
        """Make one with these settings and stay in it; the caller must return to its own.

        Raises:
            HostCannot: The kernel makes no more network namespaces.
            HarnessError: A setting reads back as something else.
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

    def close_sockets(self) -> None:
        """Close the sockets with which it was built; the namespace stays."""
        self.rtnl.close()
        self.events.close()

    def close(self) -> None:
        """Close its descriptor too: the kernel removes a namespace without processes, and its links, a little later."""
        self.close_sockets()
        os.close(self.fd)


def build_switch() -> Namespace:
    """Make the private namespace of a lab's link: a bridge that learns and forwards, and sends nothing itself.

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


def plug_in(switch: Namespace, place: int, host: Namespace, setup: HostSetup) -> None:
    """Connect a host to the link by a veth pair; ``place`` is the number of its port.

    Raises:
        HostCannot: The kernel has no veth.
    """
    end = rtnl.FarEnd(INTERFACE, INTERFACE_INDEX, setup.mac, host.fd)
    try:
        switch.rtnl.do(rtnl.add_veth(f"port{place}", FIRST_PORT_INDEX + place, _BRIDGE_INDEX, end))
    except rtnl.StepError as error:
        raise HostCannot(f"no link for {setup.name}: {error}; the kernel needs CONFIG_VETH") from None


def bring_up(host: Namespace, setup: HostSetup) -> None:
    """Give a host its addresses and routes and bring its interfaces up; the calling thread must be in its namespace.

    Raises:
        HarnessError: The kernel refuses.
    """
    steps = [rtnl.set_up(_LOOPBACK_INDEX)]
    steps += [rtnl.delete_address(_LOOPBACK_INDEX, address, length) for address, length in setup.missing_loopbacks]
    steps += [rtnl.add_address(INTERFACE_INDEX, address, length) for address, length in setup.addresses]
    steps.append(rtnl.set_up(INTERFACE_INDEX))
    steps += [rtnl.add_route(INTERFACE_INDEX, address, via, mtu) for address, via, mtu in setup.routes]
    offloads_off(INTERFACE)
    try:
        host.rtnl.do(*steps)
    except rtnl.StepError as error:
        raise HarnessError(f"host {setup.name}: {error}") from None


def build_hosts(
    setups: Iterable[HostSetup], settings: Mapping[str, Mapping[str, str]]
) -> tuple[Namespace, dict[str, Namespace]]:
    """Make the namespaces of a lab, linked and addressed, and return to the caller's own.

    Args:
        setups: What each host is made into.
        settings: The kernel settings of each host, by its name: see `setup.namespace_settings`.

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
        for place, setup in enumerate(setups):
            host = hosts[setup.name] = Namespace.make(settings[setup.name])
            made.append(host)
            plug_in(switch, place, host, setup)
            bring_up(host, setup)
    except BaseException:
        for namespace in made:
            namespace.close()
        raise
    finally:
        libc.setns(home, libc.CLONE_NEWNET)
        os.close(home)
    return switch, hosts
