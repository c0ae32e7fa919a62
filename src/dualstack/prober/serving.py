"""Servers of the prober, for connectors: they answer all data at once and record every client."""

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from dualstack.errors import UsageError
from dualstack.prober.messages import Accepted, Serve
from dualstack.prober.messages.requests import Handle
from dualstack.prober.messages.serving import ReadClients, StartListening
from dualstack.prober.sockets import bound_socket, listen
from dualstack.prober.verbs import Agent, verb
from dualstack.transport import AppProtocol, Transport

_READ = 64 << 10
_MOST_CLIENTS = 4096  # that are recorded
_MOST_OPEN = 512  # connections at a time
_MOST_BYTES = 64 << 20  # from one connection
_MOST_HEAD = 64 << 10  # bytes of a request that are read
_KEPT_HEAD = 8 << 10  # bytes of a request that are reported
_BATCH = 64  # datagrams or connections before the event loop serves other sockets
_SETTLING_TURNS = 10


_REDIRECT = re.compile(r"(?:https?://[^/]*)?/redirect/(30[12378])/((?:[0-9a-f]{2})+)")


def redirect_path(status: int, location: str) -> str:
    """Return the path that a server of the prober answers with a redirect to ``location``."""
    return f"/redirect/{status}/{location.encode().hex()}"


def redirection(path: str) -> tuple[str, str]:
    """Return the status and the Location header of the answer to a request for ``path``; the header may be empty."""
    found = _REDIRECT.fullmatch(path)
    if found is None:
        return "200 OK", ""
    return f"{found[1]} Elsewhere", f"Location: {bytes.fromhex(found[2]).decode()}\r\n"


class _Client:
    """The record of one client, which grows."""

    def __init__(self, address: str, peer: tuple[str, int], at: float) -> None:
        """Start without any bytes."""
        self.address, self.peer, self.at = address, peer, at
        self.received = self.answered = 0
        self.head = ""

    def accepted(self) -> Accepted:
        """Return its current state."""
        return Accepted(
            address=self.address,
            peer=self.peer[0],
            peer_port=self.peer[1],
            received=self.received,
            answered=self.answered,
            at=self.at,
            head=self.head,
        )


