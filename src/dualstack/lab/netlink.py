"""Network namespaces and the links between them."""

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dualstack.errors import HarnessError, HostCannot
from dualstack.lab import rtnl, sysctl
from dualstack.lab.devices import add_device
from dualstack.lab.functions import add_filters
from dualstack.lab.offload import offloads_off
from dualstack.lab.setup import HostSetup
from dualstack.prober import libc

INTERFACE = "eth0"
"""The first interface of each host; the others are eth1, eth2 …"""

_LOOPBACK_INDEX = 1
INTERFACE_INDEX = 2
"""The number of the first interface of each host; the others follow."""

_BRIDGE_INDEX = 2
"""The number of the first link's bridge; those of the other links, and then the ports, follow."""

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


def build_switch(links: int) -> Namespace:
    """Make the private namespace of a lab's links: bridges that learn and forward, and send nothing themselves.

    Raises:
        HostCannot: The kernel has no bridges.
    """
    switch = Namespace.make(sysctl.switch_settings())
    try:
        switch.rtnl.do(*(rtnl.add_bridge(f"link{link or ''}", _BRIDGE_INDEX + link) for link in range(links)))
    except rtnl.StepError as error:
        switch.close()
        raise HostCannot(f"no link for a lab: {error}; the kernel needs CONFIG_BRIDGE") from None
    return switch


def count_links(setups: Iterable[HostSetup]) -> int:
    """Return the number of links on which any host is."""
    return 1 + max(one.link for setup in setups for one in setup.interfaces)


def port_index(links: int, place: int) -> int:
    """Return the number of a port of a switch with that many links; ``place`` counts the interfaces of all hosts."""
    return _BRIDGE_INDEX + links + place


def plug_in(switch: Namespace, links: int, place: int, host: Namespace, setup: HostSetup) -> None:
    """Connect a host to its links by a veth pair each.

    Args:
        switch: The namespace of the links.
        links: The number of links.
        place: The number of interfaces of the hosts before it.
        host: The host's namespace.
        setup: What the host is made into.

    Raises:
        HostCannot: The kernel has no veth.
    """
    steps = []
    for number, own in enumerate(setup.interfaces):
        mtu = own.mtu if own.mtu != rtnl.ETHERNET_MTU else 0
        end = rtnl.FarEnd(f"eth{number}", INTERFACE_INDEX + number, own.mac, host.fd, mtu)
        port = place + number
        steps.append(rtnl.add_veth(f"port{port}", port_index(links, port), _BRIDGE_INDEX + own.link, end))
    try:
        switch.rtnl.do(*steps)
    except rtnl.StepError as error:
        raise HostCannot(f"no link for {setup.name}: {error}; the kernel needs CONFIG_VETH") from None


def device_index(setup: HostSetup, name: str) -> int:
    """Return the number of an interface or a device of a host, by its name: interfaces first, two for each device."""
    names = [f"eth{number}" for number in range(len(setup.interfaces))]
    names += [end for device in setup.devices for end in (device.name, device.far)]
    return INTERFACE_INDEX + names.index(name)


def bring_up(host: Namespace, setup: HostSetup) -> None:
    """Give a host its addresses and routes and bring its interfaces up; the calling thread must be in its namespace.

    Raises:
        HarnessError: The kernel refuses.
        HostCannot: The kernel lacks what one of its functions needs.
    """
    steps = [rtnl.set_up(_LOOPBACK_INDEX)]
    steps += [rtnl.delete_address(_LOOPBACK_INDEX, address, length) for address, length in setup.missing_loopbacks]
    for number, own in enumerate(setup.interfaces):
        index = INTERFACE_INDEX + number
        if not own.carries_ipv6:
            sysctl.apply({f"ipv6/conf/eth{number}/disable_ipv6": "1"})
        steps += [rtnl.add_address(index, address, length) for address, length in own.addresses]
        steps.append(rtnl.set_up(index))
        offloads_off(f"eth{number}")
    for device in setup.devices:
        steps += add_device(device, device_index(setup, device.name))
    steps += [rtnl.add_route(device_index(setup, on), to, via, mtu) for on, to, via, mtu in setup.routes]
    try:
        host.rtnl.do(*steps)
    except rtnl.StepError as error:
        raise HarnessError(f"host {setup.name}: {error}") from None
    for end in (end for device in setup.devices for end in (device.name, device.far)):
        offloads_off(end)
    add_filters(setup.functions)


def build_hosts(
    setups: Sequence[HostSetup], settings: Mapping[str, Mapping[str, str]]
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
        links, place = count_links(setups), 0
        switch = build_switch(links)
        made.append(switch)
        hosts = {}
        for setup in setups:
            host = hosts[setup.name] = Namespace.make(settings[setup.name])
            made.append(host)
            plug_in(switch, links, place, host, setup)
            bring_up(host, setup)
            place += len(setup.interfaces)
    except BaseException:
        for namespace in made:
            namespace.close()
        raise
    finally:
        libc.setns(home, libc.CLONE_NEWNET)
        os.close(home)
    return switch, hosts
