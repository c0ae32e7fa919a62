"""Sockets, addresses and error numbers, as dialling and serving need them."""

import errno
import os
import socket

from dualstack.errors import HarnessError, UsageError
from dualstack.families import Family, endpoint
from dualstack.manifest.models import Transport

SocketAddress = tuple[str, int] | tuple[str, int, int, int]


def socket_kind(transport: Transport) -> socket.SocketKind:
    """Return the socket type of a transport."""
    return socket.SOCK_STREAM if transport is Transport.TCP else socket.SOCK_DGRAM


def socket_address(family: Family, address: str, port: int) -> SocketAddress:
    """Return an address and a port as the socket API takes them; ``fe80::1%eth0`` has its interface's number.

    Raises:
        UsageError: It is no address of the family.
        OSError: There is no such interface.
    """
    try:
        right = Family.of(address) is family
    except ValueError:
        right = False
    if not right:
        raise UsageError(f"{address!r} is no {family.label} address")
    if family is Family.IPV4:
        return address, port
    bare, _, zone = address.partition("%")
    if zone and zone not in {name for _, name in socket.if_nameindex()}:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))  # if_nametoindex raises an error without a number
    return bare, port, 0, socket.if_nametoindex(zone) if zone else 0


def open_socket(family: Family, transport: Transport) -> socket.socket:
    """Return a new non-blocking socket.

    Raises:
        OSError: The kernel has no such family.
    """
    made = socket.socket(family.af, socket_kind(transport))
    made.setblocking(False)
    return made


def bound_socket(
    address: str,
    port: int,
    transport: Transport,
    *,
    v6only: bool = True,
    reuse: bool = True,
    shared: bool = False,
    backlog: int | None = 512,
) -> socket.socket:
    """Return a non-blocking socket that is bound and, for TCP and unless ``backlog`` is None, listening.

    Args:
        address: The local address.
        port: The local port.
        transport: TCP or UDP.
        v6only: IPV6_V6ONLY of an IPv6 socket, always set explicitly.
        reuse: Whether a TCP socket may have a port with connections in TIME_WAIT (SO_REUSEADDR).
        shared: Whether a UDP socket may have a port with another one that allows it (SO_REUSEADDR, on both).
        backlog: How many connections may wait to be accepted.

    Raises:
        HarnessError: It cannot be bound; the message says where and why.
    """
    family = Family.of(address)
    where = f"{transport.value} {endpoint(address, port)}"
    try:
        made = open_socket(family, transport)
    except OSError as error:
        raise HarnessError(f"the prober cannot make a socket for {where}: {error.strerror}") from error
    try:
        if family is Family.IPV6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        if shared if transport is Transport.UDP else reuse:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(socket_address(family, address, port))
        if transport is Transport.TCP and backlog is not None:
            made.listen(backlog)
    except OSError as error:
        made.close()
        raise HarnessError(f"the prober cannot bind {where}: {errno_name(error)} ({error.strerror})") from error
    return made


def errno_name(error: OSError) -> str:
    """Return the name of an error's number, ``ECONNREFUSED``; empty when it has none."""
    return errno.errorcode.get(error.errno or 0, str(error.errno or ""))
