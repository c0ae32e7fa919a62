"""The agent: one process inside a lab host that answers the requests of the prober's client, many at the same time.

As PID 1 of the host's PID namespace it reaps orphans, and the kernel kills all other processes when it ends.
"""

import asyncio
import json
import os
import signal
import socket
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from dualstack.errors import DualstackError, HarnessError

# Each of these modules registers its verbs.
from dualstack.prober import (  # noqa: F401
    advertising,
    awaiting,
    connections,
    datagram_sockets,
    datagrams,
    dialling,
    following,
    groups,
    holding,
    idling,
    interfaces,
    load,
    nameserver,
    pacing,
    programs,
    resolving,
    serving,
    sockdiag,
    spoofing,
    streaming,
    texts,
)
from dualstack.prober.children import Reaper, adopt_orphans
from dualstack.prober.codec import pack_answer, unpack
from dualstack.prober.processes import descendants, processes
from dualstack.prober.syslog import SystemLog
from dualstack.prober.verbs import VERBS, Agent

Fields = dict[str, Any]


def main(stream: socket.socket) -> None:
    """Answer the requests of ``stream`` until it ends; then kill all processes on the host.

    The calling process must be dedicated to it and have no other threads.
    """
    # The end of the stream ends the agent. A Ctrl-C reaches every process of the terminal, but must not end it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    Path("/proc/self/comm").write_text("prober")
    if os.getpid() != 1:
        adopt_orphans()
    try:
        asyncio.run(_attend(stream))
    finally:
        _kill_all()


async def _attend(stream: socket.socket) -> None:
    """Serve the stream until it ends."""
    connection = _Connection()
    await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, stream)
    await connection.ended.wait()


def _kill_all() -> None:
    """Kill all processes that are left on the host."""
    if os.getpid() == 1:
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        return
    while below := descendants(processes(), os.getpid()):
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)


class _Connection(asyncio.Protocol):
    """Splits the stream into requests and sends the answers."""

    def __init__(self) -> None:
        """Start with an empty line."""
        self.ended = asyncio.Event()
        self._line = bytearray()
        self._agent = Agent()
        for kind in (Reaper, SystemLog):  # they must be there before a verb needs them
            self._agent.shared(kind)
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answers."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - for the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Start a task for each line that is complete."""
        self._line += data
        *lines, rest = self._line.split(b"\n")
        self._line = rest
        for line in lines:
            task = asyncio.get_running_loop().create_task(self._answer(json.loads(line)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def connection_lost(self, _: Exception | None) -> None:
        """End the agent."""
        self.ended.set()

    async def _answer(self, request: Fields) -> None:
        """Send the answer to a request, which may be an error."""
        number, name = request["id"], request["do"]
        try:
            answer: Fields = {"id": number, "ok": await self._do(name, request["with"])}
        except DualstackError as error:
            answer = {"id": number, "error": str(error), "kind": type(error).__name__}
        except Exception as error:  # noqa: BLE001 - a bug of the prober: the client raises it, with where it happened
            text = "".join(traceback.format_exception(error))
            answer = {"id": number, "error": f"the prober failed at {name!r}: {text}", "kind": "HarnessError"}
        self._transport.write(json.dumps(answer).encode() + b"\n")

    async def _do(self, name: str, fields: object) -> object:
        """Return the packed answer of the handler of a verb.

        Raises:
            DualstackError: The handler's error, or there is no such verb.
        """
        verb = VERBS.get(name)
        if verb is None:
            raise HarnessError(f"the prober knows no {name!r}")
        return pack_answer(verb.request, await verb.handler(self._agent, unpack(verb.request, fields)))
