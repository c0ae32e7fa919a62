"""A service that runs as a container: followed over the attached stream and the engine's API."""

import contextlib
import signal
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, HarnessError
from dualstack.lab.docker.attending import Attendant
from dualstack.lab.docker.engine import CONNECTION_ERRORS, APIError, Engine, NotFound, explained
from dualstack.manifest.models import Transport
from dualstack.prober.attending import signal_number
from dualstack.prober.codec import unpack
from dualstack.prober.messages import Await, Exit, Log, Readiness, SocketRow, Vitals
from dualstack.prober.output import Output, Watch
from dualstack.prober.readiness import not_listening, unready

_READ = 64 << 10
_HEADER = struct.Struct("!BxxxI")
_FIRST_LOOK, _LAST_LOOK = 0.002, 0.02
"""Seconds between looks at the socket table: at first, and in the end."""

_HEALTH_LOOK = 0.2
"""Seconds between looks at the health check."""

_DYING_SECONDS = 2.0
"""Seconds that a service is given to be gone, once nobody attends to it any more."""

_LATE = 0.1
"""Seconds by which each signal may be late."""

_KILL_SECONDS = 20.0
_SIGNALLED = 128
_FATAL = frozenset(
    {"SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGSEGV", "SIGPIPE", "SIGTERM"}
)
"""Signals that end programs: exit codes of 128 and one of these numbers stand for them, as in a shell."""

