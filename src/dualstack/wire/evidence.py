"""The packets of a capture, and whether they allow a conclusion."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.wire.frames import Frame, parse
from dualstack.wire.pcap import Pcap
from dualstack.wire.witness import text


@dataclass(frozen=True, slots=True)
class CaptureData:
    """The packets that a capture on one host recorded.

    Attributes:
        path: The capture file.
        frames: Its frames in order, without the witnesses of this and of other captures.
        witnessed: The families whose witnesses were recorded both at the start and at the stop.
        drops: The number of frames that the kernel dropped.
        mac: The hardware address of the host's interface.
        truncated: Whether the file ends inside a record.
        others: The other ends from which a datagram service answered; None if it may answer only from its port.
    """

    path: Path
    frames: tuple[Frame, ...]
    witnessed: frozenset[Family] = frozenset()
    drops: int = 0
    mac: str = ""
    truncated: bool = False
    others: frozenset[tuple[str, int]] | None = None

    @property
    def name(self) -> str:
        """The file's name, for messages: a record says in which folder it is."""
        return self.path.name

    def is_from(self, end: tuple[str, int], port: int) -> bool:
        """Return whether ``end`` has the service's port, or is another end from which the service may answer."""
        return end[1] == port or end in (self.others or ())

    def since(self, time: float) -> "CaptureData":
        """Return the packets from a time on, in seconds since the epoch.

        A UDP client may use one port in each of its runs, so that earlier packets would belong to a later attempt.
        """
        return replace(self, frames=tuple(frame for frame in self.frames if frame.time >= time))

    def require_whole(self) -> None:
        """Make sure that no packet is missing.

        Raises:
            Inconclusive: The kernel dropped frames, or the file is truncated.
        """
        if self.drops:
            raise Inconclusive(f"{self.name}: the kernel dropped {self.drops} frames, so nothing can be concluded")
        if self.truncated:
            raise Inconclusive(f"{self.name}: the capture file is truncated, so nothing can be concluded")

    def require_live(self, families: Iterable[Family]) -> None:
        """Make sure that a frame of these families would have been recorded.

        Raises:
            Inconclusive: Packets are missing, or a family has no witnesses.
        """
        self.require_whole()
        for family in families:
            if family not in self.witnessed:
                raise Inconclusive(
                    f"{self.name}: the capture has no {family.label} witness, so the absence of frames proves nothing",
                )


def read_capture(path: Path, *, nonce: str, mac: str = "", drops: int = 0) -> CaptureData:
    """Return the contents of a capture file.

    Args:
        path: The file.
        nonce: The nonce of the capture's own witnesses.
        mac: The hardware address of the host's interface.
        drops: The number of frames that the kernel dropped.

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
    return CaptureData(
        path=path,
        frames=tuple(frames),
        witnessed=frozenset(
            family for family in BOTH if {text(family, "start", nonce), text(family, "stop", nonce)} <= seen
        ),
        drops=drops,
        mac=mac,
        truncated=pcap.truncated,
    )
