"""The test process's side of the lab supervisor: starts it, asks it, ends it, and checks what is left of it."""

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from dualstack import errors
from dualstack.deadline import Deadline
from dualstack.errors import HarnessError
from dualstack.lab import control, supervisor
from dualstack.lab.forked import Forked
from dualstack.lab.leftovers import boot_ticks, holders, link_of
from dualstack.lab.outside import Outside

_START = "import gc, sys; gc.disable(); from dualstack.lab import supervisor; sys.exit(supervisor.main(sys.argv[1:]))"
"""The program of a supervisor that is executed; none of the objects that it imports is garbage."""

_ANSWER_TIMEOUT = 30.0
"""Seconds that the supervisor may take for an answer, also on a busy machine."""

Process = Forked | subprocess.Popen[bytes]


class SupervisorClient:
    """A lab supervisor and the connection to it.

    Attributes:
        namespaces: Its own namespaces and those of its labs that are up, as `link_of` writes them.
    """

    def __init__(self, start: Callable[[socket.socket], Process]) -> None:
        """Start the process with one end of the connection; it ends with this process."""
        self._lock = threading.Lock()
        self._closed: int | None = None
        self._connection, theirs = control.connected_pair()
        self._connection.settimeout(_ANSWER_TIMEOUT)
        with theirs:
            self._process = start(theirs)
        self.namespaces: set[str] = set()
        self._first = self._first_fd = -1
        self._outside = Outside()

    def greet(self) -> None:
        """Wait until it is up.

        Raises:
            HostCannot: The machine does not allow its namespaces.
            HarnessError: It did not start.
        """
        try:
            greeting = self._answer()
        except BaseException:
            self.close()
            raise
        self._first = int(greeting["pid"])
        self._first_fd = os.pidfd_open(self._first)
        self.namespaces |= {link_of(kind, inode) for kind, inode in greeting["namespaces"].items()}

    @property
    def pids(self) -> tuple[int, int]:
        """The process that was started, and process 1 of its namespaces, by their numbers on this machine."""
        return self._process.pid, self._first

    @property
    def gone(self) -> bool:
        """Whether the process has ended, for example because it was killed."""
        return self._process.poll() is not None

    def ask(self, request: control.Message, *descriptors: int) -> control.Message:
        """Send a request and return its answer.

        Raises:
            DualstackError: The supervisor answered with this error.
            HarnessError: The supervisor has ended, or does not answer.
        """
        with self._lock:
            try:
                control.send(self._connection, request, descriptors)
            except OSError as error:
                raise HarnessError(f"the lab supervisor is gone: {error}{self._exit_status_text()}") from None
            return self._answer()

    def send_protocols(self) -> None:
        """Send the protocols from outside that it does not have yet."""
        self._outside.send(self.ask)

    def drop(self, lab: int) -> None:
        """Remove a lab; a supervisor that has ended has removed it already."""
        if self._closed is not None:
            return
        try:
            self.ask({"do": "down", "lab": lab})
        except HarnessError:
            if self._process.poll() is None:
                raise

    def close(self) -> None:
        """End the supervisor and everything in its namespaces, and wait for that.

        Raises:
            DeadlineExpired: It could not be killed.
        """
        self._closed = boot_ticks()
        self._connection.close()
        deadline = Deadline(_ANSWER_TIMEOUT, "the lab supervisor to end")
        try:
            self._process.wait(timeout=_ANSWER_TIMEOUT / 3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            try:
                self._process.wait(timeout=deadline.remaining)
            except subprocess.TimeoutExpired:
                raise deadline.error() from None
        if self._first_fd >= 0 and not self._first_gone(deadline.remaining):
            raise deadline.error("process 1 of its namespaces is still there")

    def leftovers(self) -> list[str]:
        """Return the processes that are left, by their numbers and by the namespaces that they hold."""
        lines = [] if self._process.poll() is not None else [f"process {self._process.pid}: the lab supervisor"]
        if self._first_fd >= 0 and not self._first_gone(0.0):
            lines.append(f"process {self._first}: process 1 of the labs")
        return lines + holders(self.namespaces, self._closed)

    def _first_gone(self, seconds: float) -> bool:
        """Wait for the end of process 1 of the namespaces, with which the kernel ends all others in them."""
        poller = select.poll()
        poller.register(self._first_fd, select.POLLIN)
        return bool(poller.poll(seconds * 1000))

    def _answer(self) -> control.Message:
        """Return the next answer."""
        try:
            received = control.receive(self._connection)
        except TimeoutError:
            self._process.kill()  # its answer would come late, and be taken for that to the next request
            ending = self._exit_status_text()
            text = f"the lab supervisor has not answered for {_ANSWER_TIMEOUT:g} s, and was killed{ending}"
            raise HarnessError(text) from None
        if received is None:
            raise HarnessError(f"the lab supervisor is gone{self._exit_status_text()}")
        answer, _ = received
        if "error" in answer:
            raise getattr(errors, answer["kind"], HarnessError)(answer["error"])
        result: control.Message = answer["ok"]
        return result

    def _exit_status_text(self) -> str:
        """Return how the process ended, as the end of a sentence; empty if it still runs."""
        try:
            return f"; it ended with {self._process.wait(timeout=1.0)}"
        except subprocess.TimeoutExpired:
            return ""


def fork_supervisor(theirs: socket.socket) -> Forked:
    """Fork a supervisor."""
    number, parent = theirs.fileno(), os.getpid()

    def act() -> int:
        os.setsid()  # a Ctrl-C is for the test run, which then closes the labs in order
        return supervisor.main([str(number), str(parent)])

    with Path(os.devnull).open("rb") as nothing:
        return Forked(supervisor.NAME, act, streams=(nothing.fileno(), 1, 2), keep=[number])


def execute_supervisor(theirs: socket.socket) -> "subprocess.Popen[bytes]":
    """Execute a supervisor: a process with several threads cannot be forked safely."""
    command = [sys.executable, "-P", "-c", _START, str(theirs.fileno()), str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True)
