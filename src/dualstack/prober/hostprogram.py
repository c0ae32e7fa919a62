"""A program on a host, as a test sees it."""

from collections.abc import Sequence

from dualstack.deadline import Deadline
from dualstack.prober.channel import Channel
from dualstack.prober.messages import Await, Exit, Log, Readiness, ResourceUsage
from dualstack.prober.messages.following import (
    AwaitExit,
    AwaitLine,
    AwaitReady,
    CountResources,
    FindTcpSockets,
    Pause,
    Poll,
    ReadLog,
    Resume,
    SendSignal,
    SendSignals,
    Stop,
)
from dualstack.prober.messages.requests import Handle


class ProgramHandle:
    """A program that was started on the host (`dualstack.lab.protocol.Program`)."""

    def __init__(self, channel: Channel, handle: Handle, command: str) -> None:
        """Keep its handle."""
        self._call = channel.call
        self._handle = handle
        self._command = command

    def poll(self) -> Exit | None:
        """Return how it ended, or None while it runs."""
        return self._call(Poll(self._handle))

    def wait(self, deadline: Deadline) -> Exit:
        """Wait for its end.

        Raises:
            DeadlineExpired: It still runs.
        """
        how = self._call(AwaitExit(self._handle, deadline.remaining))
        if how is None:
            raise deadline.error(f"{self._command!r} still runs")
        return how

    def wait_ready(self, condition: Await) -> Readiness:
        """Wait until it is ready, has ended, or the time is up."""
        return self._call(AwaitReady(self._handle, condition))

    def wait_log(self, pattern: str, deadline: Deadline, since: int = 0) -> str | None:
        """Wait for a line of its output, from byte ``since`` on, that matches; return it, or None if none came."""
        return self._call(AwaitLine(self._handle, pattern, since, deadline.remaining))

    def log(self) -> Log:
        """Return its output until now."""
        return self._call(ReadLog(self._handle))

    def tcp_sockets(self) -> tuple[int, ...]:
        """Return the inodes of the TCP sockets that its processes have open, in every state."""
        return self._call(FindTcpSockets(self._handle))

    def signal(self, signal: str) -> None:
        """Send ``signal`` to its first process only; processes that it forked get no signal and may keep running."""
        self._call(SendSignal(self._handle, signal))

    def stop(self, signal: str, deadline: Deadline) -> Exit | None:
        """Send ``signal`` to all its processes, and wait for their end; kill those that are left at the deadline.

        Returns:
            How it ended, or None when a process had to be killed.
        """
        return self._call(Stop(self._handle, signal, deadline.remaining))

    def send_signals(self, signals: Sequence[str], every: float = 0.0) -> None:
        """Send signals to its main process, in order, ``every`` seconds apart, until it has ended.

        Raises:
            UsageError: There is no such signal.
        """
        self._call(SendSignals(self._handle, tuple(signals), every))

    def pause(self) -> None:
        """Stop all its processes (SIGSTOP); return when none of them runs."""
        self._call(Pause(self._handle))

    def resume(self) -> None:
        """Continue its processes (SIGCONT)."""
        self._call(Resume(self._handle))

    def resource_usage(self) -> ResourceUsage:
        """Return its resource usage.

        Raises:
            HostCannot: It cannot be counted here.
        """
        return self._call(CountResources(self._handle))
