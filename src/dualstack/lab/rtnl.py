"""The few rtnetlink messages that make a lab, packed by hand: rtnetlink(7), <linux/if_link.h>, <linux/if_addr.h>.

With pyroute2 a lab of three hosts costs 13 ms of processor time in Python, this way 1 ms; the kernel takes 2 ms. That
matters here, since labs are made by the hundred.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dualstack.families import Family
from dualstack.lab.attributes import attribute, integer, text, unpack_attributes

_ERROR, NEW_LINK, _GET_LINK, _NEW_ADDRESS, _DELETE_ADDRESS, _NEW_ROUTE, _DELETE_ROUTE = 2, 16, 18, 20, 21, 24, 25
_NEW_NEIGHBOUR, _PERMANENT = 28, 0x80

_REQUEST, _ACKNOWLEDGE, EXCLUSIVE, CREATE = 0x1, 0x4, 0x200, 0x400

IFF_UP = 0x1

_IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, _IFLA_MASTER, _IFLA_OPERSTATE, IFLA_LINKINFO = 1, 3, 4, 10, 16, 18
_IFLA_LINK, _IFLA_AF_SPEC, _IFLA_NET_NS_FD, _IFLA_EXT_MASK = 5, 26, 28, 29
_ADDR_GEN_MODE, _NO_LINK_LOCAL = 8, b"\x01"  # IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE
INFO_KIND, INFO_DATA, _INFO_SLAVE_DATA = 1, 2, 5
VETH_PEER = 1
_MACVLAN_MODE, _MACVLAN_BRIDGE = 1, 4
_BR_STP_STATE, _BR_MCAST_SNOOPING = 5, 23
_BRPORT_STATE = 1
_SKIP_STATISTICS = 0x8
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFA_F_NODAD = 0x02

_OPERSTATE_UP = 6
_FORWARDING = 3

_MAIN_TABLE = 254
_STATIC, _UNICAST, _THROW = 4, 1, 9  # throw: the search in the table ends; no other table has a route
_SCOPE_UNIVERSE, _SCOPE_LINK, _SCOPE_NOWHERE = 0, 253, 255
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_METRICS = 1, 4, 5, 8
_RTAX_LOCK, _RTAX_MTU = 1, 2
_NDA_DST, _NDA_LLADDR = 1, 2

NO_SUCH_ROUTE = frozenset({errno.ESRCH, errno.ENOENT, errno.ENODEV, errno.EAFNOSUPPORT, errno.EOPNOTSUPP})
"""The errors of deleting a route that does not exist, or of a family that the kernel does not have."""

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBi")
_ROUTE = struct.Struct("=BBBBBBBBI")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")

_LARGEST = 1 << 16

ETHERNET_MTU = 1500
"""The MTU, in bytes, that the kernel gives an Ethernet interface."""


@dataclass(frozen=True, slots=True)
class Step:
    """One netlink request that changes something.

    Attributes:
        what: What it does, for error messages: ``add 198.51.100.1``.
        kind: The message's type.
        flags: Its flags, beyond asking for an acknowledgement.
        body: Its payload.
    """

    what: str
    kind: int
    flags: int
    body: bytes


@dataclass(frozen=True, slots=True)
class FarEnd:
    """The end of a veth pair that is in another network namespace.

    Attributes:
        name: Its name.
        index: Its number.
        mac: Its hardware address.
        namespace: A descriptor of its network namespace.
        mtu: The MTU of both ends, in bytes; 0 for that of Ethernet.
    """

    name: str
    index: int
    mac: str
    namespace: int
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class LinkState:
    """The state of an interface.

    Attributes:
        up: Whether it can send: its operational state is UP.
        forwarding: Whether it is a bridge's port that forwards.
    """

    up: bool
    forwarding: bool


class StepError(OSError):
    """The kernel refused a step; the message names it."""


class Rtnl:
    """An rtnetlink socket of the network namespace in which it is made."""

    def __init__(self) -> None:
        """Open it."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)

    def close(self) -> None:
        """Close it; it may be called twice."""
        self._socket.close()

    def do(self, *steps: Step) -> None:
        """Send requests, in this order, in one system call.

        Raises:
            StepError: The kernel refused at least one of them; the first is named. Those after it are carried out.
        """
        flags = _REQUEST | _ACKNOWLEDGE
        self._socket.send(b"".join(_message(step, flags, number) for number, step in enumerate(steps)))
        answers = 0
        refused = None
        while answers < len(steps):
            for kind, number, body in _split(self._socket.recv(_LARGEST)):
                if kind != _ERROR:
                    continue
                answers += 1
                (error,) = struct.unpack_from("=i", body)
                if error and refused is None:
                    refused = StepError(-error, f"{steps[number].what}: {os.strerror(-error)}")
        if refused is not None:
            raise refused

    def state(self, index: int) -> LinkState:
        """Return the state of the interface with that number.

        Raises:
            StepError: There is none.
        """
        ask = Step("ask for its state", _GET_LINK, 0, link_body(index, 0, integer(_IFLA_EXT_MASK, _SKIP_STATISTICS)))
        self._socket.send(_message(ask, _REQUEST, 0))
        for kind, _, body in _split(self._socket.recv(_LARGEST)):
            if kind == NEW_LINK:
                found = unpack_attributes(body[_LINK.size :])
                port = unpack_attributes(unpack_attributes(found.get(IFLA_LINKINFO, b"")).get(_INFO_SLAVE_DATA, b""))
                up = found[_IFLA_OPERSTATE][0] == _OPERSTATE_UP
                return LinkState(up=up, forwarding=port.get(_BRPORT_STATE, b"\0")[0] == _FORWARDING)
        raise StepError(f"there is no interface {index}")


