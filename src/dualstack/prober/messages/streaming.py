"""Both ends of a TCP connection that act by a script: what each sends, when it ends, and what it has seen."""

import enum
import hashlib
import random
from dataclasses import dataclass

from dualstack.prober.messages.requests import Handle, ObjectRequest, Request
from dualstack.protocols.tunnel import Tunnel


@enum.unique
class Act(enum.Enum):
    """One step of a script."""

    SEND = "send"
    """Send so many bytes."""
    RECEIVE = "receive"
    """Read until so many bytes have arrived in all, or the other end has ended."""
    END = "end"
    """Send FIN: nothing more is sent, and what arrives is still read."""
    AWAIT_END = "await the end"
    """Read until the other end has ended."""
    RESET = "reset"
    """End the connection with RST."""


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a script, with the number of its bytes."""

    act: Act
    count: int = 0

    def __str__(self) -> str:
        """Return the step in words: ``send 200 bytes``."""
        return f"{self.act.value} {self.count} bytes" if self.count else self.act.value


@enum.unique
class Ended(enum.Enum):
    """How the other end of a connection has ended."""

    NOT = "no end"
    FIN = "FIN"
    RESET = "RST"


@dataclass(frozen=True, slots=True)
class Streamed:
    """What one end of a connection has seen.

    Attributes:
        connected: Whether there was a connection; through a tunnel, whether that was opened.
        done: How many steps of its script it has completed.
        received: How many bytes it has received.
        digest: The SHA-256 of these bytes, in hexadecimal digits.
        ended: How the other end has ended.
        errno: The errno's name of its last error, or why the relay opens no tunnel; empty without an error.
        local: Its own address.
        peer: The other end's address.
    """

    connected: bool
    done: int
    received: int
    digest: str
    ended: Ended
    errno: str = ""
    local: str = ""
    peer: str = ""

    def has(self, data: bytes) -> bool:
        """Return whether it has received exactly these bytes."""
        return self.received == len(data) and self.digest == hashlib.sha256(data).hexdigest()


def stream_of(end: str, count: int) -> bytes:
    """Return the bytes that an end (``client``, ``server``) sends: the same ones each time, other ones at each end."""
    return random.Random(end).randbytes(count)  # noqa: S311 - nothing secret


@dataclass(frozen=True, slots=True)
class Converse(Request[Streamed]):
    """Connect to a server and act by a script.

    Attributes:
        address: The server's address.
        port: The server's port.
        script: The steps.
        source: The local address; empty for the kernel's choice.
        timeout: Seconds for all of it.
        tunnel: What a relay is asked for, before the script begins; None for none.
    """

    address: str
    port: int
    script: tuple[Part, ...]
    source: str = ""
    timeout: float = 5.0
    tunnel: Tunnel | None = None


@dataclass(frozen=True, slots=True)
class ServeStreams(Request[Handle]):
    """Start a server that acts by a script on each connection.

    Attributes:
        addresses: The listen addresses.
        port: The port.
        script: The steps.
        timeout: Seconds that each connection may take.
    """

    addresses: tuple[str, ...]
    port: int
    script: tuple[Part, ...]
    timeout: float = 5.0

    @property
    def time_limit(self) -> float:
        """Seconds until it serves."""
        return 0.0


@dataclass(frozen=True, slots=True)
class AwaitStreams(ObjectRequest[tuple[Streamed, ...]]):
    """Wait until a server has done with so many connections, or the time is up; return those that it has done with.

    Attributes:
        count: The number of connections.
        timeout: Seconds.
    """

    count: int
    timeout: float
