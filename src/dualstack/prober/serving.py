"""Servers of the prober, for connectors: they answer all data at once and record every client."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from time import monotonic

from dualstack.prober.aside import SidePorts
from dualstack.prober.children import pulse, pulsed
from dualstack.prober.messages import Accepted, Serve
from dualstack.prober.messages.requests import Handle
from dualstack.prober.messages.serving import AwaitClient, ForgetPeers, Present, ReadClients, StartListening
from dualstack.prober.sockets import bound_socket, listen
from dualstack.prober.verbs import Agent, verb
from dualstack.protocols.application import Trait
from dualstack.protocols.certificates import ServerTls, TlsFault
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome
from dualstack.protocols.layers import behind_relay, layered
from dualstack.protocols.registry import check_offer, server_for, traits_of
from dualstack.transport import Transport

_READ = 64 << 10
_MOST_CLIENTS = 4096  # that are recorded
_MOST_OPEN = 512  # connections at a time
_MOST_BYTES = 64 << 20  # from one connection
_BATCH = 64  # datagrams or connections before the event loop serves other sockets
_SETTLING_TURNS = 10
_SOMEONE = "::1"  # a client's address, to try whether a server's end can be made


class _Client:
    """The record of one client, which grows, and the conversation with it."""

    def __init__(
        self, address: str, peer: tuple[str, int], at: float, conversation: Conversation, *, silent: bool
    ) -> None:
        """Start without any bytes; ``silent``: the connection is all that there is to complete."""
        self.conversation = conversation
        self.completed = silent
        self._judgement: Judgement | None = None
        self.address, self.peer, self.at = address, peer, at
        self.received = self.answered = 0

    def take(self, data: bytes) -> Turn:
        """Take the next bytes; return the server's reaction."""
        self.received += len(data)
        turn = self.conversation.receive(data)
        # It stays so, whatever the client says later.
        self.completed = self.completed or self.conversation.end("so far").outcome is Outcome.ANSWERED
        return turn

    def close(self) -> None:
        """Judge a connection that has ended, and forget what it said."""
        self._judgement = self.conversation.end("the connection ended")
        del self.conversation

    def accepted(self) -> Accepted:
        """Return its current state."""
        judgement = self._judgement or self.conversation.end("nothing more came")
        return Accepted(
            address=self.address,
            peer=self.peer[0],
            peer_port=self.peer[1],
            received=self.received,
            answered=self.answered,
            at=self.at,
            head=judgement.head,
            tls=judgement.tls,
            completed=self.completed,
            understood=judgement.outcome is not Outcome.WRONG or judgement.tls not in (None, TlsFault.PLAIN),
            detail=judgement.detail,
            server_name=judgement.server_name,
            proxied=judgement.proxied,
            is_open=self._judgement is None,
        )


