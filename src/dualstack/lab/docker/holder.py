"""Process 1 of a host: it owns the host's network namespace, sets it up, and runs what is wanted inside.

``python3 -m dualstack.lab.docker.holder`` reads frames (see `mux`) on its standard input and answers on its standard
output. The first request is ``settle``: what the host has, what it has not, and its files. Then:

* ``{"do": "preload"}``: import, after the answer, what will be run inside;
* ``{"do": "inside", "channel": n, "entry": "module:function"}``: run it in a process of its own, with a stream;
* ``{"do": "add", "interface": "eth0", "address": "…", "length": 64, "detect": false}``: give the host an address;
* ``{"do": "remove", "interface": "eth0", "address": "…", "length": 64}``: take one from it;
* ``{"do": "route", "interface": "eth0", "address": "…", "length": 64}``: lead packets for a multicast group over it;
* ``{"do": "recycle"}``: remove what programs left; why the host is still not as it was after ``settle``, if it is not;
* ``{"do": "scratch", "folder": "/dev/shm/…", "files": {name: text}}``: make a program's private folder.

Each answer is ``{"ok": …}`` or ``{"error": "<text>", "kind": "<name of an exception of dualstack.errors>"}``. The end
of the standard input ends the holder and, with it, the host.
"""

import contextlib
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from dualstack.deadline import Deadline
from dualstack.errors import DualstackError, UsageError
from dualstack.lab.addresses import give_address, route_group, take_address
from dualstack.lab.docker import settling
from dualstack.lab.docker.mux import CONTROL, LARGEST, Unpacker, frame

_PRELOADED = ("dualstack.lab.facts", "dualstack.wire.recorder", "dualstack.prober.agent")
"""What will be run inside; a fork of a process that has imported it has it at once."""

_LOOK_SECONDS = 0.002
"""How long to wait before looking again whether a process has ended."""

_END_SECONDS = 2.0

_SHARED = ("/dev/shm", "/tmp")  # noqa: S108 - the host's own
"""Where programs and recorders leave files."""

Request = dict[str, Any]


class Holder:
    """The holder: requests in, answers out, and a stream for each process inside."""

    def __init__(self) -> None:
        """Start with nobody inside."""
        self._unpacker = Unpacker()
        self._line = b""
        self._streams: dict[int, socket.socket] = {}
        self._files: dict[str, str] = {}

    def serve(self) -> None:
        """Do what is asked for until the standard input ends."""
        while True:
            channels = {stream.fileno(): channel for channel, stream in self._streams.items()}
            for descriptor in select.select([0, *channels], [], [])[0]:
                if descriptor == 0:
                    data = os.read(0, LARGEST)
                    if not data:
                        return
                    self._take(data)
                elif channels[descriptor] in self._streams:
                    self._pass_out(channels[descriptor])
            with contextlib.suppress(ChildProcessError):  # orphans too: this is process 1
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass

    def _take(self, data: bytes) -> None:
        """Take frames: requests, and what goes to a process."""
        for channel, piece in self._unpacker.feed(data):
            if channel == CONTROL:
                *lines, self._line = (self._line + piece).split(b"\n")
                for line in lines:
                    self._answer(json.loads(line))
            elif piece:
                with contextlib.suppress(KeyError, OSError):  # it has ended meanwhile
                    self._streams[channel].sendall(piece)
            else:
                self._forget(channel)

    def _pass_out(self, channel: int) -> None:
        """Pass on what a process says."""
        try:
            data = self._streams[channel].recv(LARGEST)
        except OSError:
            data = b""
        _write(frame(channel, data))
        if not data:
            self._forget(channel)

    def _forget(self, channel: int) -> None:
        """Close a stream; its process ends with it."""
        stream = self._streams.pop(channel, None)
        if stream is not None:
            stream.close()

    def _answer(self, request: Request) -> None:
        """Do one request and answer it."""
        answer: Request
        try:
            answer = {"ok": getattr(self, f"_do_{request['do']}")(request)}
        except (DualstackError, OSError) as error:
            kind = type(error).__name__ if isinstance(error, DualstackError) else "HarnessError"
            answer = {"error": str(error), "kind": kind}
        _write(frame(CONTROL, json.dumps(answer).encode() + b"\n"))
        if request["do"] == "preload":
            for name in _PRELOADED:
                importlib.import_module(name)

    def _do_settle(self, request: Request) -> bool:
        """Make the namespace what it shall be."""
        settling.settle(request)
        self._files = request["files"]
        return True

    def _do_preload(self, _: Request) -> bool:
        """Answer at once: nobody waits for the imports that follow."""
        return True

    def _do_add(self, request: Request) -> bool:
        """Give the host an address."""
        give_address(request["interface"], request["address"], request["length"], detect=request["detect"])
        return True

    def _do_remove(self, request: Request) -> bool:
        """Take an address from the host."""
        take_address(request["interface"], request["address"], request["length"])
        return True

    def _do_route(self, request: Request) -> bool:
        """Lead packets for a multicast group over an interface."""
        route_group(request["interface"], request["address"])
        return True

    def _do_recycle(self, _: Request) -> str:
        """Remove what programs left; return why the next case would not find what a fresh host has, or nothing."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        if not _childless():
            return "a process inside goes on"
        for folder in _SHARED:
            for path in Path(folder).iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)  # what cannot be removed is seen below
                else:
                    path.unlink(missing_ok=True)
        settling.write_files(self._files)
        left = [str(path) for folder in _SHARED for path in Path(folder).iterdir()]
        return f"{left[0]} cannot be removed" if left else settling.unquiet()

    def _do_scratch(self, request: Request) -> bool:
        """Make a private folder that every user can write to, and its files."""
        folder = Path(request["folder"])
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(0o777)
        for name, text in request["files"].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return True

    def _do_inside(self, request: Request) -> bool:
        """Fork a process that runs an entry point."""
        module, _, name = request["entry"].partition(":")
        try:
            entry = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"no entry point {request['entry']!r}: {error}") from None
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            ours.close()
            for other in self._streams.values():
                other.close()
            _live(entry, theirs)
        theirs.close()
        self._streams[request["channel"]] = ours
        return True


def _live(entry: Any, stream: socket.socket) -> NoReturn:
    """Run an entry point and end (in the child)."""
    code = 1
    try:
        null = os.open("/dev/null", os.O_RDWR)
        for standard in (0, 1):
            os.dup2(null, standard)  # the way to the test process is the holder's alone
        os.close(null)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        settling.keep_only_capture()
        entry(stream)
        code = 0
    except BaseException:  # noqa: BLE001 - the process ends here; what happened must be seen
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _write(data: bytes) -> None:
    """Write all of ``data`` to the standard output."""
    while data:
        data = data[os.write(1, data) :]


def _childless() -> bool:
    """Wait for the end of every process inside; return False if one goes on."""
    deadline = Deadline(_END_SECONDS, "the processes inside to end")
    while not deadline.expired:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                select.select([], [], [], _LOOK_SECONDS)
        except ChildProcessError:
            return True
    return False


def main() -> None:
    """Serve until the standard input ends."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Holder().serve()


if __name__ == "__main__":
    main()
