"""Sending on a connection while something is received from it."""

import array
import asyncio
import fcntl
import socket
import termios
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

_ACK_INTERVAL, _ACK_POLLS = 0.001, 50  # seconds between checks for an acknowledgement, and how many


class Sending:
    """What is sent on a connection while its answer is received.

    Attributes:
        tasks: The tasks that send, one after the other.
    """

    def __init__(self, first: Coroutine[Any, Any, None], send: Callable[[bytes], Awaitable[None]]) -> None:
        """Start the first task; the others use ``send``."""
        self.tasks = [asyncio.create_task(first)]
        self._send = send

    def then(self, data: bytes) -> None:
        """Send data when all before it is sent."""
        self.tasks.append(asyncio.create_task(self._after(self.tasks[-1], data)))

    async def _after(self, task: asyncio.Task[None], data: bytes) -> None:
        """Send data after a task."""
        await task
        await self._send(data)

    def check(self) -> None:
        """Raise the error of the tasks, if they have ended with one."""
        if self.tasks[-1].done():
            self.tasks[-1].result()

    async def finish(self) -> None:
        """Wait until all is sent."""
        await self.tasks[-1]

    async def stop(self) -> None:
        """End the tasks. Their errors do not matter: the receiver has the one that ended the connection."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def acknowledged(made: socket.socket) -> None:
    """Wait until all that was sent is acknowledged (SIOCOUTQ is 0), so that the next piece has its own segment.

    No event reports an acknowledgement, so the kernel is asked every millisecond. The first millisecond is always
    waited for: in it the service can read the piece before the next one arrives. The wait ends after 50 ms.
    """
    unacknowledged = array.array("i", [0])
    for _ in range(_ACK_POLLS):
        await asyncio.sleep(_ACK_INTERVAL)
        with suppress(OSError):  # a broken connection shows when the next piece is sent
            fcntl.ioctl(made.fileno(), termios.TIOCOUTQ, unacknowledged)
        if unacknowledged[0] == 0:
            return
