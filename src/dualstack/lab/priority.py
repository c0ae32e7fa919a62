"""Priority over ordinary processes (SCHED_FIFO), for those of a lab that must not be late.

In the namespaces of a lab the kernel lets no process take it. A process outside of them, the promoter, gives it to
those that ask. The supervisor itself must not have it: while the lock of rtnetlink is taken, a write to `disable_ipv6`
or `forwarding` restarts in the kernel until the lock is free, and its owner would get no CPU.
"""

import os
import signal
import socket
import struct
from contextlib import suppress

from dualstack.prober.descriptors import close_all_but
from dualstack.prober.helper import start_helper

_PRIORITY = 10

_CREDENTIALS = struct.Struct("=iII")
"""struct ucred: process, user and group, as this process sees them."""

_promoter: socket.socket | None = None
"""The socket to the promoter; forks inherit it, and close it unless they are to be prompt."""


def start_promoter() -> None:
    """Start the promoter for the forks of this process, if the kernel permits it, as it does for root.

    It must be called before namespaces are entered, in a process with one thread. The promoter ends with this process.
    """
    global _promoter  # noqa: PLW0603 - forks inherit it
    try:
        _prefer(0)
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        return
    _promoter = start_helper(_serve, credentials=True)


def promoter_descriptors() -> tuple[int, ...]:
    """Return the descriptors that a fork must keep for `take_priority`."""
    return () if _promoter is None else (_promoter.fileno(),)


def take_priority() -> None:
    """Run this process before all ordinary ones from now on, if there is a promoter."""
    if _promoter is None:
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            socket.send_fds(_promoter, [b"!"], [theirs.fileno()])
        ours.recv(1)
    renounce_priority()


def renounce_priority() -> None:
    """Close the way to the promoter, for this process and what it starts."""
    global _promoter  # noqa: PLW0603 - see its docstring
    if _promoter is not None:
        _promoter.close()
        _promoter = None


def _prefer(pid: int) -> None:
    """Run a process before all ordinary ones.

    Raises:
        OSError: The kernel does not permit it, or there is no such process.
    """
    os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(_PRIORITY))


def _serve(connection: socket.socket) -> None:
    """Give priority to each process that asks, until no process may ask (in the promoter)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    close_all_but(connection.fileno())
    room = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(struct.calcsize("i"))
    while True:
        data, ancillary, _, _ = connection.recvmsg(1, room)
        told = {kind: value for level, kind, value in ancillary if level == socket.SOL_SOCKET}
        if not data or socket.SCM_RIGHTS not in told:
            return
        with socket.socket(fileno=struct.unpack("i", told[socket.SCM_RIGHTS])[0]) as reply, suppress(OSError):
            _prefer(_CREDENTIALS.unpack(told[socket.SCM_CREDENTIALS])[0])
            reply.send(b"!")
