"""Requests about a program that was started."""

from dataclasses import dataclass

from dualstack.prober.messages.programs import STARVATION_FACTOR, Await, Exit, Log, Readiness, ResourceUsage
from dualstack.prober.messages.requests import ObjectRequest

_SIGNAL_DELAY = 0.1  # seconds by which each of several signals may be late


class Poll(ObjectRequest[Exit | None]):
    """Return how a program ended, or None while it runs."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class AwaitExit(ObjectRequest[Exit | None]):
    """Wait for a program's end; return None if it still runs when the time is up.

    Attributes:
        timeout: Seconds.
    """

    timeout: float


@dataclass(frozen=True, slots=True)
class AwaitReady(ObjectRequest[Readiness]):
    """Wait until a program is ready, has ended, or the time is up.

    Attributes:
        condition: What makes it ready.
    """

    condition: Await

    @property
    def time_limit(self) -> float:
        """Seconds until the wait ends, on a busy machine too."""
        return self.condition.timeout * STARVATION_FACTOR


@dataclass(frozen=True, slots=True)
class AwaitLine(ObjectRequest[str | None]):
    """Wait for a line of a program's output that matches; return None if there is none when the time is up.

    Attributes:
        pattern: A regular expression.
        since: The first byte of the output that counts.
        timeout: Seconds.
    """

    pattern: str
    since: int
    timeout: float


class FindTcpSockets(ObjectRequest[tuple[int, ...]]):
    """Return the inodes of the TCP sockets that a program's processes have open, in every state."""

    __slots__ = ()


class ReadLog(ObjectRequest[Log]):
    """Return what a program has written until now."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SendSignal(ObjectRequest[None]):
    """Send a signal to the first process of a program only.

    Attributes:
        signal: The signal's name.
    """

    signal: str


@dataclass(frozen=True, slots=True)
class SendSignals(ObjectRequest[None]):
    """Send signals, in order, to the main process of a program until it has ended.

    Attributes:
        signals: Their names.
        interval: Seconds between two of them.
    """

    signals: tuple[str, ...]
    interval: float

    @property
    def time_limit(self) -> float:
        """Seconds until all are sent."""
        return (self.interval + _SIGNAL_DELAY) * len(self.signals)


@dataclass(frozen=True, slots=True)
class Stop(ObjectRequest[Exit | None]):
    """Send a signal to all processes of a program and wait for their end; kill those that are left.

    The answer is None if a process had to be killed.

    Attributes:
        signal: The signal's name.
        timeout: Seconds after which processes are killed.
    """

    signal: str
    timeout: float


class Pause(ObjectRequest[None]):
    """Stop all processes of a program (SIGSTOP) and wait until none of them runs."""

    __slots__ = ()


class Resume(ObjectRequest[None]):
    """Continue all processes of a program (SIGCONT)."""

    __slots__ = ()


class CountResources(ObjectRequest[ResourceUsage]):
    """Return the resource usage of a program."""

    __slots__ = ()
