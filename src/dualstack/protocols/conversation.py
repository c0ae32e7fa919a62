"""What one end of a connection says: it is given the bytes that arrived, and returns the bytes to send."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from dualstack.protocols.judgement import Judgement
from dualstack.transport import Transport


@dataclass(frozen=True, slots=True)
class Aside:
    """Datagrams that a server sends beside the connection, to its client's address: a medium.

    Attributes:
        port: The server's port; it stays open while the server runs.
        to: The client's port.
        datagrams: What is sent; none to open the port only.
    """

    port: int
    to: int
    datagrams: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """The reaction to what was received.

    Attributes:
        send: The bytes to send next; empty for none.
        judgement: How the exchange ended, as a client sees it; None while more must come, and from a server.
        close: Whether this end closes the connection once ``send`` is sent.
        aside: What a server sends beside the connection once ``send`` is sent; None for nothing.
    """

    send: bytes = b""
    judgement: Judgement | None = None
    close: bool = False
    aside: Aside | None = None


class Conversation(Protocol):
    """One end of one connection, or of the datagrams between two endpoints.

    Over TCP, the judgement and what is sent do not depend on how the bytes are split. Over UDP, each datagram is one
    piece, and each turn of a server is one datagram.
    """

    def start(self) -> bytes:
        """Return the bytes that this end sends first; empty if the other end speaks first. Called once."""

    def receive(self, data: bytes) -> Turn:
        """Take the next bytes, in pieces of any size; return the reaction."""

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """Return the judgement once nothing more comes.

        A server is asked at any time, also more than once, and judges what its client sent: ANSWERED if it has
        answered all of it, WRONG if it does not understand it, SILENT if no complete message came.
        Its sentence does not say why nothing more comes.

        Args:
            why: Why nothing more comes.
            closed: Whether the other end closed the connection in an orderly way (FIN).
        """


@runtime_checkable
class Closing(Protocol):
    """A conversation with an end that is announced."""

    def close(self) -> bytes:
        """Return the bytes that end it in an orderly way; empty if it has not begun, or has ended."""


@runtime_checkable
class Receiving(Protocol):
    """A client's conversation, outside layers, that also receives at a port of the client: a medium, a data connection.

    Attributes:
        receives_over: The transport protocol of that port. Over UDP its number is even, and the next one is open too.
    """

    receives_over: Transport

    def receives_at(self, address: str, port: int) -> None:
        """Take the address and the port at which the client receives; called before anything is received."""

    def arrived(self, data: bytes, source: str) -> Turn:
        """Take what arrived there from an address: one datagram, or all that one connection brought to its end."""


class Layer(Protocol):
    """What wraps the bytes of a conversation in both directions, such as TLS."""

    def wrap(self, inner: Conversation) -> Conversation:
        """Return a conversation that says the same through this layer."""


class Recorded:
    """A client's conversation that keeps its judgement and the beginning of what it received.

    It is the innermost one: through a layer, it records what the layer has unwrapped.

    Attributes:
        received: The beginning of what was received.
        judgement: The first judgement; None before it.
    """

    def __init__(self, inner: Conversation, most: int) -> None:
        """Record up to ``most`` bytes."""
        self.received = bytearray()
        self.judgement: Judgement | None = None
        self._inner, self._most = inner, most

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._inner.start()

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`; after the judgement, data is recorded and has no other effect."""
        self.received += data[: max(0, self._most - len(self.received))]
        if self.judgement is not None:
            return Turn(judgement=self.judgement)
        turn = self._inner.receive(data)
        self.judgement = turn.judgement
        return turn

    def arrived(self, data: bytes, source: str) -> Turn:
        """See `Receiving`, which the inner conversation is."""
        assert isinstance(self._inner, Receiving)  # noqa: S101 - for the type checker
        turn = self._inner.arrived(data, source)
        self.judgement = self.judgement or turn.judgement
        return turn

    def close(self) -> bytes:
        """See `Closing`; empty for a conversation that has no such end."""
        return self._inner.close() if isinstance(self._inner, Closing) else b""

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Conversation`; the first judgement stays."""
        if self.judgement is None:
            self.judgement = self._inner.end(why, closed=closed)
        return self.judgement
