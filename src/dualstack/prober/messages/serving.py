"""Servers of the prober, and ports that it occupies."""

from dataclasses import dataclass

from dualstack.families import Family
from dualstack.prober.messages.requests import Handle, ObjectRequest, Request
from dualstack.protocols.application import ScriptTurn
from dualstack.protocols.certificates import ServerTls, TlsFault
from dualstack.protocols.proxy_header import ProxyHeader, Version
from dualstack.transport import AppProtocol, Transport


@dataclass(frozen=True, slots=True)
class Serve(Request[Handle]):
    """Start a server of the prober, for connectors.

    Attributes:
        addresses: The listen addresses, with one socket each.
        port: The port.
        transport: TCP or UDP.
        protocol: The name of the application protocol; there is no server for ``ONEWAY``.
        v6only: IPV6_V6ONLY of IPv6 sockets; None for the kernel's default.
        reuse_address: SO_REUSEADDR; None sets it on TCP sockets only, as servers do.
        reuse_port: SO_REUSEPORT.
        listening: Whether TCP sockets listen at once; if not, they are bound, and `StartListening` makes them listen.
        turns: What the server expects and sends, with ``EXCHANGE``.
        tls: What the server presents if it speaks TLS; None if it does not.
        proxy: The versions of the PROXY header that its clients send first; empty if they send none.
    """

    addresses: tuple[str, ...]
    port: int
    transport: Transport = Transport.TCP
    protocol: str = AppProtocol.ECHO
    v6only: bool | None = True
    reuse_address: bool | None = None
    reuse_port: bool = False
    listening: bool = True
    turns: tuple[ScriptTurn, ...] = ()
    tls: ServerTls | None = None
    proxy: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """One client of a server of the prober.

    Attributes:
        address: The local address that the client dialled.
        peer: The client's address.
        peer_port: The client's port.
        received: How many bytes it sent.
        answered: How many bytes were sent to it.
        at: Seconds since the server was started.
        tls: What is wrong with its TLS; None if nothing is, or if it is not used.
        head: The head of its HTTP request, without the blank line, or the beginning of what it sent with ``EXCHANGE``:
            Latin-1 text, at most 8 KiB; empty with another protocol.
        understood: Whether the server has understood and answered all that it sent, as far as its protocol can tell.
        completed: Whether an exchange with it was completed; with a protocol that says nothing, its connection is one.
        detail: One sentence about what it sent.
        server_name: The server name that it sent (SNI, RFC 6066 §3); empty if it sent none, or does not speak TLS.
        proxied: The PROXY header that it sent, also a malformed one; None if none is expected, or none is complete.
        is_open: Whether its connection has not ended; always so over UDP.
    """

    address: str
    peer: str
    peer_port: int
    received: int
    answered: int
    at: float
    head: str = ""
    understood: bool = True
    completed: bool = False
    detail: str = ""
    tls: TlsFault | None = None
    server_name: str = ""
    proxied: ProxyHeader | None = None
    is_open: bool = True


class ReadClients(ObjectRequest[tuple[Accepted, ...]]):
    """Return the clients of a server until now, in order of arrival."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class AwaitClient(ObjectRequest[bool]):
    """Wait for a client of a server; return whether it came before the time was up.

    Attributes:
        since: How many clients are ignored: those that the server had before.
        completed: Whether an exchange with the client must be completed.
        timeout: Seconds.
    """

    since: int
    completed: bool
    timeout: float


class ForgetPeers(ObjectRequest[None]):
    """Take the next datagram of every peer for that of a new client, also if one came from its port before."""

    __slots__ = ()


class StartListening(ObjectRequest[None]):
    """Make the TCP sockets of a server listen that are only bound."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Present(ObjectRequest[None]):
    """Replace what a server that speaks TLS presents to later clients.

    Attributes:
        tls: The certificate and key.
    """

    tls: ServerTls


@dataclass(frozen=True, slots=True)
class Hold(Request[Handle]):
    """Occupy a port with a socket of the prober.

    Attributes:
        family: The socket's family.
        address: The address to bind.
        port: The port.
        transport: TCP or UDP.
        v6only: IPV6_V6ONLY of an IPv6 socket; None for the kernel's default.
        listening: Whether a TCP socket also listens.
        reuse_address: SO_REUSEADDR; None sets it on a TCP socket that listens only, because others could share a port
            that does not listen.
        reuse_port: SO_REUSEPORT; the socket then belongs to the user that already has one on the port, if any.
    """

    family: Family
    address: str
    port: int
    transport: Transport = Transport.TCP
    v6only: bool | None = True
    listening: bool = True
    reuse_address: bool | None = None
    reuse_port: bool = False


@dataclass(frozen=True, slots=True)
class TryHold(Request[Handle | None]):
    """Occupy a port unless it is taken (EADDRINUSE): the answer is None then.

    Attributes:
        hold: The port.
    """

    hold: Hold


class CountConnections(ObjectRequest[int]):
    """Accept and close the connections that wait at an occupied TCP port that listens; return how many there were."""

    __slots__ = ()
