"""Flows: the data of client and server on each TCP connection and each pair of UDP ports, and which side ended it."""

from dataclasses import dataclass

from dualstack.families import Family
from dualstack.transport import Transport
from dualstack.wire.attempts import Attempt, Fate, attempts
from dualstack.wire.evidence import CaptureData
from dualstack.wire.frames import ACK, FIN, RST, SYN, Frame

End = tuple[str, int]
"""An address and a port."""


@dataclass(frozen=True, slots=True)
class Flow:
    """An attempt to reach a port, and what followed it.

    Attributes:
        attempt: The attempt, with client, target, time and result.
        sent: The number of payload bytes that the client sent.
        answered: The number of payload bytes that the server sent; over UDP only from the requested address and port.
        first_sent: When the client first sent payload; None if it sent none.
        ended: When the server first sent FIN or RST; None if it sent neither.
        reset: Whether that was an RST.
        client_ended: When the client first sent FIN or RST; None if it sent neither.
    """

    attempt: Attempt
    sent: int = 0
    answered: int = 0
    first_sent: float | None = None
    ended: float | None = None
    reset: bool = False
    client_ended: float | None = None

    @property
    def family(self) -> Family:
        """The family of its packets."""
        return self.attempt.family

    @property
    def established(self) -> bool:
        """Whether the server answered the SYN or, over UDP, the request."""
        return self.attempt.fate is Fate.ANSWERED

    @property
    def hung_up(self) -> bool:
        """Whether the server closed the connection before the client, without sending data."""
        first = self.client_ended is None or (self.ended or 0.0) <= self.client_ended
        return self.established and not self.answered and self.ended is not None and first


@dataclass(slots=True)
class _Sum:
    """The counts of one flow while the capture is read."""

    sent: int = 0
    answered: int = 0
    first_sent: float | None = None
    ended: float | None = None
    reset: bool = False
    client_ended: float | None = None


def flows(wire: CaptureData, port: int, transport: Transport = Transport.TCP) -> tuple[Flow, ...]:
    """Return the flows to ``port`` in the order in which they began."""
    made = attempts(wire, port, transport)
    sums: dict[tuple[End, End], _Sum] = {((item.src, item.sport), (item.dst, item.dport)): _Sum() for item in made}
    for frame in wire.frames:
        if frame.kind != transport.value:
            continue
        source, target = (frame.src, frame.sport), (frame.dst, frame.dport)
        if (forth := sums.get((source, target))) is not None:
            _count_client(forth, frame)
        elif (back := sums.get((target, source))) is not None:
            _count_server(back, frame)
    return tuple(_flow(item, sums[(item.src, item.sport), (item.dst, item.dport)]) for item in made)


def _count_client(total: _Sum, frame: Frame) -> None:
    """Count a packet of the client."""
    total.sent += frame.size
    if total.first_sent is None and (frame.size or frame.kind == "udp"):
        total.first_sent = frame.time
    if total.client_ended is None and frame.kind == "tcp" and frame.flags & (FIN | RST):
        total.client_ended = frame.time


def _count_server(total: _Sum, frame: Frame) -> None:
    """Count a packet of the server; an RST that refuses a SYN ends no connection."""
    total.answered += frame.size
    refuses = frame.flags & (RST | ACK | SYN) == RST | ACK and total.first_sent is None and total.client_ended is None
    if total.ended is None and frame.kind == "tcp" and frame.flags & (FIN | RST) and not (refuses and not total.sent):
        total.ended, total.reset = frame.time, bool(frame.flags & RST)
    elif total.ended is None and refuses:
        total.ended, total.reset = frame.time, True


def _flow(attempt: Attempt, total: _Sum) -> Flow:
    """Return a flow; the end of a refused attempt is in the attempt."""
    established = attempt.fate is Fate.ANSWERED
    return Flow(
        attempt=attempt,
        sent=total.sent,
        answered=total.answered,
        first_sent=total.first_sent,
        ended=total.ended if established else None,
        reset=total.reset and established,
        client_ended=total.client_ended,
    )
