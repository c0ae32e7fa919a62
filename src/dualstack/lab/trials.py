"""Tries what the namespace lab needs of this machine, each in a child process, and prints the outcomes.

``python -m dualstack.lab.trials`` writes one JSON object: by the name of the trial, an empty text or the error. It is a
separate program because only a process with one thread can enter namespaces.
"""

import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from dualstack.errors import HostCannot
from dualstack.lab.namespaces import enter_namespaces, own_mounts
from dualstack.lab.nftables import Segments, add_filter, add_masquerade, send
from dualstack.prober import libc
from dualstack.prober.identity import ranged_identity, start_mapper
from dualstack.prober.seccomp import restrict

_ETH_P_ALL = 0x0003
_SYN = 0x02
_EXPECTED = (OSError, HostCannot, NetlinkError)


def _namespaces() -> None:
    """Enter namespaces of every kind."""
    enter_namespaces()


def _first_process() -> None:
    """Become process 1 of them and mount /proc."""
    enter_namespaces()
    _in_child(own_mounts)


def _overlay() -> None:
    """Mount an overlay file system whose upper layer is in memory."""
    enter_namespaces()
    libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
    stage = tempfile.gettempdir()
    libc.mount("tmpfs", stage, "tmpfs")
    for name in ("lower", "upper", "work", "root"):
        Path(stage, name).mkdir()
    layers = f"lowerdir={stage}/lower,upperdir={stage}/upper,workdir={stage}/work,userxattr"
    libc.mount("overlay", f"{stage}/root", "overlay", data=layers)


def _nested() -> None:
    """Enter a user namespace inside the lab's."""
    enter_namespaces()
    libc.unshare(libc.CLONE_NEWUSER)


def _users() -> None:
    """Map a range of users for the programs that root runs."""
    start_mapper()
    if ranged_identity() is None:
        missing = "this kernel, or the file system of /usr, cannot map owners"
        raise HostCannot("an ordinary user has one user only" if os.geteuid() else missing)


def _seccomp() -> None:
    """Take AF_INET6 away."""
    restrict(af_inet6=False)
    with suppress(OSError):
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
        raise HostCannot("the filter is loaded but has no effect")


def _packets() -> None:
    """Open a socket that captures packets."""
    enter_namespaces()
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)).close()


def _links() -> None:
    """Make a bridge and a veth pair."""
    enter_namespaces()
    with IPRoute() as route:
        route.link("add", ifname="link", kind="bridge", index=2)
        route.link("add", ifname="port", kind="veth", master=2, peer={"ifname": "eth0"})


def _nftables() -> None:
    """Drop the connection requests to one port of the loopback interface, in both families."""
    enter_namespaces()
    for address in ("127.0.0.1", "::1"):
        send(add_filter("trial", socket.if_nametoindex("lo"), [Segments(address, 1, mask=_SYN, flags=_SYN)]))


def _masquerade() -> None:
    """Give what leaves by the loopback interface its address, as a NAT44 does."""
    enter_namespaces()
    send(add_masquerade("trial", [socket.if_nametoindex("lo")]))


TRIALS: dict[str, Callable[[], None]] = {
    "namespaces": _namespaces,
    "proc": _first_process,
    "overlay": _overlay,
    "nested": _nested,
    "seccomp": _seccomp,
    "users": _users,
    "packets": _packets,
    "links": _links,
    "nftables": _nftables,
    "nat44": _masquerade,
}


def _in_child(trial: Callable[[], None]) -> None:
    """Run ``trial`` in a child process; raise its error as OSError."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            trial()
        except _EXPECTED as error:
            os.write(write, str(error).encode())
        except BaseException as error:  # noqa: BLE001 - reported to the parent
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    if text:
        raise OSError(text)


def main() -> None:
    """Run every trial and print the outcomes."""
    outcomes = {}
    for name, trial in TRIALS.items():
        try:
            _in_child(trial)
            outcomes[name] = ""
        except OSError as error:
            outcomes[name] = str(error)
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main()
