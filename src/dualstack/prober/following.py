"""The verbs about a program that was started: what it wrote, its signals and its end."""

from dualstack.prober.messages import Exit, Log, ResourceUsage
from dualstack.prober.messages.following import (
    AwaitExit,
    AwaitLine,
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
from dualstack.prober.processes import tcp_sockets_of
from dualstack.prober.programs import RunningProgram
from dualstack.prober.verbs import Agent, verb


@verb(Poll)
async def poll(agent: Agent, request: Poll) -> Exit | None:
    """Return how it ended, if it has."""
    return await agent.kept(RunningProgram, request.handle).poll()


@verb(AwaitExit)
async def await_exit(agent: Agent, request: AwaitExit) -> Exit | None:
    """Wait for its end."""
    return await agent.kept(RunningProgram, request.handle).wait(request.timeout)


@verb(AwaitLine)
async def await_line(agent: Agent, request: AwaitLine) -> str | None:
    """Wait for a line of its output."""
    program = agent.kept(RunningProgram, request.handle)
    return await program.wait_log(request.pattern, request.since, request.timeout)


@verb(ReadLog)
async def read_log(agent: Agent, request: ReadLog) -> Log:
    """Return its output."""
    return agent.kept(RunningProgram, request.handle).output.log()


@verb(SendSignal)
async def send_signal(agent: Agent, request: SendSignal) -> None:
    """Send a signal to its first process."""
    agent.kept(RunningProgram, request.handle).signal(request.signal)


@verb(SendSignals)
async def send_signals(agent: Agent, request: SendSignals) -> None:
    """Send signals to its main process."""
    await agent.kept(RunningProgram, request.handle).control.send_signals(request.signals, request.interval)


@verb(Stop)
async def stop(agent: Agent, request: Stop) -> Exit | None:
    """Stop all its processes."""
    return await agent.kept(RunningProgram, request.handle).stop(request.signal, request.timeout)


@verb(Pause)
async def pause(agent: Agent, request: Pause) -> None:
    """Pause all its processes."""
    await agent.kept(RunningProgram, request.handle).control.pause()


@verb(Resume)
async def resume(agent: Agent, request: Resume) -> None:
    """Continue all its processes."""
    agent.kept(RunningProgram, request.handle).control.resume()


@verb(CountResources)
async def count_resources(agent: Agent, request: CountResources) -> ResourceUsage:
    """Return its resource usage."""
    return agent.kept(RunningProgram, request.handle).control.resource_usage()


@verb(FindTcpSockets)
async def find_tcp_sockets(agent: Agent, request: FindTcpSockets) -> tuple[int, ...]:
    """Return the inodes of its TCP sockets."""
    members = agent.kept(RunningProgram, request.handle).members()
    return tuple(sorted({inode for pid in members for inode in tcp_sockets_of(pid)}))
