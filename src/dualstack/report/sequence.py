"""A conversation as a sequence diagram: two columns for the two ends, and one row a packet."""

from collections.abc import Iterable
from dataclasses import dataclass

from dualstack.timeline import Packet


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a diagram.

    Attributes:
        packet: The packet.
        forward: Whether it goes from left to right.
    """

    packet: Packet
    forward: bool

    @property
    def left(self) -> str:
        """The address and port on the left: those of the host that sent the first packet."""
        return self.packet.source if self.forward else self.packet.destination

    @property
    def right(self) -> str:
        """The address and port on the right."""
        return self.packet.destination if self.forward else self.packet.source


def rows(packets: Iterable[Packet]) -> list[Row]:
    """Return a row for each packet; of two addresses, the one that sends the first packet stands on the left."""
    left: dict[frozenset[str], str] = {}
    return [
        Row(packet, forward=left.setdefault(frozenset({packet.src, packet.dst}), packet.src) == packet.src)
        for packet in packets
    ]
