"""Datagrams of clients that hear whoever answers, and forged ones."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sender:
    """One UDP client of a `Volley`: it hears whoever answers, not only whom it asked.

    Attributes:
        address: Whom it asks.
        source: Its own address.
        source_port: Its own port; 0 for any.
        texts: Its datagrams, as Latin-1 text; one leaves in each round.
        deaf: Whether no answer can reach it: each meets ICMP port unreachable, as if the client had gone.
    """

    address: str
    source: str
    source_port: int
    texts: tuple[str, ...]
    deaf: bool = False


@dataclass(frozen=True, slots=True)
class Volley:
    """Datagrams of several clients in turn. In each round everybody sends one, and has to hear one more than before.

    The first round in which somebody waits in vain is the last. For the deaf nobody waits.

    Attributes:
        senders: The clients, in the order in which they send.
        port: The port that they ask.
        timeout: Seconds for the answers of each round.
    """

    senders: tuple[Sender, ...]
    port: int
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A datagram that came for a client of a `Volley`.

    Attributes:
        address: Its source address.
        port: Its source port.
        text: What it says, as Latin-1 text.
    """

    address: str
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class Volleyed:
    """What one client of a `Volley` saw.

    Attributes:
        source_port: Its port.
        sent: How many datagrams it sent.
        heard: What came for it, in order.
    """

    source_port: int
    sent: int
    heard: tuple[Heard, ...]


@dataclass(frozen=True, slots=True)
class Forge:
    """One UDP datagram over IPv6 with a source address that its sender does not have.

    Attributes:
        source: The source address in its header.
        source_port: The source port.
        address: The destination.
        port: The destination port.
        text: What it says, as Latin-1 text.
    """

    source: str
    source_port: int
    address: str
    port: int
    text: str
