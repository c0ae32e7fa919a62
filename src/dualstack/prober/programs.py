"""The programs of a host: started, followed, and stopped with all processes that they forked."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from dualstack.errors import HarnessError
from dualstack.prober.bounds import CHECK_INTERVAL, exceeded
from dualstack.prober.children import Reaper, exit_of, pulse, pulsed
from dualstack.prober.forking import report_of
from dualstack.prober.launching import STATUS, StartedProcess, fork_program
from dualstack.prober.messages import Exit, Launch
from dualstack.prober.messages.requests import Handle
from dualstack.prober.output import Output
from dualstack.prober.process_control import ProcessControl, send, signal_number
from dualstack.prober.processes import descendants, is_ending, process_name, processes
from dualstack.prober.syslog import SystemLog
from dualstack.prober.verbs import Agent, verb

_READ = 64 << 10
_PIPE_SIZE = 1 << 20  # the most that a pipe's buffer can hold
_ENDING_TIMEOUT = 1.0  # seconds within which an ending process is reaped
_KILL_TIMEOUT = 15.0  # seconds within which SIGKILL must have worked, also on a busy machine
_KILL_SINGLY = 0.2  # seconds for which processes are killed one by one
_KILL_INTERVAL = 0.01  # seconds between two rounds of SIGKILL


class RunningProgram:
    """One program that was started.

    Attributes:
        exit: How its first process ended; None while it runs.
        is_gone: Whether none of its processes is left.
        output: What it has written.
        changed: A pulse at each output and at its end.
        control: Its processes, for signals, pauses and counts.
        component: The name of the component that it is; empty for any other program.
    """

    def __init__(self, started: StartedProcess, launch: Launch, reaper: Reaper, log: SystemLog) -> None:
        """Start to follow it."""
        self.component = launch.component
        self.exit: Exit | None = None
        self.is_gone = False
        self.output = Output()
        self.changed = asyncio.Event()
        self.control = ProcessControl(self.members, self._main)
        self._system_log = log
        self._supervisor = started.child.pid
        self._limits, self._bound = launch.limits, ""
        self._began = monotonic()
        self._supervisor_was_killed = False
        self._pipe: int | None = started.output
        self._status: int | None = started.status
        loop = asyncio.get_running_loop()
        loop.add_reader(started.output, self._read)
        loop.add_reader(started.status, self._ended)
        reaper.watch(self._supervisor, self._supervisor_ended)
        log.add(self)
        self._guard = loop.create_task(self._keep_within_limits())

    def hear(self, data: bytes) -> None:
        """Take a message that it sent to the system log as a part of its output."""
        self.output.feed(data)
        pulse(self.changed)

    def members(self) -> set[int]:
        """Return its processes: itself and all its descendants, also after they have daemonised.

        Without its supervisor they are children of the agent, like those of any other program.
        """
        if self.is_gone:
            return set()
        return descendants(processes(), os.getpid() if self._supervisor_was_killed else self._supervisor)

    async def poll(self) -> Exit | None:
        """Return how it ended, or None while it runs.

        If it is ending, which closes its connections, this waits for how it ended.
        """
        if self.exit is None and ((main := self._main()) is None or is_ending(main)):
            await self.wait(_ENDING_TIMEOUT)
        return self.exit

    async def wait(self, seconds: float) -> Exit | None:
        """Return how it ended, or None if it still runs after ``seconds``."""
        await self._until(lambda: self.exit is not None, seconds)
        return self.exit

    async def wait_log(self, pattern: str, since: int, seconds: float) -> str | None:
        """Return a line of its output, from byte ``since`` on, that matches; None if there is none in ``seconds``."""
        watch = self.output.watch(pattern, since)
        try:
            await self._until(lambda: watch.line is not None, seconds)
            return watch.line
        finally:
            self.output.unwatch(watch)

    def signal(self, signal_name: str) -> None:
        """Send a signal to its first process only.

        Raises:
            UsageError: There is no such signal.
        """
        number, main = signal_number(signal_name), self._main()
        if main is not None:
            send({main}, number)

    async def stop(self, signal_name: str, seconds: float) -> Exit | None:
        """Send a signal to all its processes, wait until they have ended, kill those that are left after ``seconds``.

        Returns:
            How it ended; None if a process had to be killed.

        Raises:
            UsageError: There is no such signal.
            HarnessError: Even SIGKILL did not end it.
        """
        send(self.members(), signal_number(signal_name))
        if await self._until(lambda: self.is_gone, seconds):
            return self.exit
        await self._kill()
        return None

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
        else:  # the last writer has ended
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = None
        pulse(self.changed)
        return bool(data)

    def _drain(self) -> None:
        """Take the output that is there now; at most what a pipe holds, because a child of it may write endlessly."""
        before = self.output.size
        while self._read() and self.output.size - before < _PIPE_SIZE:
            pass
        self._system_log.drain()

    def _ended(self) -> None:
        """Note how it ended; its output until then is complete."""
        if self._status is None:
            return
        data = os.read(self._status, STATUS.size)
        asyncio.get_running_loop().remove_reader(self._status)
        os.close(self._status)
        self._status = None
        self._drain()
        # Only a SIGKILL to the whole host ends the supervisor before it has reported.
        how = exit_of(*STATUS.unpack(data)) if data else Exit(None, "SIGKILL")
        self.exit = replace(how, bound=self._bound, seconds=monotonic() - self._began)
        pulse(self.changed)

    def _supervisor_ended(self, how: Exit) -> None:
        """Note the end of its supervisor: none of its processes is left, unless the supervisor was killed."""
        self._ended()
        self._drain()
        self._supervisor_was_killed = how.code is None
        self.is_gone = not self._supervisor_was_killed
        if self.is_gone:
            self._guard.cancel()
        pulse(self.changed)

    async def _keep_within_limits(self) -> None:
        """Check regularly what it uses, and kill it when it reaches one of its limits."""
        while not self.is_gone and not self._bound:
            await asyncio.sleep(CHECK_INTERVAL)
            table = processes()
            members = descendants(table, os.getpid() if self._supervisor_was_killed else self._supervisor)
            tasks = sum(table[pid].threads for pid in members)
            self._bound = exceeded(self._limits, tasks, members, self.output.size)
        if self._bound and not self.is_gone:
            with suppress(HarnessError):  # `stop` raises it again
                await self._kill()

    def _main(self) -> int | None:
        """Return its main process, the oldest one whose parent is the supervisor; None once it has ended.

        The supervisor's children are the program itself and its orphans, which are younger. After the program has
        daemonised only orphans are left.
        """
        roots = {process.pid for process in processes().values() if process.parent == self._supervisor}
        return min(roots, default=None)

    async def _kill(self) -> None:
        """Kill all its processes, repeatedly until its supervisor reports that the last one has ended.

        Raises:
            HarnessError: One of them cannot be killed.
        """
        start = monotonic()
        while not self.is_gone:
            members, passed = self.members(), monotonic() - start
            if passed > _KILL_TIMEOUT:
                names = ", ".join(process_name(pid) for pid in sorted(members))
                raise HarnessError(f"{names} still ran {_KILL_TIMEOUT:g} s after SIGKILL")
            if self._supervisor_was_killed and not members:
                self.is_gone = True
            elif passed > _KILL_SINGLY and self._is_alone():
                with suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGKILL)  # one step of the kernel: a program that keeps forking cannot escape it
            else:
                send(members, signal.SIGKILL)
            if not self.is_gone:
                await pulsed(self.changed, _KILL_INTERVAL)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Return whether a condition holds within ``seconds``; it is checked at each pulse of `changed`."""
        end = monotonic() + seconds
        while not holds() and (left := end - monotonic()) > 0:
            await pulsed(self.changed, left)
        return holds()

    def _is_alone(self) -> bool:
        """Return whether nothing else runs on the host: the agent is PID 1 and its only child is the supervisor.

        The members are not listed for that: while a program keeps forking, no list stays correct.
        """
        roots = {process.pid for process in processes().values() if process.parent in (0, 1)}
        return os.getpid() == 1 and roots == {1, self._supervisor}


@verb(Launch)
async def start(agent: Agent, launch: Launch) -> Handle:
    """Start a program.

    Raises:
        ServiceError: It cannot be executed; the message says why.
    """
    started = fork_program(launch)
    program = RunningProgram(started, launch, agent.shared(Reaper), agent.shared(SystemLog))
    await report_of(started.child)
    return agent.keep(program)