class Server:
    """The server of one `Serve`, with a socket for each address."""

    def __init__(self, serve: Serve) -> None:
        """Bind and start to serve.

        Raises:
            UsageError: The prober has no server for the protocol and transport.
            HarnessError: An address cannot be bound.
        """
        unserved = serve.protocol in {AppProtocol.EXCHANGE, AppProtocol.ONEWAY}
        if unserved or (serve.transport, serve.protocol) == (Transport.UDP, AppProtocol.HTTP):
            raise UsageError(f"the prober serves no {serve.protocol.value!r} over {serve.transport.value}")
        self._serve = serve
        self._start = monotonic()
        self._clients: list[_Client] = []
        self._flows: dict[tuple[str, str, int], _Client] = {}
        self._tasks: dict[asyncio.Task[None], socket.socket] = {}
        self._sockets: list[socket.socket] = []
        self._loop = asyncio.get_running_loop()
        try:
            for address in serve.addresses:
                self._sockets.append(
                    bound_socket(
                        address,
                        serve.port,
                        serve.transport,
                        v6only=serve.v6only,
                        reuse_address=serve.reuse_address,
                        reuse_port=serve.reuse_port,
                        backlog=None,
                    )
                )
            if serve.listening or serve.transport is Transport.UDP:
                self.listen()
        except BaseException:
            self.close()
            raise

    def listen(self) -> None:
        """Start to serve; TCP sockets start to listen.

        Raises:
            HarnessError: One of them cannot listen; the message says why.
        """
        ready = self._accept if self._serve.transport is Transport.TCP else self._datagrams
        for made in self._sockets:
            if self._serve.transport is Transport.TCP:
                listen(made)
            self._loop.add_reader(made, ready, made)

    async def accepted(self) -> list[Accepted]:
        """Return the clients until now, including those whose packets wait in a socket."""
        for _ in range(_SETTLING_TURNS):  # each turn of the event loop serves all sockets that are readable
            await asyncio.sleep(0)
        return [client.accepted() for client in self._clients]

    def close(self) -> None:
        """Close all sockets and connections."""
        for made in self._sockets:
            self._loop.remove_reader(made)
            made.close()
        self._sockets.clear()
        for task in list(self._tasks):
            task.cancel()

    def _note(self, local: str, peer: tuple[str, int]) -> _Client:
        """Return the record of a new client."""
        client = _Client(local, peer, monotonic() - self._start)
        if len(self._clients) < _MOST_CLIENTS:
            self._clients.append(client)
        return client

    def _accept(self, listener: socket.socket) -> None:
        """Accept the connections that wait."""
        for _ in range(_BATCH):
            try:
                connection, peer = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            connection.setblocking(False)
            client = self._note(connection.getsockname()[0], peer[:2])
            if len(self._tasks) >= _MOST_OPEN:
                connection.close()
                continue
            task = self._loop.create_task(self._serve_connection(connection, client))
            self._tasks[task] = connection
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        """Close the connection of a task that has ended."""
        self._tasks.pop(task).close()

    async def _serve_connection(self, connection: socket.socket, client: _Client) -> None:
        """Serve one connection until its client ends it."""
        # A client may disconnect or reset at any time; what it did until then is recorded.
        with suppress(ConnectionError, TimeoutError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._serve.protocol is AppProtocol.HTTP:
                await self._answer_http(connection, client)
                return
            answer = _ANSWERS[self._serve.protocol]
            while client.received < _MOST_BYTES and (data := await self._loop.sock_recv(connection, _READ)):
                client.received += len(data)
                await self._reply(connection, client, answer(data))

    async def _answer_http(self, connection: socket.socket, client: _Client) -> None:
        """Answer one request with its client's address."""
        request = b""
        while b"\r\n\r\n" not in request and len(request) < _MOST_HEAD:
            data = await self._loop.sock_recv(connection, _READ)
            if not data:
                return
            client.received += len(data)
            request += data
        client.head = request.partition(b"\r\n\r\n")[0][:_KEPT_HEAD].decode("latin-1")
        body = f"{client.peer[0]}\n".encode()
        status, location = redirection(request.split(b" ")[1].decode("latin-1") if b" " in request else "")
        head = (
            f"HTTP/1.1 {status}\r\n{location}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        await self._reply(connection, client, head.encode() + (b"" if request.startswith(b"HEAD ") else body))

    async def _reply(self, connection: socket.socket, client: _Client, data: bytes) -> None:
        """Send an answer; nothing is read until it is sent, so that memory stays bounded."""
        if data:
            await self._loop.sock_sendall(connection, data)
            client.answered += len(data)

    def _datagrams(self, made: socket.socket) -> None:
        """Answer the datagrams that have arrived."""
        local = made.getsockname()[0]
        for _ in range(_BATCH):
            try:
                data, peer = made.recvfrom(_READ)
            except BlockingIOError:
                return
            key = (local, peer[0], peer[1])
            client = self._flows.get(key)
            if client is None:
                client = self._note(local, peer[:2])
                if len(self._flows) < _MOST_CLIENTS:
                    self._flows[key] = client
            client.received += len(data)
            answer = _ANSWERS[self._serve.protocol](data)
            if self._serve.protocol is not AppProtocol.CONNECT:
                with suppress(OSError):  # the buffer is full or there is no route: a datagram may get lost
                    client.answered += made.sendto(answer, peer)


_ANSWERS: dict[AppProtocol, Callable[[bytes], bytes]] = {
    AppProtocol.CONNECT: lambda _: b"",
    AppProtocol.ECHO: lambda data: data,
    AppProtocol.UPPER: bytes.upper,
}


@verb(Serve)
async def serve(agent: Agent, request: Serve) -> Handle:
    """Start a server."""
    return agent.keep(Server(request))


@verb(StartListening)
async def start_listening(agent: Agent, request: StartListening) -> None:
    """Make a server listen that is only bound."""
    agent.kept(Server, request.handle).listen()


@verb(ReadClients)
async def read_clients(agent: Agent, request: ReadClients) -> tuple[Accepted, ...]:
    """Return the clients of a server."""
    return tuple(await agent.kept(Server, request.handle).accepted())
