"""The lab supervisor: process 1 of the namespaces in which every namespace lab of a test process lives.

It holds the namespaces of all hosts. It runs `main` with one end of a control connection (see `control`) and the number
of the process that it must not outlive. One request at a time:

==========  ======================================================  ==========================================
``do``      fields                                                  answer
==========  ======================================================  ==========================================
``up``      ``hosts``: each a `HostSetup`; ``settings``, by host    ``lab``: its number; ``hosts``, ``switch``: inodes
``inside``  ``lab``, ``host``, ``entry``, ``alone``; the stream     ``pid``: in the supervisor's PID namespace
``change``  ``lab``, ``host``, ``change``: see `changes.pack`       nothing
``down``    ``lab``                                                 nothing
``speak``   ``place``, ``text``: a protocol from outside            nothing
==========  ======================================================  ==========================================

An answer has ``ok``, or ``error`` and ``kind``, the name of an exception of `dualstack.errors`. Making a lab forks no
process; the processes of its hosts are forked when they are asked for.
"""

import contextlib
import errno
import gc
import os
import select
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from dualstack.errors import DualstackError, HarnessError, HostCannot
from dualstack.lab import control
from dualstack.lab.changes import carry_out
from dualstack.lab.namespaces import (
    KINDS,
    enter_namespaces,
    hide_sockets,
    machine_sockets,
    own_mounts,
    run_as_first_process,
)
from dualstack.lab.netlink import Namespace, build_hosts
from dualstack.lab.priority import promoter_descriptors, start_promoter
from dualstack.lab.process import add_protocol, find_entry, preload, run_in_host
from dualstack.lab.ready import wait_until_ready
from dualstack.lab.setup import HostSetup
from dualstack.prober import libc
from dualstack.prober.descriptors import close_all_but
from dualstack.prober.identity import mapper_descriptors, start_mapper
from dualstack.prober.view import own_devices

NAME = "lab supervisor"
"""What ps calls it: 15 characters at most."""


@dataclass(slots=True)
class _Lab:
    """A lab of this supervisor.

    Attributes:
        setups: What each host is made into.
        switch: The namespace of the link.
        hosts: The namespace of each host.
        processes: The numbers of the processes that were started in hosts and still run.
    """

    setups: dict[str, HostSetup]
    switch: Namespace
    hosts: dict[str, Namespace]
    processes: set[int] = field(default_factory=set)


