"""Ends of TCP connections that act by a script."""

import asyncio
import hashlib
import socket
import struct
from time import monotonic

from dualstack.families import Family
from dualstack.prober.children import pulse, pulsed
from dualstack.prober.messages.requests import Handle
from dualstack.prober.messages.streaming import (
    Act,
    AwaitStreams,
    Converse,
    Ended,
    Part,
    ServeStreams,
    Streamed,
    stream_of,
)
from dualstack.prober.opening import Opening
from dualstack.prober.sockets import bound_socket, errno_name, listen, open_socket, socket_address
from dualstack.prober.verbs import Agent, verb
from dualstack.transport import Transport

_READ = 64 << 10
_BATCH = 64
_NONE_COMES = 1.0  # seconds after which a first connection is not waited for
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class _End:
    """One end of a connection."""

    def __init__(self, made: socket.socket, name: str, script: tuple[Part, ...]) -> None:
        """Prepare; ``name`` decides which bytes it sends."""
        self._made, self._name, self._script = made, name, script
        self._loop = asyncio.get_running_loop()
        self._digest = hashlib.sha256()
        self.connected = False
        self._done = self._received = 0
        self._ended = Ended.NOT
        self._errno = self._local = self._peer = ""

    async def connect(self, request: Converse) -> None:
        """Connect to a server, through a tunnel if one is asked for, and act; all within the timeout.

        Raises:
            UsageError: An address is wrong.
        """
        family = Family.of(request.address)
        target = socket_address(family, request.address, request.port)
        source = socket_address(family, request.source, 0) if request.source else None
        try:
            async with asyncio.timeout(request.timeout):
                if source is not None:
                    self._made.bind(source)
                await self._loop.sock_connect(self._made, target)
                if await self._is_open(request):
                    await self._act()
        except TimeoutError as error:
            self._errno = errno_name(error)
        except OSError as error:
            self._failed(error)

    async def _is_open(self, request: Converse) -> bool:
        """Ask for the tunnel of a request; return whether there is a way to the server now."""
        if request.tunnel is None:
            return True
        opening = Opening(request.tunnel)
        refused = await opening.carry_out(self._made)
        if refused is not None:
            self._errno = refused.detail
            return False
        self._take(opening.take_first())
        return True

    async def act(self, seconds: float) -> None:
        """Act on a connection that is there, within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._act()
        except TimeoutError as error:
            self._errno = errno_name(error)
        except OSError as error:
            self._failed(error)

    async def _act(self) -> None:
        """Take each step."""
        self.connected = True
        self._local, self._peer = self._made.getsockname()[0], self._made.getpeername()[0]
        self._made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in self._script:
            match part.act:
                case Act.SEND:
                    await self._loop.sock_sendall(self._made, stream_of(self._name, part.count))
                case Act.RECEIVE:
                    await self._read(part.count)
                case Act.AWAIT_END:
                    await self._read(None)
                case Act.END:
                    self._made.shutdown(socket.SHUT_WR)
                case Act.RESET:
                    self._made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                    self._made.close()
            self._done += 1

    async def _read(self, count: int | None) -> None:
        """Read until so many bytes have arrived, or the end; without a count, until the end."""
        while self._ended is Ended.NOT and (count is None or self._received < count):
            data = await self._loop.sock_recv(self._made, _READ)
            if not data:
                self._ended = Ended.FIN
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Count what was received."""
        self._digest.update(data)
        self._received += len(data)

    def _failed(self, error: OSError) -> None:
        """Note an error of the connection."""
        self._errno = errno_name(error)
        if self.connected and isinstance(error, ConnectionResetError | BrokenPipeError):
            self._ended = Ended.RESET

    def result(self) -> Streamed:
        """Return what it has seen."""
        return Streamed(
            connected=self.connected,
            done=self._done,
            received=self._received,
            digest=self._digest.hexdigest(),
            ended=self._ended,
            errno=self._errno,
            local=self._local,
            peer=self._peer,
        )


class StreamServer:
    """The server of one `ServeStreams`."""

    def __init__(self, request: ServeStreams) -> None:
        """Bind and listen.

        Raises:
            HarnessError: An address cannot be bound.
        """
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._ends: list[Streamed] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []
        try:
            for address in request.addresses:
                made = bound_socket(address, request.port, Transport.TCP, backlog=None)
                self._sockets.append(made)
                listen(made)
                self._loop.add_reader(made, self._accept, made)
        except BaseException:
            self.close()
            raise

    async def ends(self, count: int, seconds: float) -> list[Streamed]:
        """Return the connections that are over, when there are so many, or the time is up.

        If there is no connection at all, the wait is short.
        """
        end = monotonic() + seconds
        soon = monotonic() + min(_NONE_COMES, seconds)
        while not self._ends and not self._tasks and (left := soon - monotonic()) > 0:
            await pulsed(self._changed, left)
        if not self._ends and not self._tasks:
            return []
        while len(self._ends) < count and (left := end - monotonic()) > 0:
            await pulsed(self._changed, left)
        return self._ends

    def close(self) -> None:
        """Close all sockets and connections."""
        for made in self._sockets:
            self._loop.remove_reader(made)
            made.close()
        self._sockets.clear()
        for task in self._tasks:
            task.cancel()

    def _accept(self, listener: socket.socket) -> None:
        """Accept the connections that wait."""
        for _ in range(_BATCH):
            try:
                made, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            made.setblocking(False)
            task = self._loop.create_task(self._serve(made))
            self._tasks.add(task)
            pulse(self._changed)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, made: socket.socket) -> None:
        """Act on one connection."""
        with made:
            end = _End(made, "server", self._request.script)
            await end.act(self._request.timeout)
            self._ends.append(end.result())
            pulse(self._changed)


@verb(Converse)
async def converse(_: Agent, request: Converse) -> Streamed:
    """Connect and act by a script."""
    with open_socket(Family.of(request.address), Transport.TCP) as made:
        end = _End(made, "client", request.script)
        await end.connect(request)
        return end.result()


@verb(ServeStreams)
async def serve_streams(agent: Agent, request: ServeStreams) -> Handle:
    """Start a server that acts by a script."""
    return agent.keep(StreamServer(request))


@verb(AwaitStreams)
async def await_streams(agent: Agent, request: AwaitStreams) -> tuple[Streamed, ...]:
    """Wait for connections of a server to be over."""
    return tuple(await agent.kept(StreamServer, request.handle).ends(request.count, request.timeout))
