"""The client's own port: what a server sends to it beside their connection (`Receiving`)."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from dualstack.errors import HarnessError
from dualstack.prober.sockets import bound_socket
from dualstack.protocols.conversation import Receiving
from dualstack.transport import Transport

_READ = 64 << 10
_MOST_BYTES = 1 << 20  # of one connection
_TRIES = 50


class OwnPort:
    """The port of one client, at the address that its connection has, so of the connection's family alone."""

    def __init__(self, conversation: Receiving, address: str) -> None:
        """Open it, and tell the conversation.

        Raises:
            HarnessError: There is no port.
        """
        self._sockets = _opened(address, conversation.receives_over)
        self._over = conversation.receives_over
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[bool, asyncio.Task[tuple[bytes, str]]] = {}
        conversation.receives_at(address, self._sockets[0].getsockname()[1])

    async def next(self, read: Callable[[], Awaitable[bytes]]) -> tuple[bool, bytes, str]:
        """Return what comes first: whether it came at this port, the bytes, and the address that they came from.

        Args:
            read: Returns the next bytes of the connection; their address is empty.

        Raises:
            OSError: The connection failed.
        """

        async def connection() -> tuple[bytes, str]:
            """Read from the connection."""
            return await read(), ""

        for here, reading in ((False, connection), (True, self._read)):
            if here not in self._tasks:
                self._tasks[here] = asyncio.create_task(reading())
        await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        here = not self._tasks[False].done()  # what came on the connection is older: both may be done
        return here, *self._tasks.pop(here).result()

    def close(self) -> None:
        """Close it."""
        for task in self._tasks.values():
            task.cancel()
        for made in self._sockets:
            made.close()

    async def _read(self) -> tuple[bytes, str]:
        """Return the next datagram, or what the next connection brings until its end, and where it came from."""
        if self._over is Transport.UDP:
            data, source = await self._loop.sock_recvfrom(self._sockets[0], _READ)
            return data, source[0]
        made, source = await self._loop.sock_accept(self._sockets[0])
        received = bytearray()
        with made, suppress(OSError):  # a reset is an end too
            made.setblocking(False)
            while len(received) < _MOST_BYTES and (data := await self._loop.sock_recv(made, _READ)):
                received += data
        return bytes(received), source[0]


def _opened(address: str, transport: Transport) -> list[socket.socket]:
    """Return a listening socket on any port, or the sockets of an even UDP port and the next one."""
    if transport is Transport.TCP:
        return [bound_socket(address, 0, Transport.TCP, v6only="." not in address)]
    for _ in range(_TRIES):
        first = bound_socket(address, 0, Transport.UDP)
        port = first.getsockname()[1]
        with suppress(HarnessError):
            if not port % 2:
                return [first, bound_socket(address, port + 1, Transport.UDP)]
        first.close()
    raise HarnessError(f"there are no two free UDP ports at {address}")
