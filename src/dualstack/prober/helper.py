"""A helper process of a lab: it stays outside of the namespaces, and does what the kernel refuses inside of them."""

import os
import signal
import socket
from collections.abc import Callable

from dualstack.prober import libc


def start_helper(serve: Callable[[socket.socket], object], *, credentials: bool = False) -> socket.socket:
    """Start a helper process; return the socket to it, which forks inherit.

    It must be called before namespaces are entered, in a process with one thread. The helper ends with this process at
    the latest.

    Args:
        serve: What the helper does with the other end; when it returns, the helper ends.
        credentials: Whether each message tells the helper from which process it is (SO_PASSCRED).
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if credentials:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    parent = os.getpid()
    if os.fork() == 0:
        try:
            ours.close()
            libc.die_with_parent(signal.SIGKILL)
            if os.getppid() == parent:
                serve(theirs)
        finally:
            os._exit(0)
    theirs.close()
    return ours
