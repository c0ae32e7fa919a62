"""What precedes an exchange on a connection: the header of a relay in front, or the request to a relay between."""

import asyncio
import socket

from dualstack.prober.messages import Dial
from dualstack.protocols.conversation import Turn
from dualstack.protocols.judgement import Judgement
from dualstack.protocols.layers import through_tunnel
from dualstack.protocols.proxy_header import Endpoints, write
from dualstack.protocols.texts import latin1
from dualstack.protocols.tunnel import Tunnel, Tunnelled

_READ = 64 << 10


def preface_of(request: Dial, source: tuple[str, int]) -> bytes:
    """Return what a relay in front sends first: the PROXY header of a connection, or what is sent in its place."""
    if request.preface:
        return latin1(request.preface)
    if not request.proxy:
        return b""
    own, destination = (text.partition("%")[0] for text in (source[0], request.address))
    return write(request.proxy, Endpoints(own, source[1], destination, request.port))


class _Waiting:
    """The conversation behind a tunnel that is being opened: it says nothing, and keeps what the target says first."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.received = b""

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self.received += data
        return Turn()

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Conversation`; it is never asked."""
        raise NotImplementedError(why, closed)


class Opening:
    """The opening of one tunnel."""

    def __init__(self, tunnel: Tunnel) -> None:
        """Send nothing yet.

        Raises:
            UsageError: The target is none that the relay can be asked for.
        """
        self._waiting = _Waiting()
        self._tunnelled: Tunnelled = through_tunnel(self._waiting, tunnel)

    @property
    def is_open(self) -> bool:
        """Whether the relay has connected the client to the target."""
        return self._tunnelled.is_open

    async def carry_out(self, made: socket.socket) -> Judgement | None:
        """Ask the relay for the tunnel; return why there is none, or None when it is open.

        Raises:
            OSError: The connection failed.
        """
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(made, self._tunnelled.start())
        while not self.is_open:
            data = await loop.sock_recv(made, _READ)
            if not data:
                return self.end("the service closed the connection", closed=True)
            turn = self._tunnelled.receive(data)
            if turn.send:
                await loop.sock_sendall(made, turn.send)
            if turn.judgement is not None:
                return turn.judgement
        return None

    def take_first(self) -> bytes:
        """Return, once, what the target has sent before the exchange with it began."""
        first, self._waiting.received = self._waiting.received, b""
        return first

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """Return why there is no tunnel, if nothing more comes."""
        return self._tunnelled.end(why, closed=closed)