Foreign = Callable[[], Sequence[SocketRow]]


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
        attend: Callable[[], socket.socket],
        discard: Callable[[], None],
    ) -> None:
        """Follow a container that has just been started.

        Args:
            engine: Where it runs.
            identity: The engine's id of it.
            stream: What it says.
            foreign: Returns the host's sockets that are not the prober's; the prober's own have an owner.
            checked: Whether its image has a health check.
            attend: Starts who attends to its processes, and returns the stream to it.
            discard: Removes the container, once it is not needed any more.
        """
        self.identity = identity
        self._engine = engine
        self._stream = stream
        self._foreign = foreign
        self._checked = checked
        self._attend = attend
        self._attendant: Attendant | None = None
        self._discard = discard
        self._state = threading.Condition()  # guards everything below
        self._output = Output()
        self._exit: Exit | None = None
        self._fault = ""
        self._serving_since: float | None = None
        threading.Thread(target=self._follow, name=f"output of {identity[:12]}", daemon=True).start()

    def _follow(self) -> None:
        """Take its output until the last writer is gone, then ask how it ended (in the thread)."""
        rest = bytearray()
        with contextlib.suppress(OSError), self._stream:
            while data := self._stream.recv(_READ):
                rest += data
                self._feed(rest)
        try:
            answer = self._engine.api.wait(self.identity, timeout=None)
            how = _exit_of(int(answer["StatusCode"]), self._engine, self.identity)
            fault = ""
        except (APIError, *CONNECTION_ERRORS) as error:
            how, fault = None, f"the container engine lost the service's container: {error}"
        with self._state:
            self._exit, self._fault = how, fault
            self._state.notify_all()

    def _feed(self, rest: bytearray) -> None:
        """Take the engine's frames apart: standard output and error are one stream."""
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
        """Wait for a line of its output, from byte ``since`` on, that matches; return it, or None if none came."""
        with self._state:
            watch = self._output.watch(pattern, since)
            try:
                while watch.line is None and not deadline.expired:
                    self._state.wait(deadline.remaining)
                return watch.line
            finally:
                self._output.unwatch(watch)

    def wait_ready(self, condition: Await) -> Readiness:
        """Wait until it is ready, has ended, or the time is up."""
        start = monotonic()
        self._serving_since = None
        with self._state:
            watch = self._output.watch(condition.log) if condition.log is not None else None
        try:
            look = _FIRST_LOOK
            while True:
                missing = self._missing(condition, watch)
                passed = monotonic() - start
                how = self.poll()
                if how is not None or not missing or passed >= condition.timeout:
                    if how is None and not missing:
                        return Readiness(ready=True, exit=None, seconds=passed, detail="it is ready")
                    own = [(Transport(row.transport), row.port) for row in self._foreign() if _serving(row)]
                    detail = unready(condition, passed, how, missing, own)
                    return Readiness(ready=False, exit=how, seconds=passed, detail=detail)
                with self._state:
                    self._state.wait(min(look, condition.timeout - passed))
                look = min(look * 1.5, _LAST_LOOK)
        finally:
            if watch is not None:
                with self._state:
                    self._output.unwatch(watch)

    def _missing(self, condition: Await, watch: Watch | None) -> list[str]:
        """Return what it still lacks to be ready, one phrase each."""
        missing = []
        if watch is not None and watch.line is None:
            missing.append(f"no line of its output matches {condition.log!r}")
        if condition.port:
            missing += self._missing_socket(condition)
        if not missing and self._checked:
            missing += self._missing_health()
        return missing

    def _missing_socket(self, condition: Await) -> list[str]:
        """Return why the port is not its own yet, as a list of one phrase; empty when it is."""
        where = f"{condition.transport.value.upper()} port {condition.port}"
        rows = [row for row in self._foreign() if row.port == condition.port and row.state in {"LISTEN", "UNCONN"}]
        rows = [row for row in rows if row.transport == condition.transport.value]
        own = [row for row in rows if not row.owner]
        if not own:
            return [f"{where} belongs to {rows[0].owner}, not to it" if rows else not_listening(condition)]
        if self._serving_since is None:
            self._serving_since = monotonic()
        served = set().union(*(row.serves for row in own))
        lacking = [family.label for family in condition.families if family not in served]
        if not lacking or monotonic() - self._serving_since >= condition.grace:
            return []
        return [f"its sockets on port {condition.port} do not serve {' and '.join(lacking)}"]

    def _missing_health(self) -> list[str]:
        """Return that its health check has not passed, as a list of one phrase; empty when it has."""
        with self._state:
            if self._exit is not None:
                return []
        with explained("the service's container cannot be inspected"):
            try:
                health = self._engine.api.inspect_container(self.identity)["State"].get("Health") or {}
            except NotFound:
                return []
        if health.get("Status", "healthy") in {"healthy", "none"}:
            return []
        last = (health.get("Log") or [{}])[-1]
        said = " ".join(str(last.get("Output", "")).split())[-200:]
        with self._state:  # not at every look: each is a request to the engine
            self._state.wait(_HEALTH_LOOK)
        return [f"its image's health check is {health['Status']}" + (f' and says "{said}"' if said else "")]

    def signal(self, signal: str) -> None:
        """Send ``signal`` to its first process alone; when that ends, everything in the container ends with it."""
        self._signal(signal_number(signal))

    def storm(self, signals: Sequence[str], every: float = 0.0) -> None:
        """Send signals to its main process, in that order, ``every`` seconds apart; none once it has ended."""
        self._attended({"do": "storm", "signals": list(signals), "every": every}, (every + _LATE) * len(signals))

    def pause(self) -> None:
        """Stop all its processes where they are; returns when none of them runs."""
        self._attended({"do": "pause"})

    def resume(self) -> None:
        """Let its processes go on."""
        self._attended({"do": "resume"})

    def vitals(self) -> Vitals:
        """Count what it holds."""
        answer = self._attended({"do": "vitals"})
        return unpack(Vitals, answer) if answer is not None else Vitals(0, 0, 0)

    def _attended(self, request: dict[str, Any], seconds: float = 0.0) -> dict[str, Any] | None:
        """Have something done to its processes; return the answer, or None if they have all ended.

        Raises:
            DualstackError: It cannot be done.
        """
        if self.poll() is not None:
            return None
        try:
            if self._attendant is None:
                self._attendant = Attendant(self._attend())
            return self._attendant.ask(request, seconds)
        except HarnessError:
            with contextlib.suppress(DeadlineExpired):  # it ends with the service
                self.wait(Deadline(_DYING_SECONDS, "the service to end"))
                return None
            raise

    def stop(self, signal: str, deadline: Deadline) -> Exit | None:
        """Send ``signal`` and wait for its end; what is left then is killed.

        Returns:
            How it ended by itself, or None when it had to be killed.
        """
        number = signal_number(signal)
        try:
            if self.poll() is None:
                self._signal(number)
            return self.wait(deadline)
        except DeadlineExpired:
            self._signal(9)
            self.wait(Deadline(_KILL_SECONDS, "a killed container to end"))
            return None
        finally:
            if self._attendant is not None:
                self._attendant.close()
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


def _serving(row: SocketRow) -> bool:
    """Return whether a socket is the service's and takes what comes for its port."""
    return not row.owner and row.state in {"LISTEN", "UNCONN"}


def _exit_of(code: int, engine: Engine, identity: str) -> Exit:
    """Return how a container ended; of one that was killed for its memory the signal says so."""
    if code > _SIGNALLED:
        with contextlib.suppress(ValueError):
            name = signal.Signals(code - _SIGNALLED).name
            if name in _FATAL:
                return Exit(code=None, signal=f"{name} (out of memory)" if _out_of_memory(engine, identity) else name)
    return Exit(code=code)


def _out_of_memory(engine: Engine, identity: str) -> bool:
    """Return whether the kernel killed something of a container because its memory was used up."""
    try:
        return bool(engine.api.inspect_container(identity)["State"]["OOMKilled"])
    except NotFound:
        return False
