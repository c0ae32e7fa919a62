"""Workers of a parallel run, forked from the controlling process, so that all imports are done.

pytest-xdist lets execnet start each worker as a new interpreter, which would spend a second on imports that the
controlling process has done. Therefore the workers are forked first. What execnet starts is `stand_in`: it passes its
standard streams to one of them.
"""

import os
import secrets
import shlex
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dualstack.backend_names import NETNS
from dualstack.lab.forked import Forked, take_streams
from dualstack.lab.netns import prepared_supervisors

_STAND_IN = Path(__file__).with_name("stand_in.py")
_ENDING = 2.0  # seconds that a worker whose streams have ended may take
_LONGEST = 1 << 16
_CREDENTIALS = struct.Struct("3i")  # struct ucred: process, user, group


@contextmanager
def forked_workers(count: int, lab: str) -> Iterator[list[str]]:
    """Fork workers that wait for their streams; they are ended when the block ends.

    Args:
        count: The number of workers.
        lab: The kind of lab that they will run.

    Yields:
        The execnet specification of each worker.
    """
    names, workers = [], []
    for _ in range(count):
        names.append(f"dualstack-{os.getpid()}-{secrets.token_hex(8)}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.bind(f"\0{names[-1]}")
            door.listen(1)
            workers.append(Forked("pytest-worker", partial(_work, door, lab), keep=[door.fileno()]))
    try:
        words = [sys.executable, "-I", "-S", str(_STAND_IN)]
        yield [f"popen//python={shlex.join([*words, name])}" for name in names]
    finally:
        for worker in workers:
            try:
                worker.wait(_ENDING)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _work(door: socket.socket, lab: str) -> int:
    """Prepare for the first lab, then serve."""
    with prepared_supervisors(int(lab == NETNS), lean=True):
        return _serve(door)


def _serve(door: socket.socket) -> int:
    """Wait for standard streams, then run execnet's worker on them."""
    with door:
        while True:
            connection, _ = door.accept()
            if _owner(connection) == os.geteuid():
                break
            connection.close()  # a stranger: abstract sockets have no permissions
    bootstrap, streams, _, _ = socket.recv_fds(connection, _LONGEST, 3)
    take_streams(*streams)
    for stream in streams:
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - descriptors, open to the end
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    with connection:  # the stand-in ends when this connection ends
        exec(bootstrap, {"__name__": "__main__"})  # noqa: S102 - execnet's own line, from a process of the same user
    return 0


def _owner(connection: socket.socket) -> int:
    """Return the number of the user at the other end of a Unix socket."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(credentials)[1]
    return user
