"""Configures the network namespace of a host, and finds what a case has left in it."""

import ctypes
import os
import select
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError, HostCannot
from dualstack.families import Family
from dualstack.lab import rtnl
from dualstack.lab.devices import add_device
from dualstack.lab.functions import add_filters
from dualstack.lab.functions.function import Device
from dualstack.lab.ipv6_addresses import LOOK_SECONDS, ipv6_addresses, unready_addresses
from dualstack.lab.offload import offloads_off

_FIRST = "eth0"
"""The interface that the engine makes."""

_FIRST_DEVICE = 1000
"""The number of the first device, above those of interfaces."""

_READY_TIMEOUT = 5.0
"""Seconds until the link must be usable."""

_SOCKETS = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6")
_TIME_WAIT = "06"
_ENGINES_OWN = "0B00007F:"
"""127.0.0.11: the engine's name server in every such namespace; the host's files do not name it."""

_RTMGRP = 0x1 | 0x100
"""RTMGRP_LINK and RTMGRP_IPV6_IFADDR."""

_EVENT = 1 << 16

_CAPABILITY_VERSION_3 = 0x20080522
_CAP_NET_RAW = 13


def configure(request: dict[str, Any]) -> None:
    """Configure the namespace, and return when its link can be used.

    Args:
        request: ``interfaces``: the fields of each `InterfaceSetup`, first those of eth0, which exists; ``delete`` and
            ``add``: ``[interface, address, prefix length]``; ``routes``: ``[interface, address, via, mtu]``, see
            `rtnl.add_route`; ``neighbours``: ``[interface, address, hardware address]``; ``devices``: the fields of
            each `Device`; ``functions``: names; ``files``: contents by path.

    Raises:
        HostCannot: The kernel cannot make an interface for another link, or what a function needs.
        HarnessError: The kernel refuses something else.
        DeadlineExpired: A link is not usable in time.
    """
    interfaces = {f"eth{number}": one for number, one in enumerate(request["interfaces"])}
    kernel = rtnl.Rtnl()
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    events.bind((0, _RTMGRP))
    _add_interfaces(kernel, interfaces)
    _add_devices(kernel, [Device(**one) for one in request["devices"]])
    numbers = {name: index for index, name in socket.if_nameindex()}
    steps = [rtnl.delete_address(numbers[on], address, length) for on, address, length in request["delete"]]
    steps += [rtnl.add_address(numbers[on], address, length) for on, address, length in request["add"]]
    steps += [rtnl.add_route(numbers[on], to, via, mtu) for on, to, via, mtu in request["routes"]]
    steps += [rtnl.add_neighbour(numbers[on], address, mac) for on, address, mac in request["neighbours"]]
    try:
        if len(interfaces) > 1 or any(via or mtu for _, _, via, mtu in request["routes"]):
            for name in interfaces:
                offloads_off(name)  # routers report on the size of packets as sent
        for family in Family:
            _drop_default_routes(kernel, family)
        if steps:
            kernel.do(*steps)
        for name, own in interfaces.items():
            _fit_to_link(kernel, numbers[name], name, own)
    except rtnl.StepError as error:
        raise HarnessError(f"the host cannot be set up: {error}") from None
    for name, own in interfaces.items():
        _await_link(kernel, numbers[name], name, events, own["ipv6_addresses"])
    kernel.close()
    events.close()
    add_filters(request["functions"])
    write_files(request["files"])


def _add_interfaces(kernel: rtnl.Rtnl, interfaces: Mapping[str, dict[str, Any]]) -> None:
    """Add all interfaces but the first: macvlan interfaces on that one.

    Raises:
        HostCannot: The kernel cannot make them.
    """
    for name, own in list(interfaces.items())[1:]:
        try:
            kernel.do(rtnl.add_macvlan(name, socket.if_nametoindex(_FIRST), own["mac"]))
        except rtnl.StepError as error:
            raise HostCannot(f"no interface {name}: {error}; the engine's kernel needs CONFIG_MACVLAN") from None


