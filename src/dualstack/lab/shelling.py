"""A command that a user runs in a lab's host, with the user's own streams or a terminal of the host.

`run` is its process inside the host. Its stream carries an order, one line of JSON: ``command``, ``environment``,
``directory`` and ``terminal``. Without a terminal the user's three streams came before it (SCM_RIGHTS). With one the
process makes a terminal of the host, in a new session, and sends its other end. At last comes a line with the
exit code, as shells count it.
"""

import fcntl
import json
import os
import signal
import socket
import struct
import sys
import termios
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from dualstack.prober.descriptors import close_all_but

ENTRY = "dualstack.lab.shelling:run"

_NOT_FOUND, _NOT_EXECUTABLE, _SIGNALLED = 127, 126, 128
_STREAMS = 3

Size = tuple[int, int]
"""The rows and columns of a terminal."""


def order(
    stream: socket.socket, command: Sequence[str], environment: Mapping[str, str], directory: str, *, terminal: bool
) -> int:
    """Order a command from `run` at the other end of the stream.

    Returns:
        The other end of its terminal; -1 without one.
    """
    text = {"command": command, "environment": dict(environment), "directory": directory, "terminal": terminal}
    socket.send_fds(stream, [b"!"], [] if terminal else range(_STREAMS))
    stream.sendall(json.dumps(text).encode() + b"\n")
    if not terminal:
        return -1
    _, descriptors, _, _ = socket.recv_fds(stream, 1, 1)
    return descriptors[0] if descriptors else -1


def exit_code(stream: socket.socket) -> int | None:
    """Wait for the end of the command; return its exit code, or None if it was lost with its host."""
    line = _line(stream)
    return int(line) if line else None


def set_size(terminal: int, size: Size) -> None:
    """Give a terminal its number of rows and columns; its programs get SIGWINCH."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))


def run(stream: socket.socket) -> None:
    """Run the command of one order (inside the host)."""
    _, streams, _, _ = socket.recv_fds(stream, 1, _STREAMS)
    what = json.loads(_line(stream) or "null")
    if what is None:
        return
    if what["terminal"]:
        ours, theirs = os.openpty()
        socket.send_fds(stream, [b"!"], [ours])
        os.close(ours)
        streams = [theirs] * _STREAMS
    child = os.fork()
    if child == 0:
        _become(what, streams)
    for descriptor in set(streams):
        os.close(descriptor)  # the other ends see the end of the last process that has them
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    stream.sendall(b"%d\n" % (code if code >= 0 else _SIGNALLED - code))


def _become(what: dict[str, Any], streams: Sequence[int]) -> NoReturn:
    """Become the command, as the leader of a session."""
    code = _NOT_FOUND
    try:
        os.setsid()
        for target, descriptor in enumerate([os.dup(item) for item in streams]):
            os.dup2(descriptor, target)
        if what["terminal"]:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        close_all_but()
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
            signal.signal(number, signal.SIG_DFL)
        os.chdir(what["directory"])
        os.execvpe(what["command"][0], what["command"], what["environment"])  # noqa: S606 - no shell is wanted
    except OSError as error:
        code = _NOT_EXECUTABLE if isinstance(error, PermissionError) else _NOT_FOUND
        sys.stderr.write(f"dualstack: {what['command'][0]}: {error.strerror}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)


def _line(stream: socket.socket) -> bytes:
    """Return the next line; empty if the stream ends first."""
    data = b""
    while not data.endswith(b"\n"):
        more = stream.recv(1 << 16)
        if not more:
            return b""
        data += more
    return data
