"""Connections that begin at known intervals."""

import asyncio
import contextlib
import socket
import time

from dualstack.families import Family
from dualstack.prober.messages.pacing import Pace
from dualstack.prober.verbs import Agent, verb


@verb(Pace)
async def pace(_: Agent, request: Pace) -> None:
    """Begin pairs of connections; the agent answers other requests meanwhile."""
    await asyncio.to_thread(_pairs, request)


def _pairs(request: Pace) -> None:
    """Begin the pairs, in a thread that sleeps in between: its wait has no rounding to milliseconds."""
    for _ in range(request.times):
        with _begun(request.first, request.port):
            time.sleep(request.seconds)
            _begun(request.second, request.port).close()


def _begun(address: str, port: int) -> socket.socket:
    """Return a connection that has begun, whatever becomes of it."""
    made = socket.socket(Family.of(address).af, socket.SOCK_STREAM)
    made.setblocking(False)
    with contextlib.suppress(OSError):  # in progress, or without a route
        made.connect((address, port))
    return made
