"""The programs of a host: started, watched until they are ready, and stopped with all that they forked."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from dualstack.errors import HarnessError
from dualstack.manifest.models import Transport
from dualstack.prober.attending import Attendance, send, signal_number
from dualstack.prober.bounds import LOOK, exceeded
from dualstack.prober.children import Reaper, exit_of, pulse, pulsed
from dualstack.prober.forking import report_of
from dualstack.prober.launching import STATUS, Started, fork_program
from dualstack.prober.messages import PATIENCE, Await, Exit, Launch, Limits, Readiness
from dualstack.prober.output import Output, Watch
from dualstack.prober.processes import descendants, kept_waiting, process_name, processes, socket_owners
from dualstack.prober.readiness import not_listening, unready
from dualstack.prober.sockdiag import KernelSocket, SocketTable
from dualstack.prober.syslog import SystemLog

_READ = 64 << 10
_PIPE_HOLDS = 1 << 20  # the most that a pipe's buffer can hold
_FIRST_LOOK, _LAST_LOOK = 0.001, 0.01  # seconds between looks at the socket table: at first, and in the end
_KILL_TIME = 5.0  # seconds within which SIGKILL must have worked
_KILL_EACH, _KILL_AGAIN = 0.2, 0.01  # seconds in which processes are killed one by one, and between two rounds


class RunningProgram:
    """One program that was started.

    Attributes:
        exit: How it ended; None while it runs.
        output: What it has written.
        attendance: What can be done to its processes while they run.
    """

    def __init__(self, started: Started, limits: Limits, reaper: Reaper, table: SocketTable, log: SystemLog) -> None:
        """Start to follow it."""
        self.exit: Exit | None = None
        self.output = Output()
        self.attendance = Attendance(self.members, self._main)
        self._table = table
        self._system_log = log
        self._supervisor = started.child.pid
        self._limits, self._bound = limits, ""
        self._over = self._lost = False
        self._pipe: int | None = started.output
        self._status: int | None = started.status
        self._changed = asyncio.Event()
        self._serving_since: float | None = None
        loop = asyncio.get_running_loop()
        loop.add_reader(started.output, self._read)
        loop.add_reader(started.status, self._ended)
        reaper.watch(self._supervisor, self._gone)
        log.add(self)
        self._guard = loop.create_task(self._keep_within_bounds())

    def hear(self, data: bytes) -> None:
        """Take what it has said to the system log as a part of its output."""
        self.output.feed(data)
        pulse(self._changed)

    def _read(self) -> bool:
        """Take one piece of its output; return whether there may be more."""
        if self._pipe is None:
            return False
        try:
            data = os.read(self._pipe, _READ)
        except BlockingIOError:
            return False
        if data:
            self.output.feed(data)
        else:  # the last writer is gone
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = None
        pulse(self._changed)
        return bool(data)

    def _drain(self) -> None:
        """Take what its output holds right now; bounded, for a child of it may write on for ever."""
        before = self.output.size
        while self._read() and self.output.size - before < _PIPE_HOLDS:
            pass
        self._system_log.drain()

    def _ended(self) -> None:
        """Note how it ended; what it wrote until then is complete."""
        if self._status is None:
            return
        data = os.read(self._status, STATUS.size)
        asyncio.get_running_loop().remove_reader(self._status)
        os.close(self._status)
        self._status = None
        self._drain()
        # Only SIGKILL to all of the host takes the supervisor before it can tell.
        how = exit_of(*STATUS.unpack(data)) if data else Exit(None, "SIGKILL")
        self.exit = replace(how, bound=self._bound)
        pulse(self._changed)

    def _gone(self, how: Exit) -> None:
        """Note that its supervisor has ended: nothing of it is left, unless the supervisor was killed."""
        self._ended()
        self._drain()
        self._lost = how.code is None
        self._over = not self._lost
        self._guard.cancel()
        pulse(self._changed)

    async def _keep_within_bounds(self) -> None:
        """Look at what it uses, again and again, and kill it when it comes to one of its bounds."""
        while not self._over and not self._bound:
            await asyncio.sleep(LOOK)
            table = processes()
            members = descendants(table, os.getpid() if self._lost else self._supervisor)
            tasks = sum(table[pid].threads for pid in members)
            self._bound = exceeded(self._limits, tasks, members, self.output.size)
        if self._bound and not self._over:
            with suppress(HarnessError):  # who stops it says so
                await self._kill()

    def members(self) -> set[int]:
        """Return its processes: itself and all that it forked, however far they went away.

        Without its supervisor they are children of the agent, like those of any other program.
        """
        if self._over:
            return set()
        return descendants(processes(), os.getpid() if self._lost else self._supervisor)

    async def wait(self, seconds: float) -> Exit | None:
        """Return how it ended, or None when it still runs after ``seconds``."""
        end = monotonic() + seconds
        while self.exit is None and (left := end - monotonic()) > 0:
            await pulsed(self._changed, left)
        return self.exit

    async def wait_log(self, pattern: str, since: int, seconds: float) -> str | None:
        """Return a line of its output, from byte ``since`` on, that matches; None if there is none in ``seconds``."""
        end = monotonic() + seconds
        watch = self.output.watch(pattern, since)
        try:
            while watch.line is None and (left := end - monotonic()) > 0:
                await pulsed(self._changed, left)
            return watch.line
        finally:
            self.output.unwatch(watch)

    async def wait_ready(self, condition: Await) -> Readiness:
        """Return when it is ready, when it has ended and nothing of it is left, or when the time is up.

        On a busy machine its time stands still while it has no processor, see `PATIENCE`.
        """
        start, timeout = monotonic(), condition.timeout
        self._serving_since = None
        watch = self.output.watch(condition.log) if condition.log is not None else None
        try:
            look = _FIRST_LOOK
            while True:
                missing = self._missing(condition, watch)
                passed = monotonic() - start
                # Of what forks, a look at /proc may miss the one process that is left: it proves life, not death. Only
                # the supervisor's end, an instant after that of the last process, proves that nothing is left.
                ready = not missing and (self.exit is None or bool(self.members()))
                if passed >= timeout:
                    timeout = min(condition.timeout + kept_waiting(self.members()), condition.timeout * PATIENCE)
                if self._over or ready or passed >= timeout:
                    return self._readiness(condition, passed, missing, ready=ready)
                await pulsed(self._changed, min(look, timeout - passed))
                look = min(look * 1.5, _LAST_LOOK)
        finally:
            if watch is not None:
                self.output.unwatch(watch)

    def _missing(self, condition: Await, watch: Watch | None) -> list[str]:
        """Return what it still lacks to be ready, one phrase each."""
        missing = []
        if watch is not None and watch.line is None:
            missing.append(f"no line of its output matches {condition.log!r}")
        if condition.port:
            missing += self._missing_socket(condition)
        return missing

    def _missing_socket(self, condition: Await) -> list[str]:
        """Return why the port is not its own yet, as a list of one phrase; empty when it is."""
        where = f"{condition.transport.value.upper()} port {condition.port}"
        serving = self._table.serving(condition.transport, condition.port)
        if not serving:
            return [not_listening(condition)]
        owners = socket_owners()
        members = self.members()
        own = [item for item in serving if owners.get(item.inode, set()) & members]
        if own:
            return self._missing_families(condition, own)
        holders = set().union(*(owners.get(item.inode, set()) for item in serving))
        names = ", ".join(process_name(pid) for pid in sorted(holders)) or "a process that cannot be seen"
        return [f"{where} belongs to {names}, not to it"]

    def _serving(self) -> list[tuple[Transport, int]]:
        """Return transport and port of each of its sockets that takes clients."""
        owners, members = socket_owners(), self.members()
        own = [item for item in self._table.sockets() if owners.get(item.inode, set()) & members]
        return [(item.transport, item.port) for item in own if item.serving]

    def _missing_families(self, condition: Await, own: list[KernelSocket]) -> list[str]:
        """Return which family has no socket yet, as a list of one phrase; empty too when it had time enough."""
        if self._serving_since is None:
            self._serving_since = monotonic()
        served = set().union(*(item.serves for item in own))
        missing = [family.label for family in condition.families if family not in served]
        if not missing or monotonic() - self._serving_since >= condition.grace:
            return []
        return [f"its sockets on port {condition.port} do not serve {' and '.join(missing)}"]

    def _readiness(self, condition: Await, seconds: float, missing: list[str], *, ready: bool) -> Readiness:
        """Return the result of the wait, with its sentence."""
        if ready and self.exit is None:
            detail = "it is ready"
        elif ready:
            left = ", ".join(process_name(pid) for pid in sorted(self.members()))
            detail = f"it {self.exit}, and what it left behind is ready: {left}"
        else:
            detail = unready(condition, seconds, self.exit, missing, self._serving())
        return Readiness(ready=ready, exit=self.exit, seconds=seconds, detail=detail)

    def signal(self, signal_name: str) -> None:
        """Send a signal to its first process alone.

        Raises:
            UsageError: There is no such signal.
        """
        number, main = signal_number(signal_name), self._main()
        if main is not None:
            send({main}, number)

    async def stop(self, signal_name: str, seconds: float) -> Exit | None:
        """Send a signal to all its processes, wait until they are gone, kill what is left after ``seconds``.

        Returns:
            How it ended; None when anything of it had to be killed.

        Raises:
            UsageError: There is no such signal.
            HarnessError: Even SIGKILL did not end it.
        """
        send(self.members(), signal_number(signal_name))
        if await self._await_end(seconds):
            return self.exit
        await self._kill()
        return None

    def _main(self) -> int | None:
        """Return its main process, the first one that has no parent among its own; None once it has ended.

        Its supervisor's children are the program itself and orphans of it, which are younger; of a program that went
        into the background only these are left.
        """
        roots = {process.pid for process in processes().values() if process.parent == self._supervisor}
        return min(roots, default=None)

    async def _kill(self) -> None:
        """Kill all its processes, again and again until its supervisor tells that the last one is gone.

        Raises:
            HarnessError: One of them cannot be killed.
        """
        start = monotonic()
        while not self._over:
            members, passed = self.members(), monotonic() - start
            if passed > _KILL_TIME:
                names = ", ".join(process_name(pid) for pid in sorted(members))
                raise HarnessError(f"{names} outlived SIGKILL by {_KILL_TIME:g} s")
            if self._lost and not members:
                self._over = True
            elif passed > _KILL_EACH and self._is_alone():
                with suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGKILL)  # one step of the kernel: who keeps forking cannot outrun it
            else:
                send(members, signal.SIGKILL)
            if not self._over:
                await pulsed(self._changed, _KILL_AGAIN)

    async def _await_end(self, seconds: float) -> bool:
        """Return whether nothing of it is left within ``seconds``."""
        end = monotonic() + seconds
        while not self._over and (left := end - monotonic()) > 0:
            await pulsed(self._changed, left)
        return self._over

    def _is_alone(self) -> bool:
        """Whether nothing else runs on the host: the agent is PID 1 and has no child but the supervisor.

        Its members need not be listed for that: of a program that keeps forking no list is true for long.
        """
        roots = {process.pid for process in processes().values() if process.parent in (0, 1)}
        return os.getpid() == 1 and roots == {1, self._supervisor}


async def start(launch: Launch, reaper: Reaper, table: SocketTable, log: SystemLog) -> RunningProgram:
    """Start a program.

    Raises:
        ServiceError: It cannot be executed; the message says why.
    """
    started = fork_program(launch)
    program = RunningProgram(started, launch.limits, reaper, table, log)
    await report_of(started.child)
    return program