def add_bridge(name: str, index: int) -> Step:
    """Return the step that makes a bridge and brings it up: no spanning tree, no snooping of multicast groups."""
    data = integer(_BR_STP_STATE, 0) + attribute(_BR_MCAST_SNOOPING, b"\0")
    info = text(INFO_KIND, "bridge") + attribute(INFO_DATA, data)
    body = link_body(index, IFF_UP, text(IFLA_IFNAME, name), attribute(IFLA_LINKINFO, info))
    return Step("add a bridge", NEW_LINK, CREATE | EXCLUSIVE, body)


def add_veth(name: str, index: int, master: int, end: FarEnd) -> Step:
    """Return the step that makes a veth pair: its near end is up and a port of the bridge with number ``master``."""
    mtu = integer(IFLA_MTU, end.mtu) if end.mtu else b""
    other = link_body(
        end.index,
        0,  # the kernel refuses (ENOTCONN) a pair whose far end is created up
        text(IFLA_IFNAME, end.name),
        attribute(_IFLA_ADDRESS, bytes.fromhex(end.mac.replace(":", ""))),
        integer(_IFLA_NET_NS_FD, end.namespace),
        mtu,
    )
    info = text(INFO_KIND, "veth") + attribute(INFO_DATA, attribute(VETH_PEER, other))
    own = (text(IFLA_IFNAME, name), integer(_IFLA_MASTER, master), attribute(IFLA_LINKINFO, info), mtu)
    return Step("add a veth pair", NEW_LINK, CREATE | EXCLUSIVE, link_body(index, IFF_UP, *own))


def add_macvlan(name: str, lower: int, mac: str) -> Step:
    """Return the step that makes an interface that shares interface ``lower``, and brings it up."""
    info = text(INFO_KIND, "macvlan") + attribute(INFO_DATA, integer(_MACVLAN_MODE, _MACVLAN_BRIDGE))
    own = (
        text(IFLA_IFNAME, name),
        attribute(_IFLA_ADDRESS, bytes.fromhex(mac.replace(":", ""))),
        integer(_IFLA_LINK, lower),
        attribute(IFLA_LINKINFO, info),
    )
    return Step("add a macvlan interface", NEW_LINK, CREATE | EXCLUSIVE, link_body(0, IFF_UP, *own))


def set_up(index: int) -> Step:
    """Return the step that brings an interface up."""
    return Step(f"bring interface {index} up", NEW_LINK, 0, link_body(index, IFF_UP))


def set_mtu(index: int, mtu: int) -> Step:
    """Return the step that gives an interface its MTU, in bytes."""
    return Step(f"set the MTU of interface {index}", NEW_LINK, 0, link_body(index, 0, integer(IFLA_MTU, mtu)))


def no_link_local(index: int) -> Step:
    """Return the step after which the kernel makes no link-local address for an interface."""
    own = attribute(_IFLA_AF_SPEC, attribute(socket.AF_INET6, attribute(_ADDR_GEN_MODE, _NO_LINK_LOCAL)))
    return Step(f"keep interface {index} without a link-local address", NEW_LINK, 0, link_body(index, 0, own))


