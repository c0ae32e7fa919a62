"""What one end of a connection says: it is given the bytes that arrived, and returns the bytes to send."""

from dataclasses import dataclass
from typing import Protocol

from dualstack.prober.answers import Judgement


@dataclass(frozen=True, slots=True)
class Turn:
    """The reaction to what was received.

    Attributes:
        send: The bytes to send next; empty for none.
        judgement: How the exchange ended, as far as this end can tell; None while more must come.
        close: Whether this end closes the connection once ``send`` is sent.
    """

    send: bytes = b""
    judgement: Judgement | None = None
    close: bool = False


class Conversation(Protocol):
    """One end of one connection, or of one exchange of datagrams."""

    def start(self) -> bytes:
        """Return the bytes that this end sends first; empty if the other end speaks first. Called once."""

    def receive(self, data: bytes) -> Turn:
        """Take the next bytes, in pieces of any size; return the reaction."""

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """Return the judgement once nothing more comes.

        Args:
            why: Why nothing more comes.
            closed: Whether the other end closed the connection in an orderly way (FIN).
        """


class Layer(Protocol):
    """What wraps the bytes of a conversation in both directions, such as TLS."""

    def wrap(self, inner: Conversation) -> Conversation:
        """Return a conversation that says the same through this layer."""
