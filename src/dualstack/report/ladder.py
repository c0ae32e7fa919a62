"""The packet diagram of a case: a lane for each host that captured packets, a leg between two lanes, a row each packet.

Without captures of several hosts there are two lanes, for the two ends of each conversation.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dualstack.results import Record
from dualstack.timeline import Packet, Station, during, left_out, shortened, span

TUNNEL = "tunnel"
"""The role of a host that captured packets inside a tunnel."""

ASIDE = frozenset({TUNNEL, "neighbour"})
"""The roles of hosts that have no lane: they are not an end of the conversations that the service's host captured."""


@dataclass(slots=True)
class Row:
    """A packet in the diagram.

    Attributes:
        packet: The packet, as the first host captured it.
        left: The lane on the left of its leg.
        right: The lane on its right; the same as ``left`` if the packet left no host.
        forward: Whether it goes from left to right.
        seen: The lanes whose capture has it.
        missed: The lane whose capture lacks it although it should have it; -1 if there is none.
    """

    packet: Packet
    left: int
    right: int
    forward: bool
    seen: set[int] = field(default_factory=set)
    missed: int = -1

    @property
    def ends(self) -> tuple[str, str]:
        """The ends on the left and on the right."""
        ends = self.packet.source, self.packet.destination
        return ends if self.forward else ends[::-1]


@dataclass(frozen=True, slots=True)
class Ladder:
    """A packet diagram.

    Attributes:
        stations: The host of each lane; empty if each lane is one end of a conversation.
        rows: Its packets in order; a number stands for that many packets that are left out.
    """

    stations: tuple[Station, ...]
    rows: tuple[Row | int, ...]


def ladder(record: Record, most: int) -> Ladder:
    """Return the diagram of a case with about ``most`` packets."""
    path = tuple(station for station in record.stations if station.role not in ASIDE)
    if len(path) > 1:
        return Ladder(path, tuple(_merged(path, record, most)))
    when = span(record.steps, record.findings)
    return Ladder((), tuple(_with_gaps(rows_of(_shown(record.packets, most, when)))))


def _shown(packets: Sequence[Packet], most: int, when: tuple[float, float] | None) -> tuple[Packet, ...]:
    """Return the packets of a capture that are shown: those of the run that failed, if it is known."""
    return shortened(packets, most, during([item.at for item in packets], when))


def rows_of(packets: Iterable[Packet]) -> list[Row]:
    """Return a row for each packet; of two addresses, the one that sends the first packet stands on the left."""
    left: dict[frozenset[str], str] = {}
    return [
        Row(packet, 0, 1, forward=left.setdefault(frozenset({packet.src, packet.dst}), packet.src) == packet.src)
        for packet in packets
    ]


def _with_gaps(rows: Sequence[Row]) -> Iterator[Row | int]:
    """Yield the rows of one capture, with the number of packets that are left out between two of them."""
    for at, row in enumerate(rows):
        if at and (missing := left_out(rows[at - 1].packet, row.packet)):
            yield missing
        yield row


def _merged(path: Sequence[Station], record: Record, most: int) -> Iterator[Row | int]:
    """Yield the packets of all captures by time; one that two hosts captured is one row."""
    lane_of = {address: lane for lane, station in enumerate(path) for address in station.addresses}
    captured = [station.packets if station.capture else record.packets for station in path]
    when = span(record.steps, record.findings)
    seen = [_shown(packets, most // len(path), when) for packets in captured]
    whole = [not packets or packets[-1].number == len(packets) for packets in seen]
    rows: list[Row] = []
    alike: dict[tuple[object, ...], list[Row]] = {}
    for packet, lane in sorted(_of_lanes(seen), key=lambda item: item[0].at):
        key = (packet.src, packet.sport, packet.dst, packet.dport, packet.what)
        mine = alike.setdefault(key, [])
        row = next((row for row in reversed(mine) if lane not in row.seen and lane in {row.left, row.right}), None)
        if row is None:
            row = _placed(packet, lane, lane_of)
            mine.append(row)
            rows.append(row)
        row.seen.add(lane)
    for row in rows:
        _miss(row, lane_of, whole)
    for before, row in zip([None, *rows], rows, strict=False):
        if before and before.packet.host == row.packet.host and (missing := left_out(before.packet, row.packet)) > 0:
            yield missing
        yield row


def _of_lanes(seen: Sequence[Sequence[Packet]]) -> Iterator[tuple[Packet, int]]:
    """Yield each packet with the lane whose host captured it."""
    return ((packet, lane) for lane, packets in enumerate(seen) for packet in packets)


def _placed(packet: Packet, lane: int, lane_of: Mapping[str, int]) -> Row:
    """Return the row of a packet that the host of ``lane`` captured.

    An address of no host, such as one behind a translator, is beyond the nearest lane.
    """
    source, target = lane_of.get(packet.src), lane_of.get(packet.dst)
    nearest = lane - 1 if lane else 1
    if source is None:
        source = nearest if target == lane else lane
    if target is None:
        target = nearest if source == lane else lane
    return Row(packet, min(source, target), max(source, target), forward=source <= target)


def _miss(row: Row, lane_of: Mapping[str, int], whole: Sequence[bool]) -> None:
    """Note the lane that should have captured a packet and has not, where that is certain."""
    ends = {row.left, row.right}
    known = row.packet.src in lane_of and row.packet.dst in lane_of
    lacking = ends - row.seen
    if known and len(ends) > 1 and len(lacking) == 1 and all(whole[lane] for lane in ends):
        row.missed = lacking.pop()
