"""Servers and occupied ports on the prober's side."""

from dataclasses import dataclass

from dualstack.families import Family
from dualstack.manifest.models import Protocol, Transport


@dataclass(frozen=True, slots=True)
class Serve:
    """A server on the prober's side, for connectors.

    Attributes:
        addresses: Where it listens: one socket per address.
        port: The port.
        transport: TCP or UDP.
        protocol: ``CONNECT`` accepts and reads to the end; ``ECHO``, ``UPPER`` and ``HTTP`` answer.
        v6only: IPV6_V6ONLY of IPv6 sockets; None for the kernel's own choice.
        reuse_address: SO_REUSEADDR; None for what servers do: TCP sockets have it, UDP sockets have not.
        reuse_port: SO_REUSEPORT.
        listening: Whether TCP sockets listen at once; if not, they are bound, and listen when they are told to.
    """

    addresses: tuple[str, ...]
    port: int
    transport: Transport = Transport.TCP
    protocol: Protocol = Protocol.ECHO
    v6only: bool | None = True
    reuse_address: bool | None = None
    reuse_port: bool = False
    listening: bool = True


@dataclass(frozen=True, slots=True)
class Accepted:
    """One client that a prober's server saw.

    Attributes:
        address: The local address that the client dialled.
        peer: The client's address.
        peer_port: The client's port.
        received: How many bytes came from it.
        answered: How many bytes were sent to it.
        at: Seconds since the server was started.
        head: The head of its HTTP request, as Latin-1 text without the blank line, at most 8 KiB; empty with another
            protocol.
    """

    address: str
    peer: str
    peer_port: int
    received: int
    answered: int
    at: float
    head: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A port to be occupied by a foreign socket.

    Attributes:
        family: The socket's family.
        address: The address to bind.
        port: The port.
        transport: TCP or UDP.
        v6only: IPV6_V6ONLY of an IPv6 socket; None for the kernel's own choice.
        listening: Whether a TCP socket also listens.
        reuse_address: SO_REUSEADDR; None to have it on a TCP socket that listens, and on no other: it would let others
            share a port that does not listen.
        reuse_port: SO_REUSEPORT; the socket belongs to the user then that has one on the port already, if there is any.
    """

    family: Family
    address: str
    port: int
    transport: Transport = Transport.TCP
    v6only: bool | None = True
    listening: bool = True
    reuse_address: bool | None = None
    reuse_port: bool = False
