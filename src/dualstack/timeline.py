"""What happened in a case, in order: the steps of the test and the packets of the conversation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from dualstack.counting import count
from dualstack.families import endpoint

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done.

    Attributes:
        at: Seconds since the case began.
        what: What was done, without a full stop.
    """

    at: float
    what: str

    def __str__(self) -> str:
        """Return the step as one line: ``+0.021 s  start the service: ./server``."""
        return f"+{self.at:.3f} s  {self.what}"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a conversation.

    Attributes:
        number: Its place in the conversation, from 1; a gap between two numbers means that packets are left out.
        at: Seconds since the case began.
        host: The host of the lab that it was captured on.
        family: ``ipv4`` or ``ipv6``, by its outer header; empty for any other.
        src: The source address; the hardware address of a packet without one.
        sport: The source port; 0 without one.
        dst: The destination address.
        dport: The destination port; 0 without one.
        what: What it is, without its addresses: ``TCP SYN``.
        refuses: Whether it is a TCP RST, or an ICMP message that says that the destination is unreachable.
        inner: The packet that it carries in a tunnel; None if it carries none.
    """

    number: int
    at: float
    host: str
    family: str
    src: str
    sport: int
    dst: str
    dport: int
    what: str
    refuses: bool = False
    inner: "Packet | None" = None

    @property
    def source(self) -> str:
        """The source address, with its port if it has one."""
        return self._end(self.src, self.sport)

    @property
    def destination(self) -> str:
        """The destination address, with its port if it has one."""
        return self._end(self.dst, self.dport)

    def _end(self, address: str, port: int) -> str:
        """Return an address with its port; a packet without any port shows none."""
        return endpoint(address, port) if self.sport or self.dport else address

    def line(self, since: float) -> str:
        """Return the packet as ``+1.204 ms  198.51.100.33:40112 → 198.51.100.1:8080  TCP SYN``.

        Args:
            since: The time from which the milliseconds count, in seconds on the packet's own clock.
        """
        return f"{(self.at - since) * 1000:+.3f} ms  {self.source} → {self.destination}  {self.what}"


@dataclass(frozen=True, slots=True)
class Station:
    """A host of a case in which several hosts captured packets.

    Attributes:
        host: The host's name.
        role: What it is in the case: ``client``, ``relay``, ``server``, ``tunnel`` or ``neighbour``.
        addresses: The addresses that it can have.
        capture: The capture's path in the run's folder; empty for the host whose packets the record has itself.
        packets: The conversation as this host captured it.
    """

    host: str
    role: str
    addresses: tuple[str, ...] = ()
    capture: str = ""
    packets: tuple[Packet, ...] = ()


def shortened(items: Sequence[Item], most: int) -> tuple[Item, ...]:
    """Return at most ``most`` items: the first two thirds of that number, and the last third."""
    if len(items) <= most:
        return tuple(items)
    return (*items[: most - most // 3], *items[len(items) - most // 3 :])


def left_out(before: Packet, after: Packet) -> int:
    """Return how many packets of the conversation are left out between two of them."""
    return after.number - before.number - 1


def packet_lines(packets: Sequence[Packet]) -> tuple[str, ...]:
    """Return a line for each packet, with times that count from the first one, and a line for each gap."""
    lines: list[str] = []
    for at, packet in enumerate(packets):
        if at and (missing := left_out(packets[at - 1], packet)):
            lines.append(f"… {count(missing, 'packet')} left out …")
        lines.append(packet.line(packets[0].at))
    return tuple(lines)
