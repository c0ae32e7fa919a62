"""What a holder makes of its network namespace, and whether a case has left anything in it."""

import ctypes
import os
import select
import socket
from pathlib import Path
from typing import Any

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.lab import rtnl
from dualstack.lab.offload import offloads_off

_SETTLE_SECONDS = 5.0
_LOOK_SECONDS = 0.002
"""How long to wait for an event of the kernel before looking again: joining a group is announced by no event."""

_SOCKETS = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6")
_TIME_WAIT = "06"
_ENGINES_OWN = "0B00007F:"
"""127.0.0.11: the engine has a name server of its own in every such namespace; nothing in our files leads to it."""

_TENTATIVE = 0x40
_RTMGRP = 0x1 | 0x100
"""RTMGRP_LINK and RTMGRP_IPV6_IFADDR."""

_EVENT = 1 << 16

_CAPABILITY_VERSION_3 = 0x20080522
_CAP_NET_RAW = 13


def settle(request: dict[str, Any]) -> None:
    """Make the namespace what it shall be.

    Args:
        request: ``interface``; ``delete`` and ``add``: ``[interface, address, prefix length]``; ``routes``: ``[address,
            via, mtu]``, see `rtnl.add_route`; ``link_local``; ``files``: contents by path.

    Raises:
        HarnessError: The kernel refuses, or the link does not become usable.
    """
    interface = request["interface"]
    index = socket.if_nametoindex(interface)
    kernel = rtnl.Rtnl()
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    events.bind((0, _RTMGRP))
    steps = [
        rtnl.delete_address(socket.if_nametoindex(on), address, length) for on, address, length in request["delete"]
    ]
    steps += [rtnl.add_address(socket.if_nametoindex(on), address, length) for on, address, length in request["add"]]
    steps += [rtnl.add_route(index, address, via, mtu) for address, via, mtu in request["routes"]]
    try:
        if request["routes"]:
            offloads_off(interface)  # how large packets are is what a router speaks of
        for family in Family:
            _drop_default_routes(kernel, family)
        if steps:
            kernel.do(*steps)
        if request["link_local"]:
            _use_link_local(kernel, index, interface)
    except rtnl.StepError as error:
        raise HarnessError(f"the host cannot be set up: {error}") from None
    _await_link(kernel, index, interface, events, request["ipv6"])
    kernel.close()
    events.close()
    write_files(request["files"])


def write_files(files: dict[str, str]) -> None:
    """Write the host's own files; those that the engine has mounted are shared with who joins."""
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")


def unquiet() -> str:
    """Return what a case has left in the kernel that the next one would notice, empty when there is nothing.

    A closed connection that lingers (TIME_WAIT) keeps its local port busy. That of a client is some port that nobody
    asks for; that of a server is the one that the next service wants.
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


def _ipv6_rows(interface: str) -> list[tuple[bytes, int]]:
    """Return address and flags of every IPv6 address of an interface."""
    table = Path("/proc/net/if_inet6")
    rows = [line.split() for line in table.read_text().splitlines()] if table.exists() else []
    return [(bytes.fromhex(row[0]), int(row[4], 16)) for row in rows if row[5] == interface]


def _use_link_local(kernel: rtnl.Rtnl, index: int, interface: str) -> None:
    """Make the link-local address usable at once: the kernel's own takes 1 to 2 s to find no duplicate."""
    mac = bytes.fromhex(Path(f"/sys/class/net/{interface}/address").read_text().strip().replace(":", ""))
    own = b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    address = socket.inet_ntop(socket.AF_INET6, own)
    if any(found == own for found, _ in _ipv6_rows(interface)):
        kernel.do(rtnl.delete_address(index, address, 64))
    kernel.do(rtnl.add_address(index, address, 64))


def _await_link(kernel: rtnl.Rtnl, index: int, interface: str, events: socket.socket, wanted: int) -> None:
    """Wait until the link is up, and every IPv6 address can be used and found.

    Raises:
        DeadlineExpired: It did not come about; the message says what was missing.
    """
    deadline = Deadline(_SETTLE_SECONDS, f"{interface} to carry packets")
    while missing := _missing(kernel, index, interface, wanted):
        deadline.check(missing)
        if select.select([events], [], [], _LOOK_SECONDS)[0]:
            events.recv(_EVENT)


def _missing(kernel: rtnl.Rtnl, index: int, interface: str, wanted: int) -> str:
    """Return what keeps the host from sending and being found, empty when nothing does."""
    if not kernel.state(index).up:
        return f"{interface} is not up"
    if not wanted:
        return ""
    settled = [address for address, flags in _ipv6_rows(interface) if not flags & _TENTATIVE]
    if len(settled) < wanted:
        return f"{len(settled)} of {wanted} IPv6 addresses are usable"
    joined = Path("/proc/net/igmp6").read_text()
    lost = [address for address in settled if f"ff0200000000000000000001ff{address.hex()[-6:]}" not in joined]
    return f"the solicited-node group of {socket.inet_ntop(socket.AF_INET6, lost[0])} is not joined" if lost else ""


def keep_only_capture() -> None:
    """Give up every capability but that to capture packets: what runs inside changes nothing of the network.

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
