"""Sockets, socket addresses and error numbers, for dialling and serving."""

import errno
import os
import socket

from dualstack.errors import HarnessError, HostCannot, UsageError
from dualstack.families import Family, endpoint
from dualstack.transport import Transport

BACKLOG = 512
"""How many connections may wait for a server of the prober."""

_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h

SocketAddress = tuple[str, int] | tuple[str, int, int, int]


def socket_kind(transport: Transport) -> socket.SocketKind:
    """Return the socket type of a transport."""
    return socket.SOCK_STREAM if transport is Transport.TCP else socket.SOCK_DGRAM


def socket_address(family: Family, address: str, port: int) -> SocketAddress:
    """Return an address and a port as the socket API takes them; ``fe80::1%eth0`` has its interface's number.

    Raises:
        UsageError: The address is not of the family.
        OSError: There is no such interface.
    """
    try:
        right = Family.of(address) is family
    except ValueError:
        right = False
    if not right:
        raise UsageError(f"{address!r} is not an {family.label} address")
    if family is Family.IPV4:
        return address, port
    bare, _, zone = address.partition("%")
    if zone and zone not in {name for _, name in socket.if_nameindex()}:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))  # if_nametoindex raises an error without a number
    return bare, port, 0, socket.if_nametoindex(zone) if zone else 0


def with_zone(name: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """Return the address of a socket's name, a link-local one with its zone: ``fe80::1%eth0``."""
    scope = name[3] if len(name) > 2 else 0  # noqa: PLR2004 - IPv4's have two items
    return f"{name[0].partition('%')[0]}%{socket.if_indextoname(scope)}" if scope else name[0]


def open_socket(family: Family, transport: Transport) -> socket.socket:
    """Return a new non-blocking socket.

    Raises:
        OSError: The kernel has no such family.
    """
    made = socket.socket(family.af, socket_kind(transport))
    made.setblocking(False)
    return made


def hear_any_port(made: socket.socket, remote: SocketAddress) -> None:
    """Prepare an unbound UDP socket to receive from all ports of ``remote``, and the ICMP errors about it.

    A connected socket receives from one port only; an unconnected one reports no errors without IP_RECVERR.

    Raises:
        OSError: There is no route to ``remote``.
    """
    if made.family is socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    if made.getsockname()[1] == 0:
        with socket.socket(made.family, socket.SOCK_DGRAM) as probe:
            probe.connect(remote)
            address, _, *rest = probe.getsockname()
        made.bind((address, 0, *rest))


def bound_socket(
    address: str,
    port: int,
    transport: Transport,
    *,
    v6only: bool | None = True,
    reuse_address: bool | None = None,
    reuse_port: bool = False,
    backlog: int | None = BACKLOG,
    user: int | None = None,
) -> socket.socket:
    """Return a non-blocking socket that is bound and, for TCP and unless ``backlog`` is None, listening.

    Args:
        address: The local address.
        port: The local port.
        transport: TCP or UDP.
        v6only: IPV6_V6ONLY of an IPv6 socket; None leaves it as ``net.ipv6.bindv6only`` makes it.
        reuse_address: SO_REUSEADDR; None sets it on TCP sockets only: their port may have connections in TIME_WAIT.
        reuse_port: SO_REUSEPORT.
        backlog: How many connections may wait to be accepted.
        user: The user that the socket belongs to: with SO_REUSEPORT only sockets of one user share a port. None for
            the prober's own user.

    Raises:
        HostCannot: It cannot belong to that user.
        HarnessError: It cannot be bound or cannot listen; the message says which, where and why.
    """
    if reuse_address is None:
        reuse_address = transport is Transport.TCP
    family = Family.of(address)
    where = f"{transport.value} {endpoint(address, port)}"
    try:
        made = open_socket(family, transport)
    except OSError as error:
        raise HarnessError(f"the prober cannot make a socket for {where}: {error.strerror}") from error
    try:
        if family is Family.IPV6 and v6only is not None:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse_address)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuse_port)
        if user is not None and user != os.geteuid():
            _give_to(made, user)
        made.bind(socket_address(family, address, port))
    except OSError as error:
        made.close()
        raise HarnessError(f"the prober cannot bind {where}: {errno_name(error)} ({error.strerror})") from error
    if transport is Transport.TCP and backlog is not None:
        try:
            listen(made, backlog)
        except HarnessError:
            made.close()
            raise
    return made


def _give_to(made: socket.socket, user: int) -> None:
    """Make a socket belong to a user, as if that user had created it.

    Raises:
        HostCannot: The kernel refuses.
    """
    try:
        os.fchown(made.fileno(), user, -1)
    except OSError as error:
        made.close()
        raise HostCannot(f"a socket cannot belong to user {user} here: {error.strerror}") from None


def listen(made: socket.socket, backlog: int = BACKLOG) -> None:
    """Make a bound TCP socket listen.

    Raises:
        HarnessError: It cannot listen; the message says where and why.
    """
    try:
        made.listen(backlog)
    except OSError as error:
        where = endpoint(*made.getsockname()[:2])
        raise HarnessError(
            f"the prober cannot listen on tcp {where}: {errno_name(error)} ({error.strerror})"
        ) from error


def errno_name(error: OSError) -> str:
    """Return the name of an error's number, ``ECONNREFUSED``; empty if it has no number."""
    return errno.errorcode.get(error.errno or 0, str(error.errno or ""))
