"""Processes that are forked and not executed: they start in a millisecond, since everything is imported already."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from dualstack.prober import libc
from dualstack.prober.descriptors import close_all_but


class Forked:
    """A child of this process that runs a function, with the part of the interface of `subprocess.Popen` that is used.

    Attributes:
        pid: Its number.
        returncode: Its exit code, negative for a signal; None until `poll` or `wait` has reaped it.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[], int],
        *,
        streams: tuple[int, int, int] = (0, 1, 2),
        keep: Iterable[int] = (),
        death_signal: int = signal.SIGKILL,
    ) -> None:
        """Fork. This process must have one thread only.

        Args:
            name: Its name in ps; 15 characters at most.
            act: The function that the child runs; it returns the exit code.
            streams: The descriptors that become its standard input, output and error.
            keep: Which other descriptors stay open in it.
            death_signal: The signal that it gets when this process ends, by any means.
        """
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        parent = os.getpid()
        # Until the child has reset the handlers, a signal must not run this process's handlers in it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _run(name, act, streams=streams, keep=keep, parent=parent, death_signal=death_signal)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.returncode: int | None = None
        self._end = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""
        return self.returncode if self._wait(0.0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs after ``timeout`` seconds.
        """
        if not self._wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        assert self.returncode is not None  # noqa: S101 - for the type checker
        return self.returncode

    def kill(self) -> None:
        """Send it SIGKILL, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _wait(self, timeout: float | None) -> bool:
        """Return whether it has ended, at the latest after ``timeout`` seconds."""
        if self.returncode is not None:
            return True
        poller = select.poll()
        poller.register(self._end, select.POLLIN)
        if not poller.poll(None if timeout is None else timeout * 1000):
            return False
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._end)
        return True


def _run(
    name: str,
    act: Callable[[], int],
    *,
    streams: tuple[int, int, int],
    keep: Iterable[int],
    parent: int,
    death_signal: int,
) -> NoReturn:
    """Run in the child: reset signals as for a new program, close other descriptors, run ``act`` and exit."""
    code = 1
    try:
        _fresh_signals()
        libc.die_with_parent(death_signal)
        if os.getppid() != parent:
            os._exit(1)  # the parent ended before the death signal was set
        Path("/proc/self/comm").write_text(name)
        take_streams(*streams)
        close_all_but(*keep)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        code = act()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # noqa: BLE001 - the process ends here; the traceback must be seen
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _fresh_signals() -> None:
    """Reset the signal handlers; SIGINT raises KeyboardInterrupt, as in every new Python process."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def take_streams(*streams: int) -> None:
    """Make these descriptors the standard input, output and error of this process."""
    copies = [os.dup(descriptor) for descriptor in streams]
    for target, copy in enumerate(copies):
        os.dup2(copy, target)
        os.close(copy)
