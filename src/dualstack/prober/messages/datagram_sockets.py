"""UDP sockets of the prober that send what they are told, and keep what they receive from any address."""

from dataclasses import dataclass

from dualstack.prober.messages.datagrams import ReceivedDatagram
from dualstack.prober.messages.requests import Handle, ObjectRequest, Request


@dataclass(frozen=True, slots=True)
class OpenDatagramSockets(Request[Handle]):
    """Open UDP sockets.

    Attributes:
        places: The address and port of each; port 0 for any.
    """

    places: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class SendDatagram(ObjectRequest[None]):
    """Send a datagram from one of the sockets; an ICMP error of an earlier one is ignored.

    Attributes:
        number: The number of the socket, from 0.
        address: The destination address.
        port: The destination port.
        text: Its payload, as Latin-1 text.
    """

    number: int
    address: str
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class AwaitDatagrams(ObjectRequest[tuple[tuple[ReceivedDatagram, ...], ...]]):
    """Wait until each of these texts has arrived, or the time is up; return all that each socket has received.

    Attributes:
        texts: The texts.
        timeout: Seconds.
    """

    texts: tuple[str, ...]
    timeout: float
