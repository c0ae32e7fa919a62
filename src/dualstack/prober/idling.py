"""Idle connections, watched until the service ends them."""

import asyncio
import socket
from contextlib import ExitStack
from time import monotonic

from dualstack.prober.dialling import dial_until
from dualstack.prober.messages import Dial, Dialled, Idle, Idled, Stage, alike_until
from dualstack.prober.verbs import Agent, verb

_READ = 64 << 10
_MARGIN = 0.05  # seconds for which open connections are watched beyond the limit, so that they clearly exceed it


@verb(Idle)
async def idle(_: Agent, request: Idle) -> tuple[Idled, ...]:
    """Connect clients that then are idle; return how long each kept its connection, in the order of the dials.

    Raises:
        UsageError: A dial is not possible.
    """
    clients = [_Client(dial, request.stage) for dial in request.dials]
    with ExitStack() as stack:
        for client in clients:
            stack.callback(client.close)
        await asyncio.gather(*(client.connect() for client in clients))
        first, began = min(client.idle_since for client in clients), monotonic()
        watching = {asyncio.create_task(client.await_end()) for client in clients if client.is_connected}
        limit = request.seconds
        while watching and (left := began + limit - monotonic()) > 0:
            done, watching = await asyncio.wait(watching, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if done:
                limit = alike_until(monotonic() - first) + _MARGIN
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        return tuple(client.result() for client in clients)


class _Client:
    """One client."""

    def __init__(self, dial: Dial, stage: Stage) -> None:
        """Prepare without opening a socket."""
        self.made: socket.socket | None = None
        self._dial, self._stage = dial, stage
        self.idle_since = 0.0
        self._dialled: Dialled | None = None
        self._end = 0.0

    async def connect(self) -> None:
        """Carry out the exchange up to the stage."""
        self._dialled, self.made = await dial_until(self._dial, self._stage)
        self.idle_since = monotonic()

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection."""
        return self.made is not None and self._dialled is not None and self._dialled.connected

    async def await_end(self) -> None:
        """Read until the service ends the connection."""
        assert self.made is not None  # noqa: S101 - for the type checker
        loop = asyncio.get_running_loop()
        try:
            while await loop.sock_recv(self.made, _READ):
                pass
        except OSError:
            pass  # a reset is an end too
        self._end = monotonic()

    def result(self) -> Idled:
        """Return how long it kept its connection."""
        assert self._dialled is not None  # noqa: S101 - for the type checker
        return Idled(
            outcome=self._dialled.outcome,
            connected=self.is_connected,
            lived=(self._end or monotonic()) - self.idle_since,
            ended=bool(self._end),
        )

    def close(self) -> None:
        """Close its connection."""
        if self.made is not None:
            self.made.close()