class Supervisor:
    """Serves the requests of one control connection until its end."""

    def __init__(self, connection: socket.socket) -> None:
        """Take the connection over."""
        self._connection = connection
        self._labs: dict[int, _Lab] = {}
        self._numbers = count(1)
        self._home = {kind: os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("net", "pid")}

    def serve(self) -> None:
        """Answer requests and reap children until the connection ends; every process here ends then."""
        wake_read, wake_write = socket.socketpair()
        for end in (wake_read, wake_write):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write.fileno(), warn_on_full_buffer=False)
        try:
            self._serve(wake_read)
        finally:
            signal.set_wakeup_fd(-1)

    def _serve(self, wake_read: socket.socket) -> None:
        """Serve the connection, and reap a child for each byte on ``wake_read``."""
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
        """Reap every child that has ended, orphans of services included: this is process 1."""
        with contextlib.suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                for lab in self._labs.values():
                    lab.processes.discard(pid)

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
                return self._up([HostSetup.from_json(host) for host in request["hosts"]], request["settings"])
            case "inside":
                return {"pid": self._inside(request, descriptors[0])}
            case "change":
                self._change(request)
                return {}
            case "down":
                self._down(request["lab"])
                return {}
            case "speak":
                add_protocol(request["place"], request["text"])
                return {}
            case other:
                raise HarnessError(f"the lab supervisor has no request {other!r}")

    def _up(self, setups: list[HostSetup], settings: dict[str, dict[str, str]]) -> control.Message:
        """Make a lab whose link carries packets."""
        switch, hosts = build_hosts(setups, settings)
        try:
            wait_until_ready(setups, switch, hosts)
        except BaseException:
            for namespace in (switch, *hosts.values()):
                namespace.close()
            raise
        finally:
            libc.setns(self._home["net"], libc.CLONE_NEWNET)
        for namespace in (switch, *hosts.values()):
            namespace.close_sockets()
        number = next(self._numbers)
        self._labs[number] = _Lab({setup.name: setup for setup in setups}, switch, hosts)
        inodes = {name: namespace.inode for name, namespace in hosts.items()}
        return {"lab": number, "hosts": inodes, "switch": switch.inode}

    def _inside(self, request: control.Message, stream: int) -> int:
        """Fork a process into a host and return its number."""
        lab = self._labs[request["lab"]]
        host, alone = request["host"], request["alone"]
        entry = find_entry(request["entry"])
        files = lab.setups[host].files
        try:
            libc.setns(lab.hosts[host].fd, libc.CLONE_NEWNET)
            if alone:
                libc.unshare(libc.CLONE_NEWPID)
            pid = os.fork()
            if pid == 0:
                try:
                    kept = (*(mapper_descriptors() if alone else ()), *promoter_descriptors())
                    own = self._leave(stream, kept)
                    run_in_host(entry, own, host, files, alone=alone)
                finally:
                    os._exit(1)
        finally:
            libc.setns(self._home["pid"], libc.CLONE_NEWPID)
            libc.setns(self._home["net"], libc.CLONE_NEWNET)
        lab.processes.add(pid)
        return pid

    def _change(self, request: control.Message) -> None:
        """Change a host while a case runs."""
        try:
            libc.setns(self._labs[request["lab"]].hosts[request["host"]].fd, libc.CLONE_NEWNET)
            carry_out(request["change"], settings=True)
        finally:
            libc.setns(self._home["net"], libc.CLONE_NEWNET)

    def _leave(self, stream: int, kept: Sequence[int]) -> socket.socket:
        """In a child: close every descriptor of the supervisor but ``kept``; return the child's stream."""
        signal.set_wakeup_fd(-1)
        self._connection.close()
        own = socket.socket(fileno=os.dup(stream))
        close_all_but(own.fileno(), *kept)
        return own

    def _down(self, number: int) -> None:
        """Remove a lab: kill its processes and close its namespaces; the kernel removes them a little later."""
        lab = self._labs.pop(number)
        for pid in lab.processes:
            os.kill(pid, signal.SIGKILL)
        for namespace in (lab.switch, *lab.hosts.values()):
            os.close(namespace.fd)


def main(arguments: list[str]) -> int:
    """Run a supervisor.

    Args:
        arguments: The descriptor of its connection, and the number of the process with which it ends.

    Returns:
        The exit code.
    """
    connection = socket.socket(fileno=int(arguments[0]))
    parent = int(arguments[1])
    Path("/proc/self/comm").write_text(NAME, encoding="ascii")
    preload()
    start_mapper()
    start_promoter()
    sockets = machine_sockets()
    try:
        enter_namespaces()
    except OSError as error:
        _refuse(connection, error)
        return 0
    run_as_first_process(partial(_supervise, connection, sockets), parent)
    return 0


def _supervise(connection: socket.socket, sockets: list[str], number: int) -> None:
    """Run process 1 of the namespaces.

    Args:
        connection: The control connection.
        sockets: The paths of the machine's Unix sockets.
        number: The number of this process on the machine.
    """
    try:
        own_mounts()
        hide_sockets(sockets)
        own_devices()
    except OSError as error:
        _refuse(connection, error)
        return
    supervisor = Supervisor(connection)
    inodes = {kind: Path(f"/proc/self/ns/{kind}").stat().st_ino for kind in KINDS}
    try:
        control.send(connection, {"ok": {"pid": number, "namespaces": inodes}})
    except BrokenPipeError:  # the process that wanted this lab has ended
        return
    gc.enable()
    gc.freeze()  # forked children leave the memory of the imported modules unchanged
    supervisor.serve()


def _refuse(connection: socket.socket, error: OSError) -> None:
    """Send instead of a greeting that this machine cannot."""
    what = "a limit of user.max_*_namespaces is reached" if error.errno == errno.ENOSPC else str(error)
    message = f"no namespace lab can be made: {what}; run 'dualstack doctor'"
    control.send(connection, {"error": message, "kind": HostCannot.__name__})
