"""One exchange with a service, and how it ended."""

from dataclasses import dataclass
from typing import Literal

from dualstack.families import Family
from dualstack.prober.messages.requests import Request
from dualstack.protocols.application import Upgrade
from dualstack.protocols.certificates import ClientTls, TlsFault
from dualstack.protocols.judgement import Outcome
from dualstack.protocols.proxy_header import Version
from dualstack.protocols.tunnel import Tunnel
from dualstack.transport import AppProtocol, Transport

_PLAIN = Upgrade()


@dataclass(frozen=True, slots=True)
class Dialled:
    """How a `Dial` ended.

    Attributes:
        outcome: See `Outcome`.
        errno: The errno's name (``ECONNREFUSED``), empty without one.
        connected: Whether a TCP connection was established.
        source: The local address; empty if there was none.
        source_port: The local port; 0 if there was none.
        answer: What was received, as Latin-1 text, at most 64 KiB; on a kept connection without earlier answers.
        sent: What was sent, as Latin-1 text, at most 64 KiB.
        seconds: How long it took.
        detail: One sentence for a report.
        status: The status or reply code of the answer; 0 without one.
        tls: What is wrong with the service's TLS; None if nothing is, or if it is not used.
        answers: How many complete answers came on a connection that the client asked to keep (`Dial.kept`).
    """

    outcome: Outcome
    errno: str
    connected: bool
    source: str
    source_port: int
    answer: str
    sent: str
    seconds: float
    detail: str
    status: int = 0
    tls: TlsFault | None = None
    answers: int = 0


@dataclass(frozen=True, slots=True)
class Dial(Request[Dialled]):
    """Carry out one exchange with a service.

    Attributes:
        family: The family to dial over.
        address: The address to dial.
        port: The port.
        transport: TCP or UDP (a connected UDP socket, so that an ICMP error is reported).
        protocol: The name of the application protocol.
        source: The local address; empty for the kernel's choice.
        source_port: The local port, for which ``source`` must be given; 0 for the kernel's choice.
        send: What is sent with ``AppProtocol.EXCHANGE``, the message with ``GRPC``, and the path of ``HTTP``; for other
            protocols the agent generates a token.
        expect: The regular expression, over bytes read as Latin-1, that the answer must contain (``EXCHANGE``), or the
            reply (``GRPC``).
        status: The statuses that count as served with ``AppProtocol.HTTP``: ``200``, ``3xx`` …; none for all below 500.
        call: The method that is called with ``AppProtocol.GRPC``; empty for the health check.
        path: The path of the URI that is requested with ``rtsp`` or ``websocket``.
        any_port: Whether a UDP answer may come from another port of the dialled address.
        timeout: Seconds for the whole exchange.
        v6only: IPV6_V6ONLY of an IPv6 socket; None for the kernel's own choice.
        half_close: Whether to shut down the sending side once everything is sent.
        chunks: Sizes in which to send (TCP_NODELAY), the rest in one piece; empty for all at once.
        requests: How many requests are sent at once, without waiting for answers (``ECHO`` and ``UPPER``).
        kept: How many requests HTTP and HTTP/2 send on a connection that the service is to keep, each after the answer
            before it; 0 for one request, after which a service of HTTP/1.1 is to close the connection.
        token_size: The size of the generated text of ``ECHO`` and ``UPPER`` in bytes.
        tls: What the client checks if it speaks TLS; None if it does not.
        upgrade: What the opening handshake of a WebSocket has beside the path.
        host: The host in Host or ``:authority`` with ``HTTP``, HTTP/2 and WebSocket; empty for ``address``.
        fields: Further fields of the request with ``AppProtocol.HTTP``, each with its value.
        proxy: The version of the PROXY header, with both ends of the connection, that is sent first; empty for none.
        preface: What is sent in place of that header, as Latin-1 text; empty for the header.
        tunnel: What a relay is asked for, before the exchange with its target; None for none.
        joined: Whether the header is in one segment with what follows; otherwise it is sent at once.
    """

    family: Family
    address: str
    port: int
    transport: Transport = Transport.TCP
    protocol: str = AppProtocol.CONNECT
    source: str = ""
    source_port: int = 0
    send: str | None = None
    expect: str | None = None
    timeout: float = 5.0
    v6only: bool | None = None
    half_close: bool = False
    chunks: tuple[int, ...] = ()
    requests: int = 1
    token_size: int = 250
    status: tuple[str, ...] = ()
    path: str = "/"
    any_port: bool = False
    tls: ClientTls | None = None
    call: str = ""
    upgrade: Upgrade = _PLAIN
    host: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    proxy: Version | Literal[""] = ""
    preface: str = ""
    joined: bool = False
    tunnel: Tunnel | None = None
    kept: int = 0