class Server:
    """The server of one `Serve`, with a socket for each address."""

    def __init__(self, serve: Serve) -> None:
        """Bind and start to serve.

        Raises:
            UsageError: The prober has no server for the protocol and transport, or the certificate cannot be used.
            HarnessError: An address cannot be bound.
        """
        check_offer(serve)
        layered(server_for(serve, _SOMEONE), serve)  # a certificate that cannot be used is refused now
        self._serve = serve
        self._answers = Trait.ECHOES in traits_of(serve.protocol)
        self._silent = Trait.SILENT in traits_of(serve.protocol)
        self._changed = asyncio.Event()  # a pulse for each client and each answer
        self._start = monotonic()
        self._clients: list[_Client] = []
        self._flows: dict[tuple[str, str, int], _Client] = {}
        self._tasks: dict[asyncio.Task[None], socket.socket] = {}
        self._side = SidePorts()
        self._sockets: list[socket.socket] = []
        self._failed: Exception | None = None
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

    def present(self, tls: ServerTls) -> None:
        """Present another certificate to later clients."""
        self._serve = replace(self._serve, tls=tls)

    async def accepted(self) -> list[Accepted]:
        """Return the clients until now, including those whose packets wait in a socket.

        Raises:
            Exception: What the protocol raised: a client that got no answer then is not to blame.
        """
        for _ in range(_SETTLING_TURNS):  # each turn of the event loop serves all sockets that are readable
            await asyncio.sleep(0)
        if self._failed is not None:
            raise self._failed
        return [client.accepted() for client in self._clients]

    async def forget_peers(self) -> None:
        """Count the next datagram of every peer as a new client; those that wait in a socket come before it."""
        await self.accepted()
        self._flows.clear()

    async def await_client(self, since: int, seconds: float, *, completed: bool) -> bool:
        """Return whether there is a client after the first ``since`` ones within ``seconds``.

        With ``completed`` an exchange with it must be completed.
        """
        end = monotonic() + seconds
        while not (there := self._has_client(since, completed=completed)) and (left := end - monotonic()) > 0:
            await pulsed(self._changed, left)
        return there

    def _has_client(self, since: int, *, completed: bool) -> bool:
        """Return whether there is a client after the first ``since`` ones; see `await_client`."""
        return any(not completed or client.completed for client in self._clients[since:])

    def close(self) -> None:
        """Close all sockets and connections."""
        for made in self._sockets:
            self._loop.remove_reader(made)
            made.close()
        self._sockets.clear()
        self._side.close()
        for task in list(self._tasks):
            task.cancel()

    def _note(self, local: str, peer: tuple[str, int]) -> _Client:
        """Return the record of a new client."""
        offer = replace(self._serve, addresses=(local,))
        conversation = behind_relay(layered(server_for(offer, peer[0]), offer), offer)
        client = _Client(local, peer, monotonic() - self._start, conversation, silent=self._silent)
        if len(self._clients) < _MOST_CLIENTS:
            self._clients.append(client)
        pulse(self._changed)
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
        with suppress(ConnectionError, TimeoutError), self._noting_failures(), closing(client):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._reply(connection, client, client.conversation.start())
            while client.received < _MOST_BYTES and (data := await self._loop.sock_recv(connection, _READ)):
                turn = client.take(data)
                await self._reply(connection, client, turn.send)
                if turn.aside is not None:
                    self._side.send(turn.aside, connection)
                pulse(self._changed)
                if turn.close:
                    return

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        """Note the first error of the protocol, for `accepted`; errors of the network are passed on."""
        try:
            yield
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the code of a protocol raises
            self._failed = self._failed or error

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
            # OSError: the buffer is full or there is no route: a datagram may get lost
            with suppress(OSError), self._noting_failures():
                turn = client.take(data)
                if turn.send or self._answers:  # the echo of an empty datagram is an empty datagram
                    client.answered += made.sendto(turn.send, peer)
                pulse(self._changed)


@verb(Serve)
async def serve(agent: Agent, request: Serve) -> Handle:
    """Start a server."""
    return agent.keep(Server(request))


@verb(StartListening)
async def start_listening(agent: Agent, request: StartListening) -> None:
    """Make a server listen that is only bound."""
    agent.kept(Server, request.handle).listen()


@verb(Present)
async def present(agent: Agent, request: Present) -> None:
    """Replace the certificate of a server."""
    agent.kept(Server, request.handle).present(request.tls)


@verb(ReadClients)
async def read_clients(agent: Agent, request: ReadClients) -> tuple[Accepted, ...]:
    """Return the clients of a server."""
    return tuple(await agent.kept(Server, request.handle).accepted())


@verb(ForgetPeers)
async def forget_peers(agent: Agent, request: ForgetPeers) -> None:
    """Count the next datagram of every peer of a server as a new client."""
    await agent.kept(Server, request.handle).forget_peers()


@verb(AwaitClient)
async def await_client(agent: Agent, request: AwaitClient) -> bool:
    """Wait for a client of a server."""
    server = agent.kept(Server, request.handle)
    return await server.await_client(request.since, request.timeout, completed=request.completed)
