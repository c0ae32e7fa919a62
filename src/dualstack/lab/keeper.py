"""The keeper of the embedded lab: process 1 of the namespaces in which every lab of a test process lives.

It is a process of its own, which runs `main` with one end of a control connection (see `control`) and
the number of the process that it must not outlive. One request at a time:

==========  ======================================================  ==========================================
``do``      fields                                                  answer
==========  ======================================================  ==========================================
``up``      ``topology``: a `Topology` as JSON                      ``lab``: its number; ``hosts``, ``switch``: inodes
``inside``  ``lab``, ``host``, ``entry``, ``alone``; the stream     ``pid``: in the keeper's PID namespace
``add``     ``lab``, ``host``, ``address``, ``detect``              nothing
``remove``  ``lab``, ``host``, ``address``                          nothing
``route``   ``lab``, ``host``, ``address``: a multicast group       nothing
``set``     ``lab``, ``host``, ``settings``: see `sysctl.apply`     nothing
``down``    ``lab``                                                 nothing
==========  ======================================================  ==========================================

An answer has ``ok``, or ``error`` and ``kind``, the name of an exception of `dualstack.errors`. Making a lab forks
nothing; the processes of its hosts appear when they are asked for.
"""

import contextlib
import errno
import gc
import importlib
import importlib.util
import os
import select
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from dualstack.addressing import Plan, plan_addresses
from dualstack.errors import DualstackError, HarnessError, HostCannot
from dualstack.families import Family
from dualstack.lab import control, sysctl
from dualstack.lab.addresses import give_address, route_group, take_address
from dualstack.lab.files import host_files
from dualstack.lab.namespaces import (
    KINDS,
    enter_namespaces,
    hide_sockets,
    machine_sockets,
    own_mounts,
    run_as_first_process,
)
from dualstack.lab.netlink import INTERFACE, Namespace, build_hosts
from dualstack.lab.ready import wait_until_ready
from dualstack.lab.tenant import find_entry, live
from dualstack.prober import codec, libc
from dualstack.prober.identity import mapper_descriptors, start_mapper
from dualstack.prober.view import own_devices
from dualstack.topology import Topology

_WARM = ("dualstack.prober.agent", "dualstack.wire.recorder", "dualstack.lab.facts")
"""What runs in hosts: imported once here, so that a fork has it at once."""


@dataclass(slots=True)
class _Lab:
    """A lab of this keeper."""

    topology: Topology
    plan: Plan
    switch: Namespace
    hosts: dict[str, Namespace]
    tenants: set[int] = field(default_factory=set)