def add_address(index: int, address: str, length: int, *, detect: bool = False) -> Step:
    """Return the step that adds an address to an interface, usable at once unless duplicates are detected."""
    body = _address(index, address, length, detect=detect)
    return Step(f"add {address}", _NEW_ADDRESS, CREATE | EXCLUSIVE, body)


def delete_address(index: int, address: str, length: int) -> Step:
    """Return the step that removes an address from an interface."""
    return Step(f"delete {address}", _DELETE_ADDRESS, 0, _address(index, address, length))


def add_neighbour(index: int, address: str, mac: str) -> Step:
    """Return the step that tells an interface the hardware address of a neighbour, so that it never asks for it."""
    family = Family.of(address)
    body = _NEIGHBOUR.pack(family.af, index, _PERMANENT, 0, 0)
    body += attribute(_NDA_DST, socket.inet_pton(family.af, address))
    body += attribute(_NDA_LLADDR, bytes.fromhex(mac.replace(":", "")))
    return Step(f"add neighbour {address}", _NEW_NEIGHBOUR, CREATE | EXCLUSIVE, body)


def add_route(index: int, address: str, via: str = "", mtu: int = 0) -> Step:
    """Return the step that adds a route over an interface, which must be up.

    Args:
        index: The interface's number.
        address: Its destination: an address, or a prefix with its length.
        via: The next hop; empty if the address is on the link itself.
        mtu: The largest packet, in bytes, that is sent or forwarded on it; 0 for the interface's MTU.
    """
    address, _, length = address.partition("/")
    family = Family.of(address)
    packed = socket.inet_pton(family.af, address)
    scope = _SCOPE_UNIVERSE if via or family is Family.IPV6 else _SCOPE_LINK
    body = _ROUTE.pack(family.af, int(length or len(packed) * 8), 0, 0, _MAIN_TABLE, _STATIC, scope, _UNICAST, 0)
    body += attribute(_RTA_DST, packed) + integer(_RTA_OIF, index)
    if via:
        body += attribute(_RTA_GATEWAY, socket.inet_pton(family.af, via))
    if mtu:  # locked: also binds forwarded packets, for which some kernels look at the interface alone
        body += attribute(_RTA_METRICS, integer(_RTAX_LOCK, 1 << _RTAX_MTU) + integer(_RTAX_MTU, mtu))
    return Step(f"add a route to {address}", _NEW_ROUTE, CREATE | EXCLUSIVE, body)


def no_route(address: str, *, delete: bool = False) -> Step:
    """Return the step that makes an address unreachable as if it had no route (ENETUNREACH), or undoes that."""
    family = Family.of(address)
    packed = socket.inet_pton(family.af, address)
    body = _ROUTE.pack(family.af, len(packed) * 8, 0, 0, _MAIN_TABLE, _STATIC, _SCOPE_UNIVERSE, _THROW, 0)
    kind, flags = (_DELETE_ROUTE, 0) if delete else (_NEW_ROUTE, CREATE | EXCLUSIVE)
    what = f"{'restore' if delete else 'remove'} the route to {address}"
    return Step(what, kind, flags, body + attribute(_RTA_DST, packed))


def delete_default_route(family: Family) -> Step:
    """Return the step that deletes one default route of a family from the main table."""
    body = _ROUTE.pack(family.af, 0, 0, 0, _MAIN_TABLE, 0, _SCOPE_NOWHERE, 0, 0)
    return Step(f"delete the {family.label} default route", _DELETE_ROUTE, 0, body)


def _message(step: Step, flags: int, number: int) -> bytes:
    """Pack a message; every payload here is a multiple of four bytes."""
    return _HEADER.pack(_HEADER.size + len(step.body), step.kind, flags | step.flags, number, 0) + step.body


def _split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield the type, the number and the payload of each message in ``data``."""
    while data:
        length, kind, _, number, _ = _HEADER.unpack_from(data)
        yield kind, number, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def link_body(index: int, flags: int, *attributes: bytes) -> bytes:
    """Pack a struct ifinfomsg, which changes no flags but ``flags``, and attributes."""
    return _LINK.pack(socket.AF_UNSPEC, 0, index, flags, flags) + b"".join(attributes)


def _address(index: int, address: str, length: int, *, detect: bool = False) -> bytes:
    """Pack a struct ifaddrmsg and the address."""
    family = Family.of(address)
    packed = socket.inet_pton(family.af, address)
    flags = _IFA_F_NODAD if family is Family.IPV6 and not detect else 0
    header = _ADDRESS.pack(family.af, length, flags, 0, index)
    return header + attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)
