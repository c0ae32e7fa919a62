"""A service that runs in a container: its output comes over the attached stream, the rest over the engine's API."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, HarnessError
from dualstack.lab.docker.engine import CONNECTION_ERRORS, APIError, Engine, NotFound, explained
from dualstack.lab.docker.health import exit_of, unhealthy
from dualstack.lab.docker.sidecar_client import SidecarClient
from dualstack.lab.docker.view import ContainerView, Foreign
from dualstack.prober.codec import unpack
from dualstack.prober.messages import Await, Exit, Log, Readiness, ResourceUsage
from dualstack.prober.output import Output
from dualstack.prober.process_control import signal_number
from dualstack.prober.readiness import Waiting

_READ = 64 << 10
_HEADER = struct.Struct("!BxxxI")
_FIRST_INTERVAL, _LAST_INTERVAL = 0.002, 0.02
"""Seconds between looks at the socket table: at first, and later."""

_HEALTH_INTERVAL = 0.2
"""Seconds between looks at the health check."""

_END_TIMEOUT = 2.0
"""Seconds in which a service must end after its sidecar has: otherwise the sidecar has failed."""

_SIGNAL_DELAY = 0.1
"""Seconds by which each signal may be late."""

_KILL_TIMEOUT = 20.0
"""Seconds in which a killed container must end."""


class ContainerProgram:
    """A service in its container (`dualstack.lab.protocol.Program`)."""

    def __init__(
        self,
        engine: Engine,
        identity: str,
        stream: socket.socket,
        *,
        foreign: Foreign,
        checked: bool,
        sidecar: Callable[[], socket.socket],
        discard: Callable[[], None],
    ) -> None:
        """Follow a container that has just been started.

        Args:
            engine: Where it runs.
            identity: The engine's id of it.
            stream: Its output.
            foreign: Returns the host's sockets that are not the prober's; the prober's own have an owner.
            checked: Whether its image has a health check.
            sidecar: Starts the container's sidecar, and returns the stream to it.
            discard: Removes the container, when it is not needed any more.
        """
        self.identity = identity
        self._engine = engine
        self._stream = stream
        self._foreign = foreign
        self._checked = checked
        self._start_sidecar = sidecar
        self._sidecar: SidecarClient | None = None
        self._discard = discard
        self._state = threading.Condition()  # guards everything below
        self._output = Output()
        self._exit: Exit | None = None
        self._fault = ""
        self._began = monotonic()
        threading.Thread(target=self._follow, name=f"output of {identity[:12]}", daemon=True).start()

    def _follow(self) -> None:
        """Read its output until the last writer has ended, then its exit status (in the thread)."""
        rest = bytearray()
        with contextlib.suppress(OSError), self._stream:
            while data := self._stream.recv(_READ):
                rest += data
                self._feed(rest)
        try:
            answer = self._engine.api.wait(self.identity, timeout=None)
            how = exit_of(int(answer["StatusCode"]), self._engine, self.identity)
            how = replace(how, seconds=monotonic() - self._began)
            fault = ""
        except (APIError, *CONNECTION_ERRORS) as error:
            how, fault = None, f"the container engine lost the service's container: {error}"
        with self._state:
            self._exit, self._fault = how, fault
            self._state.notify_all()

    def _feed(self, rest: bytearray) -> None:
        """Split the engine's frames: standard output and error are one stream."""
        with self._state:
            while len(rest) >= _HEADER.size:
                _, length = _HEADER.unpack_from(rest)
                end = _HEADER.size + length
                if len(rest) < end:
                    break
                self._output.feed(bytes(rest[_HEADER.size : end]))
                del rest[:end]
            self._state.notify_all()

    def _ended(self) -> Exit | None:
        """Return how it ended, or None while it runs; the state must be held.

        Raises:
            HarnessError: The engine has lost it.
        """
        if self._fault:
            raise HarnessError(self._fault)
        return self._exit

    def poll(self) -> Exit | None:
        """Return how it ended, or None while it runs."""
        with self._state:
            return self._ended()

    def wait(self, deadline: Deadline) -> Exit:
        """Wait for its end.

        Raises:
            DeadlineExpired: It still runs.
        """
        with self._state:
            while (how := self._ended()) is None:
                if deadline.expired:
                    raise deadline.error("it still runs")
                self._state.wait(deadline.remaining)
            return how

    def log(self) -> Log:
        """Return what it has written so far."""
        with self._state:
            return self._output.log()

    def wait_log(self, pattern: str, deadline: Deadline, since: int = 0) -> str | None:
        """Wait for a line of its output, from byte ``since`` on, that matches; return it, or None if there is none."""
        with self._state:
            watch = self._output.watch(pattern, since)
            try:
                self._state.wait_for(lambda: watch.line is not None, deadline.remaining)
                return watch.line
            finally:
                self._output.unwatch(watch)

    def wait_ready(self, condition: Await) -> Readiness:
        """Wait until it is ready, has ended, or the time is up."""
        with self._state:
            watch = self._output.watch(condition.log) if condition.log is not None else None
        view = ContainerView(
            watch, poll=self.poll, foreign=self._foreign, unhealthy=self._unhealthy, starved=self._starved
        )
        waiting, interval = Waiting(condition, monotonic()), _FIRST_INTERVAL
        try:
            while (readiness := waiting.look(view, monotonic())) is None:
                with self._state:
                    self._state.wait(min(interval, waiting.left(monotonic())))
                interval = min(interval * 1.5, _LAST_INTERVAL)
            return readiness
        finally:
            if watch is not None:
                with self._state:
                    self._output.unwatch(watch)

    def _unhealthy(self) -> list[str]:
        """Return the state of its health check, as a list of one phrase; empty when it has passed, or there is none."""
        if not self._checked or self.poll() is not None:
            return []
        found = unhealthy(self._engine, self.identity)
        if found:
            with self._state:  # each look is a request to the engine
                self._state.wait(_HEALTH_INTERVAL)
        return [found] if found else []

    def _starved(self) -> float:
        """Return the seconds for which it could have run but had no processor; 0 if its sidecar cannot count them."""
        with contextlib.suppress(HarnessError):
            if answer := self._ask_sidecar({"do": "starved"}):
                return float(answer["seconds"])
        return 0.0

    def sockets(self) -> tuple[int, ...]:
        """Return the inodes of the sockets that its processes have open; empty if it has ended."""
        answer = self._ask_sidecar({"do": "sockets"})
        return tuple(answer["inodes"]) if answer is not None else ()

    def tcp_sockets(self) -> tuple[int, ...]:
        """Return the inodes of the TCP sockets that its processes have open, in every state; empty if it has ended."""
        answer = self._ask_sidecar({"do": "tcp_sockets"})
        return tuple(answer["inodes"]) if answer is not None else ()

    def signal(self, signal: str) -> None:
        """Send ``signal`` to its first process only; when that ends, the whole container ends."""
        self._signal(signal_number(signal))

    def send_signals(self, signals: Sequence[str], every: float = 0.0) -> None:
        """Send signals to its main process, in that order, ``every`` seconds apart; none after it has ended."""
        self._ask_sidecar(
            {"do": "send_signals", "signals": list(signals), "every": every}, (every + _SIGNAL_DELAY) * len(signals)
        )

    def pause(self) -> None:
        """Stop all its processes (SIGSTOP); return when none of them runs."""
        self._ask_sidecar({"do": "pause"})

    def resume(self) -> None:
        """Let its processes continue (SIGCONT)."""
        self._ask_sidecar({"do": "resume"})

    def resource_usage(self) -> ResourceUsage:
        """Return the numbers of its processes, zombies and descriptors."""
        answer = self._ask_sidecar({"do": "resource_usage"})
        return unpack(ResourceUsage, answer) if answer is not None else ResourceUsage(0, 0, 0)

    def _ask_sidecar(self, request: dict[str, Any], seconds: float = 0.0) -> dict[str, Any] | None:
        """Send the sidecar a request and return the answer, or None if the service has ended.

        Raises:
            DualstackError: The sidecar answered with this error.
            HarnessError: The sidecar failed.
        """
        if self.poll() is not None:
            return None
        try:
            if self._sidecar is None:
                self._sidecar = SidecarClient(self._start_sidecar())
            return self._sidecar.ask(request, seconds)
        except HarnessError:
            with contextlib.suppress(DeadlineExpired):  # it ends with the service
                self.wait(Deadline(_END_TIMEOUT, "the service to end"))
                return None
            raise

    def stop(self, signal: str, deadline: Deadline) -> Exit | None:
        """Send ``signal`` and wait for its end; kill it if it does not end in time.

        Returns:
            How it ended, or None if it had to be killed.
        """
        number = signal_number(signal)
        try:
            if self.poll() is None:
                self._signal(number)
            return self.wait(deadline)
        except DeadlineExpired:
            self._signal(9)
            self.wait(Deadline(_KILL_TIMEOUT, "a killed container to end"))
            return None
        finally:
            if self._sidecar is not None:
                self._sidecar.close()
            self._discard()

    def _signal(self, number: int) -> None:
        """Send a signal to the container's first process, unless it has ended."""
        with explained("the service's container cannot be sent a signal"):
            try:
                self._engine.api.kill(self.identity, number)
            except NotFound:
                return
            except APIError as error:
                if "is not running" not in str(error):
                    raise
