"""Batches of UDP datagrams whose clients receive from any address, and spoofed datagrams."""

from dataclasses import dataclass

from dualstack.prober.messages.requests import Request


@dataclass(frozen=True, slots=True)
class Sender:
    """One UDP client of a `DatagramBatch`; it receives from any address.

    Attributes:
        address: The destination address.
        source: Its own address.
        source_port: Its own port; 0 for any.
        texts: Its datagrams, as Latin-1 text; one is sent in each round.
        port_closed: Whether its port is closed: each reply meets ICMP port unreachable, as if the client had ended.
    """

    address: str
    source: str
    source_port: int
    texts: tuple[str, ...]
    port_closed: bool = False


@dataclass(frozen=True, slots=True)
class ReceivedDatagram:
    """A datagram that a client of a `DatagramBatch` received.

    Attributes:
        address: Its source address.
        port: Its source port.
        text: Its payload, as Latin-1 text.
    """

    address: str
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class SenderResult:
    """The result of one client of a `DatagramBatch`.

    Attributes:
        source_port: Its port.
        sent: How many datagrams it sent.
        received: The datagrams that it received, in order.
    """

    source_port: int
    sent: int
    received: tuple[ReceivedDatagram, ...]


@dataclass(frozen=True, slots=True)
class DatagramBatch(Request[tuple[SenderResult, ...]]):
    """Send datagrams of several clients in turn: in each round each client sends one and waits for one reply.

    Stop after the first round with a missing reply. Clients with a closed port are not waited for.

    Attributes:
        senders: The clients, in the order in which they send.
        port: The destination port.
        timeout: Seconds for the replies of each round.
    """

    senders: tuple[Sender, ...]
    port: int
    timeout: float = 5.0

    @property
    def time_limit(self) -> float:
        """Seconds until the last round has ended."""
        return self.timeout * max((len(sender.texts) for sender in self.senders), default=0)


@dataclass(frozen=True, slots=True)
class SpoofedDatagram(Request[None]):
    """Send one UDP datagram over IPv6 with a spoofed source address.

    Attributes:
        source: The source address in its header.
        source_port: The source port.
        address: The destination.
        port: The destination port.
        text: Its payload, as Latin-1 text.
    """

    source: str
    source_port: int
    address: str
    port: int
    text: str
