"""Waiting until a program is ready: what the wait sees of it in the host's processes and sockets."""

from time import monotonic

from dualstack.prober.children import pulsed
from dualstack.prober.messages import Exit, Readiness
from dualstack.prober.messages.following import AwaitReady
from dualstack.prober.output import Watch
from dualstack.prober.processes import cpu_starvation, process_name, socket_owners
from dualstack.prober.programs import RunningProgram
from dualstack.prober.readiness import Listener, Waiting
from dualstack.prober.sockdiag import SocketTable
from dualstack.prober.verbs import Agent, verb
from dualstack.transport import Transport

_FIRST_INTERVAL, _LAST_INTERVAL = 0.001, 0.01  # seconds between two looks at the socket table


class _ProgramView:
    """What is seen of a program (`dualstack.prober.readiness.View`)."""

    def __init__(self, program: RunningProgram, watch: Watch | None, table: SocketTable) -> None:
        """Look at a program; ``watch`` waits for the line that its output must have."""
        self._program = program
        self._watch = watch
        self._table = table

    def exit(self) -> Exit | None:
        """Return how its first process ended."""
        return self._program.exit

    def running(self) -> bool:
        """Return whether one of its processes is found in /proc.

        A look at /proc may miss the only process of a program that forks: none found does not prove that none runs.
        """
        return bool(self._program.members())

    def over(self) -> bool:
        """Return whether its supervisor has ended, which it does right after the last process."""
        return self._program.is_gone

    def has_logged(self) -> bool:
        """Return whether the watched line has been written."""
        return self._watch is not None and self._watch.line is not None

    def listeners(self, transport: Transport, port: int) -> list[Listener]:
        """Return the sockets on a port."""
        serving = self._table.serving(transport, port)
        if not serving:  # the owners of sockets cost much more than the sockets
            return []
        owners, members = socket_owners(), self._program.members()
        found = [(item.serves, owners.get(item.inode, set())) for item in serving]
        return [Listener(serves, () if pids & members else _names(pids)) for serves, pids in found]

    def own_ports(self) -> list[tuple[Transport, int]]:
        """Return the ports of its sockets."""
        owners, members = socket_owners(), self._program.members()
        own = [item for item in self._table.sockets() if owners.get(item.inode, set()) & members]
        return [(item.transport, item.port) for item in own if item.serving]

    def unhealthy(self) -> tuple[str, ...]:
        """Return nothing: only images have health checks."""
        return ()

    def starved(self) -> float:
        """Return the starvation of the process that has most."""
        return cpu_starvation(self._program.members())

    def left_behind(self) -> str:
        """Return the names of its processes."""
        return ", ".join(_names(self._program.members()))


def _names(pids: set[int]) -> tuple[str, ...]:
    """Return the names of processes, by number."""
    return tuple(process_name(pid) for pid in sorted(pids)) or ("a process that cannot be seen",)


@verb(AwaitReady)
async def await_ready(agent: Agent, request: AwaitReady) -> Readiness:
    """Return when the program is ready, when all its processes have ended, or when the time is up."""
    program, condition = agent.kept(RunningProgram, request.handle), request.condition
    watch = program.output.watch(condition.log) if condition.log is not None else None
    view, waiting = _ProgramView(program, watch, agent.shared(SocketTable)), Waiting(condition, monotonic())
    interval = _FIRST_INTERVAL
    try:
        while (readiness := waiting.look(view, monotonic())) is None:
            await pulsed(program.changed, min(interval, waiting.left(monotonic())))
            interval = min(interval * 1.5, _LAST_INTERVAL)
        return readiness
    finally:
        if watch is not None:
            program.output.unwatch(watch)
