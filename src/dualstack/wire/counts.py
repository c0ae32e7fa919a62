"""The number of packets of each kind in a capture: more than a million packets a second."""

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dualstack.families import Family
from dualstack.wire.frames import DHCPV6, ETHERTYPE_ARP, MDNS, NOISE_ICMPV6, Frame, parse
from dualstack.wire.pcap import RECORD_HEADER, SNAPLEN, damaged, open_pcap
from dualstack.wire.witness import DISCARD

Key = tuple[Family | None, str, str]
"""Family, kind and noise, as in `dualstack.wire.frames.Frame`; a witness has ``witness`` as its noise."""

_CHUNK = 1 << 18

_TCP, _UDP, _ICMP, _ICMPV6, _6IN4 = 6, 17, 1, 58, 41

_FIELDS = "8xI16xHB5xB2xB10xHH16xHH"
"""Of a record: bytes kept; of an untagged frame: EtherType, the packet's first byte, its byte 6 (IPv6: next header) and
byte 9 (IPv4: protocol), and where ports are without options: IPv4's, IPv6's. In a later fragment something else is
there; that is counted by its protocol alone, unless it looks like a special port: then `parse` decides."""

_READ = struct.calcsize("<" + _FIELDS)
_LEAST_ETHERNET, _LEAST4, _LEAST6 = 14, 42, 62
"""The least number of captured bytes for which these fields are inside the frame."""

_KEYS: tuple[Key, ...] = (
    (Family.IPV4, "tcp", ""),
    (Family.IPV4, "udp", ""),
    (Family.IPV4, "icmp", ""),
    (Family.IPV6, "tcp", ""),
    (Family.IPV6, "udp", ""),
    (Family.IPV4, "other", ""),
    (Family.IPV4, "arp", "ARP"),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of frames of each family, kind and noise.

    Attributes:
        by_key: The number of frames by family, kind and noise.
        truncated: Whether the file ends inside a record.
    """

    by_key: Mapping[Key, int]
    truncated: bool

    @property
    def total(self) -> int:
        """All frames."""
        return sum(self.by_key.values())

    @property
    def noise(self) -> Mapping[str, int]:
        """The number of frames by the name of their noise."""
        found: Counter[str] = Counter()
        for (_, _, noise), number in self.by_key.items():
            found[noise] += number
        del found[""]
        return found

    def of(self, family: Family | None, kind: str | None = None) -> int:
        """Return how many frames are of ``family``, and of ``kind`` unless that is None; noise counts too."""
        return sum(
            number
            for (its_family, its_kind, _), number in self.by_key.items()
            if its_family is family and (kind is None or its_kind == kind)
        )


def classify(path: Path) -> Counts:
    """Count the frames of a capture by their headers, in constant memory.

    Raises:
        HarnessError: It is no capture or is damaged.
    """
    file, order, _ = open_pcap(path)
    counts: Counter[Key] = Counter()
    with file:
        rest, number = b"", 0
        while chunk := file.read(_CHUNK):
            buffer = rest + chunk
            at, number = _count(buffer, order, counts, (path, number))
            rest = buffer[at:]
    return Counts(by_key=dict(counts), truncated=bool(rest))


def _count(buffer: bytes, order: str, counts: Counter[Key], place: tuple[Path, int]) -> tuple[int, int]:  # noqa: C901, PLR0912, PLR0915 - one loop without calls is what makes it fast
    """Count the whole records of ``buffer``.

    What the usual headers say is read at its fixed place and counted in local variables; every other frame goes to
    `parse`, which decides what is what. Numbers of two bytes are read in the file's byte order, as `struct` cannot
    change it on the way, and are compared with constants in that order.

    Args:
        buffer: Bytes of the file, from the beginning of a record.
        order: The file's byte order.
        counts: Where to count.
        place: The file, and how many records came before.

    Returns:
        Where the first record begins that is not whole, and how many records have come in all.
    """
    path, number = place
    unpack = struct.Struct(order + _FIELDS).unpack_from
    unpack_kept = struct.Struct(order + "8xI").unpack_from
    ipv4, ipv6, arp = (_as_read(order, ethertype) for ethertype in (0x0800, 0x86DD, ETHERTYPE_ARP))
    special = frozenset(_as_read(order, port) for port in (MDNS, DISCARD, *DHCPV6))
    shift = 0 if order == "<" else 8
    tcp4 = tcp6 = udp4 = udp6 = icmp4 = tunnel = arps = 0
    icmp6 = [0] * 256
    at, end = 0, len(buffer)
    last = end - _READ
    while at + RECORD_HEADER <= end:
        if at <= last:
            kept, ethertype, first, next6, protocol, sport4, dport4, sport6, dport6 = unpack(buffer, at)
        else:
            (kept,), ethertype, first, next6, protocol = unpack_kept(buffer, at), 0, 0, 0, 0
            sport4 = dport4 = sport6 = dport6 = 0
        start, following = at + RECORD_HEADER, at + RECORD_HEADER + kept
        if following > end:
            if kept > SNAPLEN:
                raise damaged(path, number + 1, kept)
            break
        number += 1
        at = following
        if ethertype == ipv4 and first == 0x45 and kept >= _LEAST4:  # noqa: PLR2004
            if protocol == _TCP:
                tcp4 += 1
                continue
            if protocol == _UDP and sport4 not in special and dport4 not in special:
                udp4 += 1
                continue
            if protocol == _ICMP:
                icmp4 += 1
                continue
            if protocol == _6IN4:
                tunnel += 1
                continue
        elif ethertype == ipv6 and first >> 4 == 6 and kept >= _LEAST6:  # noqa: PLR2004 - the version
            if next6 == _TCP:
                tcp6 += 1
                continue
            if next6 == _UDP and sport6 not in special and dport6 not in special:
                udp6 += 1
                continue
            if next6 == _ICMPV6:
                icmp6[sport6 >> shift & 0xFF] += 1
                continue
        elif ethertype == arp and kept >= _LEAST_ETHERNET:
            arps += 1
            continue
        counts[_key(parse(buffer[start:following]))] += 1
    found = zip(_KEYS, (tcp4, udp4, icmp4, tcp6, udp6, tunnel, arps), strict=True)
    counts.update({key: times for key, times in found if times})
    for kind, times in enumerate(icmp6):
        if times:
            counts[Family.IPV6, "icmpv6", NOISE_ICMPV6.get(kind, "")] += times
    return at, number


def _as_read(order: str, value: int) -> int:
    """Return a number of two bytes in network byte order as it reads in ``order``."""
    return value if order == ">" else (value & 0xFF) << 8 | value >> 8


def _key(frame: Frame) -> Key:
    """Return the key under which a frame is counted."""
    return frame.family, frame.kind, "witness" if frame.witness else frame.noise
