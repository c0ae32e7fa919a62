"""What a capture recorded, and what may be concluded from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.wire.frames import Frame, parse
from dualstack.wire.pcap import Pcap
from dualstack.wire.witness import text


@dataclass(frozen=True, slots=True)
class Wire:
    """What a capture on one host recorded.

    Attributes:
        path: The capture file.
        frames: Its frames in order, without witnesses: neither this capture's nor those of another host's.
        witnessed: The families of which both witnesses, that of the start and that of the stop, left the host.
        drops: How many frames the kernel had no room for.
        mac: The hardware address of the host's interface.
        cut_short: Whether the file ends inside a record.
        others: From where else than its own port a datagram service answered; None where it may answer from no other.
    """

    path: Path
    frames: tuple[Frame, ...]
    witnessed: frozenset[Family] = frozenset()
    drops: int = 0
    mac: str = ""
    cut_short: bool = False
    others: frozenset[tuple[str, int]] | None = None

    def is_from(self, end: tuple[str, int], port: int) -> bool:
        """Return whether ``end`` is a service's port, or another from which its datagrams may come."""
        return end[1] == port or end in (self.others or ())

    def require_whole(self) -> None:
        """Make sure that nothing is missing.

        Raises:
            Inconclusive: The kernel dropped frames, or the file is cut short.
        """
        if self.drops:
            raise Inconclusive(f"{self.path}: the kernel dropped {self.drops} frames, so nothing can be concluded")
        if self.cut_short:
            raise Inconclusive(f"{self.path}: the capture file is cut short, so nothing can be concluded")

    def require_live(self, families: Iterable[Family]) -> None:
        """Make sure that a frame of these families, had there been one, would have been seen.

        Raises:
            Inconclusive: Something is missing, or there is a family without witnesses.
        """
        self.require_whole()
        for family in families:
            if family not in self.witnessed:
                raise Inconclusive(
                    f"{self.path}: the capture has no {family.label} witness, so the absence of frames proves nothing",
                )


def read_wire(path: Path, *, nonce: str, mac: str = "", drops: int = 0) -> Wire:
    """Return what a capture file holds.

    Args:
        path: The file.
        nonce: The nonce of the capture's own witnesses.
        mac: The hardware address of the host's interface.
        drops: How many frames the kernel had no room for.

    Raises:
        HarnessError: It is no capture or is damaged.
    """
    pcap = Pcap(path)
    frames, seen = [], set()
    for number, (time, length, data) in enumerate(pcap, 1):
        frame = parse(data, number=number, time=time, length=length)
        if not frame.witness:
            frames.append(frame)
        elif not mac or frame.outgoing_mac == mac:
            seen.add(frame.witness)
    return Wire(
        path=path,
        frames=tuple(frames),
        witnessed=frozenset(
            family for family in BOTH if {text(family, "start", nonce), text(family, "stop", nonce)} <= seen
        ),
        drops=drops,
        mac=mac,
        cut_short=pcap.cut_short,
    )