def _add_devices(kernel: rtnl.Rtnl, devices: list[Device]) -> None:
    """Add devices whose packets daemons carry.

    Raises:
        HostCannot: The kernel cannot make them.
    """
    for place, device in enumerate(devices):
        try:
            kernel.do(*add_device(device, _FIRST_DEVICE + 2 * place))
        except rtnl.StepError as error:
            raise HostCannot(f"no device: {error}; the engine's kernel needs CONFIG_VETH") from None
        offloads_off(device.name)
        offloads_off(device.far)


def write_files(files: dict[str, str]) -> None:
    """Write the host's files; containers that join share those that the engine has mounted."""
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")


def residue() -> str:
    """Return a socket that a case has left and the next case could notice; empty if there is none.

    A connection in TIME_WAIT keeps its local port busy. A client's port does not matter; a server's is the one that the
    next service binds.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for table in _SOCKETS:
        path = Path("/proc/net", table)
        for row in [line.split() for line in path.read_text().splitlines()[1:]] if path.exists() else []:
            served = int(row[2].rpartition(":")[2], 16) < lowest
            if row[1].startswith(_ENGINES_OWN):
                continue
            if row[3] != _TIME_WAIT or not served:
                return f"{table}: {row[1]} {row[2]} {row[3]}"
    return ""


def _drop_default_routes(kernel: rtnl.Rtnl, family: Family) -> None:
    """Delete every default route of a family."""
    while True:
        try:
            kernel.do(rtnl.delete_default_route(family))
        except rtnl.StepError as error:
            if error.errno not in rtnl.NO_SUCH_ROUTE:
                raise
            return


def _fit_to_link(kernel: rtnl.Rtnl, index: int, interface: str, own: Mapping[str, Any]) -> None:
    """Give an interface its link-local address, or none, and its link's MTU; ``own``: its `InterfaceSetup`'s fields."""
    if own["link_local"]:
        _use_link_local(kernel, index, interface)
    elif not own["carries_ipv6"]:
        unwanted = ipv6_addresses(interface)
        kernel.do(rtnl.no_link_local(index), *(rtnl.delete_address(index, str(one), 64) for one in unwanted))
    if own["mtu"] < rtnl.ETHERNET_MTU:
        kernel.do(rtnl.set_mtu(index, own["mtu"]))


def _use_link_local(kernel: rtnl.Rtnl, index: int, interface: str) -> None:
    """Replace the link-local address by one that is usable at once: the kernel checks its own for 1 to 2 s."""
    mac = bytes.fromhex(Path(f"/sys/class/net/{interface}/address").read_text().strip().replace(":", ""))
    own = b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    address = socket.inet_ntop(socket.AF_INET6, own)
    if address in map(str, ipv6_addresses(interface)):
        kernel.do(rtnl.delete_address(index, address, 64))
    kernel.do(rtnl.add_address(index, address, 64))


def _await_link(kernel: rtnl.Rtnl, index: int, interface: str, events: socket.socket, wanted: int) -> None:
    """Wait until the link is up, and every IPv6 address can be used and found.

    Raises:
        DeadlineExpired: They are not ready in time; the message says what was missing.
    """
    deadline = Deadline(_READY_TIMEOUT, f"{interface} to carry packets")
    while missing := _missing(kernel, index, interface, wanted):
        deadline.check(missing)
        if select.select([events], [], [], LOOK_SECONDS)[0]:
            events.recv(_EVENT)


def _missing(kernel: rtnl.Rtnl, index: int, interface: str, wanted: int) -> str:
    """Return why the host cannot send or be found; empty if it can."""
    if not kernel.state(index).up:
        return f"{interface} is not up"
    return unready_addresses(interface, wanted) if wanted else ""


def keep_only_capture() -> None:
    """Drop every capability but CAP_NET_RAW, for captures: a process inside cannot change the network.

    Raises:
        HarnessError: The kernel refuses.
    """
    library = ctypes.CDLL(None, use_errno=True)
    kept = 1 << _CAP_NET_RAW
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)
    if library.capset(header, data) != 0:
        number = ctypes.get_errno()
        raise HarnessError(f"capabilities cannot be given up: {os.strerror(number)}")
