"""Servers on the prober's side, for connectors: they answer at once, whatever arrives, and note every client."""

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Protocol as Interface

from dualstack.errors import UsageError
from dualstack.manifest.models import Protocol, Transport
from dualstack.prober.messages import Accepted, Hold, Serve
from dualstack.prober.sockets import bound_socket, listen, socket_address

_READ = 64 << 10
_MOST_CLIENTS = 4096  # that are noted
_MOST_OPEN = 512  # connections at a time
_MOST_BYTES = 64 << 20  # from one connection
_LONGEST_HEAD = 64 << 10
_KEPT_HEAD = 8 << 10
_A_TURN = 64  # datagrams or connections before the loop looks at something else
_SETTLE = 10


_REDIRECT = re.compile(r"(?:https?://[^/]*)?/redirect/(30[12378])/((?:[0-9a-f]{2})+)")


def redirect_path(status: int, location: str) -> str:
    """Return the path for which a server of the prober's answers with a redirect to ``location``."""
    return f"/redirect/{status}/{location.encode().hex()}"


def redirection(path: str) -> tuple[str, str]:
    """Return the status and the Location field that a request for ``path`` is answered with; it may have none."""
    found = _REDIRECT.fullmatch(path)
    if found is None:
        return "200 OK", ""
    return f"{found[1]} Elsewhere", f"Location: {bytes.fromhex(found[2]).decode()}\r\n"


class Closeable(Interface):
    """Something of the agent that the client can close."""

    def close(self) -> None:
        """Release what it holds."""


class _Client:
    """The record of one client while it grows."""

    def __init__(self, address: str, peer: tuple[str, int], at: float) -> None:
        """Start with no bytes."""
        self.address, self.peer, self.at = address, peer, at
        self.received = self.answered = 0
        self.head = ""

    def accepted(self) -> Accepted:
        """Return it as it is now."""
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
    """One `Serve`: a socket for each address."""

    def __init__(self, serve: Serve) -> None:
        """Bind and start to serve.

        Raises:
            UsageError: The protocol has no server, or not over this transport.
            HarnessError: An address cannot be bound.
        """
        if serve.protocol is Protocol.EXCHANGE or (serve.transport, serve.protocol) == (Transport.UDP, Protocol.HTTP):
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
        """Start to serve, with TCP sockets that listen from now on.

        Raises:
            HarnessError: One of them cannot; the message says why.
        """
        ready = self._accept if self._serve.transport is Transport.TCP else self._datagrams
        for made in self._sockets:
            if self._serve.transport is Transport.TCP:
                listen(made)
            self._loop.add_reader(made, ready, made)

    async def accepted(self) -> list[Accepted]:
        """Return the clients until now, those too whose packets came a moment ago and wait in a socket."""
        for _ in range(_SETTLE):  # each turn of the loop serves every socket that has something
            await asyncio.sleep(0)
        return [client.accepted() for client in self._clients]

    def close(self) -> None:
        """Close every socket and connection."""
        for made in self._sockets:
            self._loop.remove_reader(made)
            made.close()
        self._sockets.clear()
        for task in list(self._tasks):
            task.cancel()

    def _note(self, local: str, peer: tuple[str, int]) -> _Client:
        """Make the record of a new client."""
        client = _Client(local, peer, monotonic() - self._start)
        if len(self._clients) < _MOST_CLIENTS:
            self._clients.append(client)
        return client

    def _accept(self, listener: socket.socket) -> None:
        """Take the connections that wait."""
        for _ in range(_A_TURN):
            try:
                connection, peer = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            connection.setblocking(False)
            client = self._note(connection.getsockname()[0], peer[:2])
            if len(self._tasks) >= _MOST_OPEN:
                connection.close()
                continue
            task = self._loop.create_task(self._converse(connection, client))
            self._tasks[task] = connection
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        """Close the connection of a conversation that is over."""
        self._tasks.pop(task).close()

    async def _converse(self, connection: socket.socket, client: _Client) -> None:
        """Serve one connection until its client ends it."""
        # A client may go away, or reset, at any moment: that is its right, and what it did until then is noted.
        with suppress(ConnectionError, TimeoutError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._serve.protocol is Protocol.HTTP:
                await self._answer_http(connection, client)
                return
            answer = _ANSWERS[self._serve.protocol]
            while client.received < _MOST_BYTES and (data := await self._loop.sock_recv(connection, _READ)):
                client.received += len(data)
                await self._reply(connection, client, answer(data))

    async def _answer_http(self, connection: socket.socket, client: _Client) -> None:
        """Answer one request with its client's address."""
        request = b""
        while b"\r\n\r\n" not in request and len(request) < _LONGEST_HEAD:
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
        """Send an answer; nothing more is read before it is out, so that memory stays bounded."""
        if data:
            await self._loop.sock_sendall(connection, data)
            client.answered += len(data)

    def _datagrams(self, made: socket.socket) -> None:
        """Answer the datagrams that wait."""
        local = made.getsockname()[0]
        for _ in range(_A_TURN):
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
            if self._serve.protocol is not Protocol.CONNECT:
                with suppress(OSError):  # no room or no way back: a datagram may get lost
                    client.answered += made.sendto(answer, peer)


_ANSWERS: dict[Protocol, Callable[[bytes], bytes]] = {
    Protocol.CONNECT: lambda _: b"",
    Protocol.ECHO: lambda data: data,
    Protocol.UPPER: bytes.upper,
}


class Holder:
    """One `Hold`: a port that is occupied."""

    def __init__(self, hold: Hold, user: int | None = None) -> None:
        """Occupy the port, with a socket of a user's; None for the prober's own.

        Raises:
            UsageError: The address is none of the family.
            HarnessError: It cannot be bound.
        """
        socket_address(hold.family, hold.address, hold.port)
        wanted = hold.listening and hold.transport is Transport.TCP
        reuse = wanted if hold.reuse_address is None else hold.reuse_address
        self._socket = bound_socket(
            hold.address,
            hold.port,
            hold.transport,
            v6only=hold.v6only,
            reuse_address=reuse,
            reuse_port=hold.reuse_port,
            backlog=16 if hold.listening else None,
            user=user,
        )

    def taken(self) -> int:
        """Accept the connections that wait, close them, and return how many there were."""
        count = 0
        while True:
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return count
            connection.close()
            count += 1

    def close(self) -> None:
        """Let it go."""
        self._socket.close()
