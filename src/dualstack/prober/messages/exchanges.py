"""One exchange with a service, and how it ended."""

import enum
from dataclasses import dataclass

from dualstack.families import Family
from dualstack.manifest.models import Listen, Protocol, Transport


@enum.unique
class Outcome(enum.Enum):
    """How an attempt to talk to a service ended."""

    ANSWERED = "answered"
    """The exchange completed: the answer is what the protocol demands."""
    REFUSED = "refused"
    """TCP reset or ICMP port unreachable: ECONNREFUSED."""
    UNREACHABLE = "unreachable"
    """No route, no address of the family, or another ICMP error: the errno says which."""
    SILENT = "silent"
    """Nothing came back in time, or the connection closed without an answer."""
    WRONG = "wrong"
    """Something came back, but not what the protocol demands."""


@dataclass(frozen=True, slots=True)
class Dial:
    """One exchange with a service.

    Attributes:
        family: The family to dial over.
        address: The address to dial.
        port: The port.
        transport: TCP or UDP (a connected UDP socket, so that an ICMP error is seen).
        protocol: What is said.
        source: The local address; empty for the kernel's choice.
        source_port: The local port, for which ``source`` must be given; 0 for the kernel's choice.
        send: What is sent with ``Protocol.EXCHANGE``; for the others the agent makes it up (a fresh token each time).
        expect: The regular expression, over bytes read as Latin-1, that the answer must contain (``EXCHANGE``).
        status: The statuses that count as served with ``Protocol.HTTP``: ``200``, ``3xx`` …; none for all below 500.
        any_port: Whether a UDP answer may come from another port of the address that was asked.
        timeout: Seconds for the whole exchange.
        v6only: IPV6_V6ONLY of an IPv6 socket; None for the kernel's own choice.
        half_close: Whether to shut down the sending side once everything is sent.
        chunks: Sizes in which to send (TCP_NODELAY), the rest in one piece; empty for all at once.
        requests: How many requests are sent at once, without waiting for an answer in between (``ECHO`` and ``UPPER``).
        token_size: How many bytes the made-up text of ``ECHO`` and ``UPPER`` has.
    """

    family: Family
    address: str
    port: int
    transport: Transport = Transport.TCP
    protocol: Protocol = Protocol.CONNECT
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
    any_port: bool = False


@dataclass(frozen=True, slots=True)
class Dialled:
    """How a `Dial` ended.

    Attributes:
        outcome: See `Outcome`.
        errno: The errno's name (``ECONNREFUSED``), empty without one.
        connected: Whether a TCP connection was established.
        source: The local address that was used, and its port; empty and 0 if there was none.
        source_port: See ``source``.
        answer: What came back, as Latin-1 text, at most 64 KiB.
        sent: What was sent, as Latin-1 text, at most 64 KiB.
        seconds: How long it took.
        detail: One sentence for a report.
        status: The status or reply code that the answer has; 0 without one.
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


def dial_to(listener: Listen, address: str, timeout: float = 5.0) -> Dial:
    """Return one exchange with a listener at an address, as its manifest describes it."""
    return Dial(
        family=Family.of(address),
        address=address,
        port=listener.port,
        transport=listener.transport,
        protocol=listener.protocol,
        send=listener.send,
        expect=listener.expect,
        timeout=timeout,
        status=tuple(str(item) for item in listener.status),
        any_port=listener.reply_port == "any",
    )
