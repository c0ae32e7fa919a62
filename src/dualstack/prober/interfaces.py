"""The host's addresses and routes, over rtnetlink(7), and its kernel settings."""

import re
import socket
import struct
from pathlib import Path

from dualstack.errors import HarnessError, UsageError
from dualstack.families import BOTH, Family
from dualstack.prober.messages import AddressRow, RouteRow
from dualstack.prober.messages.tables import ListAddresses, ListRoutes, ReadSysctl
from dualstack.prober.netlink import (
    IFA_F_DADFAILED,
    IFA_F_DEPRECATED,
    IFA_F_TEMPORARY,
    IFA_F_TENTATIVE,
    NETLINK_ROUTE,
    Dumper,
    attributes,
)
from dualstack.prober.verbs import Agent, verb

_GET_ADDRESS, _GET_ROUTE = 22, 26  # RTM_GETADDR, RTM_GETROUTE
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, prefix length, -, -, table, protocol, scope, type, flags
_NUMBER = struct.Struct("=I")

_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 1, 4, 5, 15
_MAIN_TABLE = 254
_ROUTE_KINDS = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}


@verb(ListAddresses)
async def addresses(_: Agent, __: ListAddresses) -> tuple[AddressRow, ...]:
    """Return all addresses of the host, including loopback and link-local ones."""
    with Dumper(NETLINK_ROUTE) as dumper:
        return tuple(
            _address(family, body)
            for family in BOTH
            for body in dumper.dump(_GET_ADDRESS, _ADDRESS.pack(family.af, 0, 0, 0, 0))
        )


@verb(ListRoutes)
async def routes(_: Agent, __: ListRoutes) -> tuple[RouteRow, ...]:
    """Return the routes of the main table; those that the kernel adds for its own addresses are in another table."""
    with Dumper(NETLINK_ROUTE) as dumper:
        found = [
            _route(family, body)
            for family in BOTH
            for body in dumper.dump(_GET_ROUTE, _ROUTE.pack(family.af, 0, 0, 0, 0, 0, 0, 0, 0))
        ]
    return tuple(row for row in found if row is not None)


def _address(family: Family, body: bytes) -> AddressRow:
    """Return the row of one RTM_NEWADDR message."""
    _, length, flags, _, index = _ADDRESS.unpack_from(body)
    fields = attributes(body, _ADDRESS.size)
    if _IFA_FLAGS in fields:  # the header has room for eight flags only
        flags = _NUMBER.unpack(fields[_IFA_FLAGS])[0]
    # On a point-to-point link IFA_ADDRESS is the remote end; IFA_LOCAL, if it is there, is always the local one.
    own = fields.get(_IFA_LOCAL, fields.get(_IFA_ADDRESS, b""))
    return AddressRow(
        family=family.value,
        address=socket.inet_ntop(family.af, own),
        prefix_length=length,
        interface=socket.if_indextoname(index),
        tentative=bool(flags & IFA_F_TENTATIVE),
        duplicate=bool(flags & IFA_F_DADFAILED),
        temporary=family is Family.IPV6 and bool(flags & IFA_F_TEMPORARY),
        deprecated=bool(flags & IFA_F_DEPRECATED),
    )


def _route(family: Family, body: bytes) -> RouteRow | None:
    """Return the row of one RTM_NEWROUTE message, or None for a route of another table."""
    _, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
    fields = attributes(body, _ROUTE.size)
    if _RTA_TABLE in fields:
        table = _NUMBER.unpack(fields[_RTA_TABLE])[0]
    if table != _MAIN_TABLE:
        return None
    destination = fields.get(_RTA_DST)
    return RouteRow(
        family=family.value,
        destination=f"{socket.inet_ntop(family.af, destination)}/{length}" if destination else "default",
        gateway=socket.inet_ntop(family.af, fields[_RTA_GATEWAY]) if _RTA_GATEWAY in fields else "",
        interface=socket.if_indextoname(_NUMBER.unpack(fields[_RTA_OIF])[0]) if _RTA_OIF in fields else "",
        kind=_ROUTE_KINDS.get(kind, str(kind)),
    )


@verb(ReadSysctl)
async def sysctl(_: Agent, request: ReadSysctl) -> str:
    """Return a kernel setting; see `read_sysctl`."""
    return read_sysctl(request.name)


def read_sysctl(name: str) -> str:
    """Return a kernel setting, ``net.ipv6.bindv6only``.

    Raises:
        UsageError: The name has a wrong form.
        HarnessError: There is no such setting.
    """
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)+", name):
        raise UsageError(f"{name!r} is no name of a kernel setting such as net.ipv6.bindv6only")
    try:
        return Path("/proc/sys", *name.split(".")).read_text().strip()
    except OSError as error:
        raise HarnessError(f"cannot read the kernel setting {name}: {error.strerror}") from error
