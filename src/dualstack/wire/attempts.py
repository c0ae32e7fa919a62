"""Attempts to reach a port, and the result of each."""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dualstack.families import Family, endpoint
from dualstack.transport import Transport
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import icmp_text
from dualstack.wire.frames import ACK, RST, SYN, Frame
from dualstack.wire.headers import PORT_UNREACHABLE, TOO_BIG, Icmp


@enum.unique
class Fate(enum.Enum):
    """The result of an attempt."""

    ANSWERED = "answered"
    """TCP: SYN ACK. UDP: a datagram back."""
    REFUSED = "refused"
    """TCP: RST before any SYN ACK. UDP: port unreachable (ICMP type 3 code 3, ICMPv6 type 1 code 4)."""
    ICMP_ERROR = "ICMP error"
    """Any other ICMP error, without an answer or refusal afterwards."""
    UNANSWERED = "unanswered"
    """Nothing came back."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: a SYN and its retransmissions, or the datagrams from one client port to one address.

    Attributes:
        family: By the outer header.
        transport: TCP or UDP.
        src: The client's address.
        sport: The client's port.
        dst: The address that was tried.
        dport: The port that was tried.
        isn: The SYN's sequence number; 0 with UDP.
        times: When it was sent and sent again, in seconds since the epoch.
        fate: Its result.
        after: Seconds from the last transmission to the packet that decided the result; None if unanswered.
        error: The text of an ICMP error; empty without one.
        frames: The numbers of its frames in the capture, including the one that decided the result.
        decided: When the packet came that decided the result, in seconds since the epoch; None if unanswered.
    """

    family: Family
    transport: Transport
    src: str
    sport: int
    dst: str
    dport: int
    isn: int
    times: tuple[float, ...]
    fate: Fate
    after: float | None
    error: str
    frames: tuple[int, ...]
    decided: float | None = None

    @property
    def time(self) -> float:
        """When it began, in seconds since the epoch."""
        return self.times[0]

    def __str__(self) -> str:
        """Return client, target, number of transmissions and result as text."""
        again = f" ({len(self.times)} times)" if len(self.times) > 1 else ""
        after = "" if self.after is None else f" after {self.after * 1000:.2f} ms"
        ends = f"{endpoint(self.src, self.sport)} → {endpoint(self.dst, self.dport)}"
        return f"{ends}{again}: {self.error or self.fate.value}{after}"


@dataclass(slots=True)
class _Draft:
    """An attempt while the capture is read."""

    first: Frame
    times: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    fate: Fate = Fate.UNANSWERED
    after: float | None = None
    error: str = ""
    decided: float | None = None

    def sent(self, frame: Frame) -> None:
        """Count one more transmission."""
        self.times.append(frame.time)
        self.frames.append(frame.number)

    def decide(self, fate: Fate, frame: Frame, error: str = "") -> None:
        """Take ``frame`` as the result, unless there is one; a result after an ICMP error replaces the error."""
        if self.fate in {Fate.UNANSWERED, Fate.ICMP_ERROR}:
            self.fate, self.error = fate, error
            self.after = frame.time - self.times[-1]
            self.decided = frame.time
            self.frames.append(frame.number)

    def attempt(self, family: Family, transport: Transport) -> Attempt:
        """Return the finished attempt."""
        return Attempt(
            family=family,
            transport=transport,
            src=self.first.src,
            sport=self.first.sport,
            dst=self.first.dst,
            dport=self.first.dport,
            isn=self.first.seq,
            times=tuple(self.times),
            fate=self.fate,
            after=self.after,
            error=self.error,
            frames=tuple(self.frames),
            decided=self.decided,
        )


def attempts(
    wire: CaptureData,
    port: int,
    transport: Transport = Transport.TCP,
    family: Family | None = None,
    address: str | None = None,
) -> tuple[Attempt, ...]:
    """Return the attempts to reach ``port`` in the order in which they began.

    SYNs with the same addresses, ports and initial sequence number are one attempt with retransmissions; so are
    datagrams with the same addresses and ports. Packets inside a tunnel do not count.

    Args:
        wire: The capture.
        port: The destination port.
        transport: TCP or UDP.
        family: Only attempts over this family; None for both.
        address: Only attempts to reach this address, canonical text; None for all.
    """
    drafts = _tcp(wire.frames, port) if transport is Transport.TCP else _udp(wire, port)
    return tuple(
        draft.attempt(draft.first.family, transport)
        for draft in drafts
        if draft.first.family is not None
        and (family is None or draft.first.family is family)
        and (address is None or draft.first.dst == address)
    )


def _tcp(frames: Iterable[Frame], port: int) -> Iterable[_Draft]:
    """Gather the attempts to reach a TCP port."""
    drafts: dict[tuple[str, int, str, int], _Draft] = {}
    for frame in frames:
        if frame.kind == "tcp" and frame.dport == port and frame.flags & (SYN | ACK) == SYN:
            draft = drafts.setdefault((frame.src, frame.sport, frame.dst, frame.seq), _Draft(frame))
            draft.sent(frame)
        elif frame.kind == "tcp" and frame.sport == port:
            draft_of_reply = drafts.get((frame.dst, frame.dport, frame.src, (frame.ack - 1) % (1 << 32)))
            if draft_of_reply is not None and frame.flags & ACK:
                _decide_tcp(draft_of_reply, frame)
        else:
            for key, message in _quoting(frame, "tcp", port):
                found = drafts.get(key)
                if found is not None:
                    _decide_icmp(found, frame, message, refused=False)
    return drafts.values()


def _decide_tcp(draft: _Draft, frame: Frame) -> None:
    """Take a segment that acknowledges the SYN as the result."""
    if frame.flags & RST:
        draft.decide(Fate.REFUSED, frame)
    elif frame.flags & SYN:
        draft.decide(Fate.ANSWERED, frame)


def _udp(wire: CaptureData, port: int) -> Iterable[_Draft]:
    """Gather the attempts to reach a UDP port."""
    drafts: dict[tuple[str, int, str, int], _Draft] = {}
    for frame in wire.frames:
        answered = drafts.get((frame.dst, frame.dport, frame.src, 0)) if frame.kind == "udp" else None
        if answered is not None and wire.is_from((frame.src, frame.sport), port):
            answered.decide(Fate.ANSWERED, frame)
        elif frame.kind == "udp" and frame.dport == port:
            draft = drafts.setdefault((frame.src, frame.sport, frame.dst, 0), _Draft(frame))
            draft.sent(frame)
        else:
            for key, message in _quoting(frame, "udp", port):
                found = drafts.get(key)
                if found is not None:
                    refused = (frame.kind, message.type, message.code) in PORT_UNREACHABLE
                    _decide_icmp(found, frame, message, refused=refused)
    return drafts.values()


def _quoting(frame: Frame, kind: str, port: int) -> Iterator[tuple[tuple[str, int, str, int], Icmp]]:
    """Yield the key of the attempt that an ICMP error is about, with the error."""
    message = frame.icmp
    if message is None or message.quoted is None or (frame.kind, message.type, message.code) in TOO_BIG:
        return
    quoted = message.quoted
    if quoted.kind == kind and quoted.dport == port:
        yield (quoted.src, quoted.sport, quoted.dst, quoted.seq), message


def _decide_icmp(draft: _Draft, frame: Frame, message: Icmp, *, refused: bool) -> None:
    """Take an ICMP error as the result."""
    draft.decide(Fate.REFUSED if refused else Fate.ICMP_ERROR, frame, icmp_text(frame.kind, message))
