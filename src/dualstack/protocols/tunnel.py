"""A tunnel through a relay as a layer: a client names its target to the relay, and then speaks to the target."""

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from dualstack.protocols.conversation import Closing, Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome

TunnelName = Literal["socks5", "http-connect"]
"""How a client asks a relay for a target."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What a client asks a relay for.

    Attributes:
        protocol: How it asks: ``socks5`` (RFC 1928) or ``http-connect`` (RFC 9110 §9.3.6).
        host: The target: an address or a name.
        port: The target's port.
    """

    protocol: TunnelName
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Step:
    """The reaction of a handshake to what was received.

    Attributes:
        send: The bytes to send next.
        is_open: Whether the tunnel is open now.
        rest: With an open tunnel, the bytes that came from the target.
        fault: Why there is no tunnel, as a clause; empty if there is one or may become one.
    """

    send: bytes = b""
    is_open: bool = False
    rest: bytes = b""
    fault: str = ""


class Handshake(Protocol):
    """The client's part of opening a tunnel; the result does not depend on how the bytes are split."""

    def start(self) -> bytes:
        """Return the bytes that are sent first."""

    def receive(self, data: bytes) -> Step:
        """Take the next bytes from the relay; return the reaction."""

    def missing(self) -> str:
        """Return what has not come yet, as a clause."""


class Tunnelled:
    """A client's conversation with the target, once the relay has opened the tunnel.

    Attributes:
        is_open: Whether it has.
    """

    def __init__(self, inner: Conversation, handshake: Handshake) -> None:
        """Start before the handshake."""
        self._inner, self._handshake = inner, handshake
        self.is_open = self._begun = False
        self._failure: Judgement | None = None

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._handshake.start()

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`: after a failure, what comes is ignored."""
        if self._failure is not None:
            return Turn(judgement=self._failure, close=True)
        if self.is_open:
            return self._inner.receive(data)
        self._begun = self._begun or bool(data)
        step = self._handshake.receive(data)
        if step.fault:
            self._failure = Judgement(Outcome.WRONG, f"the relay opens no tunnel: {step.fault}")
            return Turn(step.send, self._failure, close=True)
        if not step.is_open:
            return Turn(step.send)
        self.is_open = True
        opening = step.send + self._inner.start()
        turn = self._inner.receive(step.rest) if step.rest else Turn()
        return replace(turn, send=opening + turn.send)

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Conversation`."""
        if self._failure is not None:
            return self._failure
        if self.is_open:
            return self._inner.end(why, closed=closed)
        outcome = Outcome.WRONG if self._begun else Outcome.SILENT
        return Judgement(outcome, f"the relay opens no tunnel: {self._handshake.missing()}: {why}")

    def close(self) -> bytes:
        """See `Closing`; empty before the tunnel is open."""
        return self._inner.close() if self.is_open and isinstance(self._inner, Closing) else b""
