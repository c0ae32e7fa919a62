"""Addresses that come and go while a case runs; the calling thread must be in the host's network namespace."""

import select
import socket
from pathlib import Path

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.lab import rtnl

_SECONDS = 5.0
_LOOK_SECONDS = 0.001
"""How long to wait before looking again: joining a group is announced by no event."""

_TENTATIVE = 0x40
"""IFA_F_TENTATIVE."""


def give_address(interface: str, address: str, length: int, *, detect: bool) -> None:
    """Give an interface an address, and return when it can be found on the link.

    With ``detect`` an IPv6 address is still tentative then (RFC 4862 §5.4): it can be bound and found in 1 to 2 s.

    Raises:
        HarnessError: The kernel refuses; the address is there already, say.
        DeadlineExpired: It was not usable in time.
    """
    _do(rtnl.add_address(socket.if_nametoindex(interface), address, length, detect=detect))
    if Family.of(address) is Family.IPV6:
        _await(interface, address, tentative=detect)


def take_address(interface: str, address: str, length: int) -> None:
    """Take an address from an interface.

    Raises:
        HarnessError: The kernel refuses; the address is not there, say.
    """
    _do(rtnl.delete_address(socket.if_nametoindex(interface), address, length))


def route_group(interface: str, group: str) -> None:
    """Lead packets for a multicast group over an interface; a program that joins it without one gets this interface.

    Raises:
        HarnessError: The kernel refuses; there is such a route already, say.
    """
    _do(rtnl.add_route(socket.if_nametoindex(interface), group))


def _do(step: rtnl.Step) -> None:
    """Make one change."""
    kernel = rtnl.Rtnl()
    try:
        kernel.do(step)
    except rtnl.StepError as error:
        raise HarnessError(f"the host's addresses cannot be changed: {error}") from None
    finally:
        kernel.close()


def _await(interface: str, address: str, *, tentative: bool) -> None:
    """Wait until neighbours find an IPv6 address, or until its duplicates are looked for."""
    deadline = Deadline(_SECONDS, f"{address} to be usable on {interface}")
    packed = socket.inet_pton(socket.AF_INET6, address).hex()
    group = f"ff0200000000000000000001ff{packed[-6:]}"
    while missing := _missing(packed, group, tentative=tentative):
        deadline.check(missing)
        select.select([], [], [], _LOOK_SECONDS)


def _missing(packed: str, group: str, *, tentative: bool) -> str:
    """Return what an address still lacks, empty when it lacks nothing."""
    rows = [line.split() for line in Path("/proc/thread-self/net/if_inet6").read_text().splitlines()]
    flags = next((int(row[4], 16) for row in rows if row[0] == packed), None)
    if flags is None:
        return "it is not there"
    if flags & _TENTATIVE and not tentative:
        return "it is tentative"
    joined = Path("/proc/thread-self/net/igmp6").read_text()
    return "" if group in joined else "its solicited-node group is not joined"