class Keeper:
    """Serves the requests of one control connection until its end."""

    def __init__(self, connection: socket.socket) -> None:
        """Take the connection over."""
        self._connection = connection
        self._labs: dict[int, _Lab] = {}
        self._numbers = count(1)
        self._home = {kind: os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("net", "pid")}

    def serve(self) -> None:
        """Answer requests and reap children until the connection ends; then everything here ends."""
        wake_read, wake_write = socket.socketpair()
        for end in (wake_read, wake_write):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write.fileno(), warn_on_full_buffer=False)
        try:
            self._attend(wake_read)
        finally:
            signal.set_wakeup_fd(-1)

    def _attend(self, wake_read: socket.socket) -> None:
        """Serve the connection and the ends of children, each of which is a byte on ``wake_read``."""
        with select.epoll() as events:
            events.register(self._connection, select.EPOLLIN)
            events.register(wake_read, select.EPOLLIN)
            while True:
                ready = {fd for fd, _ in events.poll()}
                if wake_read.fileno() in ready:
                    wake_read.recv(1 << 12)
                    self._reap()
                if self._connection.fileno() in ready and not self._answer():
                    return

    def _reap(self) -> None:
        """Collect every child that has ended, orphans of services too: this is process 1."""
        with contextlib.suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                for lab in self._labs.values():
                    lab.tenants.discard(pid)

    def _answer(self) -> bool:
        """Serve one request; return False at the end of the connection."""
        received = control.receive(self._connection)
        if received is None:
            return False
        request, descriptors = received
        try:
            answer: control.Message = {"ok": self._do(request, descriptors)}
        except DualstackError as error:
            answer = {"error": str(error), "kind": type(error).__name__}
        except OSError as error:
            answer = {"error": f"{request['do']}: {error}", "kind": HarnessError.__name__}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        try:
            control.send(self._connection, answer)
        except BrokenPipeError:
            return False
        return True

    def _do(self, request: control.Message, descriptors: list[int]) -> control.Message:
        """Serve one request and return its answer."""
        match request["do"]:
            case "up":
                return self._up(Topology.model_validate(request["topology"]))
            case "inside":
                return {"pid": self._inside(request, descriptors[0])}
            case "add" | "remove" | "route" | "set":
                self._change(request)
                return {}
            case "down":
                self._down(request["lab"])
                return {}
            case other:
                raise HarnessError(f"the keeper knows no request {other!r}")

    def _up(self, topology: Topology) -> control.Message:
        """Make a lab whose link carries packets."""
        plan = plan_addresses(topology)
        switch, hosts = build_hosts(topology, plan)
        try:
            wait_until_ready(topology, plan.hosts, switch, hosts)
        except BaseException:
            for namespace in (switch, *hosts.values()):
                namespace.close()
            raise
        finally:
            libc.setns(self._home["net"], libc.CLONE_NEWNET)
        for namespace in (switch, *hosts.values()):
            namespace.settle()
        number = next(self._numbers)
        self._labs[number] = _Lab(topology, plan, switch, hosts)
        inodes = {name: namespace.inode for name, namespace in hosts.items()}
        return {"lab": number, "hosts": inodes, "switch": switch.inode}

    def _inside(self, request: control.Message, stream: int) -> int:
        """Fork a process into a host and return its number."""
        lab = self._labs[request["lab"]]
        host, alone = request["host"], request["alone"]
        entry = find_entry(request["entry"])
        files = host_files(lab.plan, host)
        try:
            libc.setns(lab.hosts[host].fd, libc.CLONE_NEWNET)
            if alone:
                libc.unshare(libc.CLONE_NEWPID)
            pid = os.fork()
            if pid == 0:
                try:
                    live(entry, self._leave(stream, mapper_descriptors() if alone else ()), host, files, alone=alone)
                finally:
                    os._exit(1)
        finally:
            libc.setns(self._home["pid"], libc.CLONE_NEWPID)
            libc.setns(self._home["net"], libc.CLONE_NEWNET)
        lab.tenants.add(pid)
        return pid

    def _change(self, request: control.Message) -> None:
        """Change a host while a case runs."""
        lab = self._labs[request["lab"]]
        try:
            libc.setns(lab.hosts[request["host"]].fd, libc.CLONE_NEWNET)
            if request["do"] == "set":
                sysctl.apply(request["settings"])
                return
            address = request["address"]
            if request["do"] == "route":
                route_group(INTERFACE, address)
                return
            length = lab.plan.prefix_length(Family.of(address))
            if request["do"] == "add":
                give_address(INTERFACE, address, length, detect=request["detect"])
            else:
                take_address(INTERFACE, address, length)
        finally:
            libc.setns(self._home["net"], libc.CLONE_NEWNET)

    def _leave(self, stream: int, kept: Sequence[int]) -> socket.socket:
        """In a child: let go of everything that is the keeper's but ``kept``; return the stream that is the child's."""
        signal.set_wakeup_fd(-1)
        self._connection.close()
        own = socket.socket(fileno=os.dup(stream))
        for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
            if descriptor not in {0, 1, 2, own.fileno(), *kept}:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        return own

    def _down(self, number: int) -> None:
        """Drop a lab: kill what runs in it and let go of its namespaces; the kernel removes them by itself."""
        lab = self._labs.pop(number)
        for pid in lab.tenants:
            os.kill(pid, signal.SIGKILL)
        for namespace in (lab.switch, *lab.hosts.values()):
            os.close(namespace.fd)


def main(arguments: list[str]) -> int:
    """Run a keeper on the connection whose descriptor is the first argument; the second is whose death it shares.

    Returns:
        The exit code.
    """
    connection = socket.socket(fileno=int(arguments[0]))
    parent = int(arguments[1])
    for module in _WARM:
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
    codec.prepare()
    start_mapper()
    sockets = machine_sockets()
    try:
        enter_namespaces()
    except OSError as error:
        _refuse(connection, error)
        return 0
    run_as_first_process(partial(_keep, connection, sockets), parent)
    return 0


def _keep(connection: socket.socket, sockets: list[str], number: int) -> None:
    """Be the keeper, which the machine knows by ``number``; ``sockets`` are the machine's."""
    try:
        own_mounts()
        hide_sockets(sockets)
        own_devices()
    except OSError as error:
        _refuse(connection, error)
        return
    keeper = Keeper(connection)
    inodes = {kind: Path(f"/proc/self/ns/{kind}").stat().st_ino for kind in KINDS}
    control.send(connection, {"ok": {"pid": number, "namespaces": inodes}})
    gc.enable()
    gc.freeze()  # forked children leave the imported modules' memory as it is
    keeper.serve()


def _refuse(connection: socket.socket, error: OSError) -> None:
    """Say instead of a greeting that this machine cannot."""
    what = "a limit of user.max_*_namespaces is reached" if error.errno == errno.ENOSPC else str(error)
    message = f"no namespaces for the embedded lab: {what}; run 'dualstack doctor'"
    control.send(connection, {"error": message, "kind": HostCannot.__name__})
