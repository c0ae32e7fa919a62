"""The host supervisor: process 1 of a host's pause container, which owns the host's network namespace.

``python3 -m dualstack.lab.docker.supervisor`` reads frames (see `mux`) on its standard input and answers on its
standard output. The first request is ``configure``, see `configure.configure`. Then:

* ``{"do": "preload"}``: after the answer, import what will run inside;
* ``{"do": "inside", "channel": n, "entry": "module:function"}``: run it in a new process, with a stream;
* ``{"do": "change", "change": …}``: change the host, see `changes.pack`; its kernel settings are written already;
* ``{"do": "speak", "place": "…", "text": "…"}``: add an application protocol from outside;
* ``{"do": "recycle"}``: remove what programs left; answer why the host differs from one that is new, or nothing;
* ``{"do": "scratch", "folder": "/dev/shm/…", "files": {name: text}, "modes": {name: "0600"}}``: make a program's
  private folder.

Each answer is ``{"ok": …}`` or ``{"error": "<text>", "kind": "<name of an exception of dualstack.errors>"}``. The end
of the standard input ends the supervisor and, with it, the host.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
from pathlib import Path
from typing import Any, NoReturn

from dualstack.deadline import Deadline
from dualstack.errors import DualstackError
from dualstack.lab.changes import carry_out
from dualstack.lab.docker.configure import configure, keep_only_capture, residue, write_files
from dualstack.lab.docker.mux import CONTROL, LARGEST, Unpacker, frame
from dualstack.lab.process import add_protocol, find_entry, preload, run_and_exit

_LOOK_INTERVAL = 0.002
"""Seconds between two looks whether a process has ended."""

_END_TIMEOUT = 2.0
"""Seconds in which the processes inside must end after their streams."""

_SHARED = ("/dev/shm", "/tmp")  # noqa: S108 - the host's own
"""Where programs and recorders leave files."""

Request = dict[str, Any]


class Supervisor:
    """Answers requests, and carries a stream for each process inside."""

    def __init__(self) -> None:
        """Start without processes inside."""
        self._unpacker = Unpacker()
        self._line = b""
        self._streams: dict[int, socket.socket] = {}
        self._files: dict[str, str] = {}

    def serve(self) -> None:
        """Serve requests until the standard input ends."""
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
            with contextlib.suppress(ChildProcessError):  # orphans included: this is process 1
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass

    def _take(self, data: bytes) -> None:
        """Handle frames: requests, and data for the processes inside."""
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
        """Forward what a process sends."""
        try:
            data = self._streams[channel].recv(LARGEST)
        except OSError:
            data = b""
        _write(frame(channel, data))
        if not data:
            self._forget(channel)

    def _forget(self, channel: int) -> None:
        """Close a stream, which ends its process."""
        stream = self._streams.pop(channel, None)
        if stream is not None:
            stream.close()

    def _answer(self, request: Request) -> None:
        """Serve one request and answer it."""
        answer: Request
        try:
            answer = {"ok": getattr(self, f"_do_{request['do']}")(request)}
        except (DualstackError, OSError) as error:
            kind = type(error).__name__ if isinstance(error, DualstackError) else "HarnessError"
            answer = {"error": str(error), "kind": kind}
        _write(frame(CONTROL, json.dumps(answer).encode() + b"\n"))
        if request["do"] == "preload":
            preload()

    def _do_configure(self, request: Request) -> bool:
        """Configure the namespace."""
        configure(request)
        self._files = request["files"]
        return True

    def _do_preload(self, _: Request) -> bool:
        """Answer at once: the imports follow."""
        return True

    def _do_change(self, request: Request) -> bool:
        """Change the host, but for its kernel settings, which no process in a container can write."""
        carry_out(request["change"], settings=False)
        return True

    def _do_speak(self, request: Request) -> bool:
        """Add an application protocol from outside, for the processes that are forked later."""
        add_protocol(request["place"], request["text"])
        return True

    def _do_recycle(self, _: Request) -> str:
        """Remove what programs left; return why the host differs from one that is new, or nothing."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        if not _childless():
            return "a process inside still runs"
        for folder in _SHARED:
            for path in Path(folder).iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)  # what cannot be removed is found below
                else:
                    path.unlink(missing_ok=True)
        write_files(self._files)
        left = [str(path) for folder in _SHARED for path in Path(folder).iterdir()]
        return f"{left[0]} cannot be removed" if left else residue()

    def _do_scratch(self, request: Request) -> bool:
        """Make a private folder, writable by every user, and its files."""
        folder = Path(request["folder"])
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(0o777)
        for name, text in request["files"].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if name in request["modes"]:
                path.chmod(int(request["modes"][name], 8))
        return True

    def _do_inside(self, request: Request) -> bool:
        """Fork a process that runs an entry point."""
        entry = find_entry(request["entry"])
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            ours.close()
            for other in self._streams.values():
                other.close()
            _run(entry, theirs)
        theirs.close()
        self._streams[request["channel"]] = ours
        return True


def _run(entry: Any, stream: socket.socket) -> NoReturn:
    """Run an entry point and end (in the child)."""

    def work() -> None:
        null = os.open("/dev/null", os.O_RDWR)
        for standard in (0, 1):
            os.dup2(null, standard)  # only the supervisor uses the connection to the test process
        os.close(null)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        keep_only_capture()
        entry(stream)

    run_and_exit(work)


def _write(data: bytes) -> None:
    """Write all of ``data`` to the standard output."""
    while data:
        data = data[os.write(1, data) :]


def _childless() -> bool:
    """Wait for the end of every process inside; return False if one still runs."""
    deadline = Deadline(_END_TIMEOUT, "the processes inside to end")
    while not deadline.expired:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                select.select([], [], [], _LOOK_INTERVAL)
        except ChildProcessError:
            return True
    return False


def main() -> None:
    """Serve until the standard input ends."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Supervisor().serve()


if __name__ == "__main__":
    main()
