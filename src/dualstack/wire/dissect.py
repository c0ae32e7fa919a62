"""Dissecting selected frames in depth; the one module that knows scapy.

scapy is slow to load and to dissect, so it is loaded when it is first needed, and is only given the frames of the flow
in question.
"""

import enum
import functools
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from dualstack.checksum import internet_checksum
from dualstack.families import Family
from dualstack.wire.frames import Frame
from dualstack.wire.pcap import select

T = TypeVar("T")

_LENGTH_PREFIX = 2
"""The size of the length before each message of DNS over TCP (RFC 1035 §4.2.2)."""


@enum.unique
class Checksum(enum.Enum):
    """The state of a UDP checksum."""

    VALID = "valid"
    OFFLOADED = "left to the hardware"
    """It is the sum of the pseudo-header alone: the kernel of the sender left the rest to the network card."""
    ZERO = "zero"
    WRONG = "wrong"
    UNKNOWN = "not kept whole"


@dataclass(frozen=True, slots=True)
class Dns:
    """One question of a DNS message and, in a response, its answer.

    Attributes:
        time: Seconds since the epoch.
        family: The family of the packet.
        transport: ``udp`` or ``tcp``.
        src: The sender's address.
        dst: The receiver's address.
        id: The message's identifier.
        name: The name in question, in lower case, without the last dot.
        type: The record type in question: ``A``, ``AAAA`` …
        rcode: The response code, 0 in a query.
        answers: The data of the answer's records of any type, as text; empty in a query.
        truncated: Whether the TC bit is set.
    """

    time: float
    family: Family
    transport: str
    src: str
    dst: str
    id: int
    name: str
    type: str
    rcode: int = 0
    answers: tuple[str, ...] = ()
    truncated: bool = False


@functools.cache
def _scapy() -> SimpleNamespace:
    """Load scapy with the protocols that are needed here; loading all of them takes six times as long."""
    from scapy.layers import dns, inet, inet6, l2  # noqa: PLC0415 - loading takes long, and most runs dissect nothing

    return SimpleNamespace(
        Ether=l2.Ether, IP=inet.IP, TCP=inet.TCP, UDP=inet.UDP, IPv6=inet6.IPv6, DNS=dns.DNS, dnsqtypes=dns.dnsqtypes
    )


def _packets(path: Path, frames: Iterable[Frame]) -> list[tuple[Frame, Any]]:
    """Return the frames with their dissection; those that are not in the file, or cannot be read, are left out."""
    chosen = list(frames)
    if not chosen:
        return []
    data = select(path, (frame.number for frame in chosen))
    made = ((frame, _readable(_scapy().Ether, data[frame.number])) for frame in chosen if frame.number in data)
    return [(frame, packet) for frame, packet in made if packet is not None]


def _readable(read: Callable[..., T], *arguments: object) -> T | None:
    """Return the result of ``read`` on bytes from a service; None if it fails."""
    try:
        return read(*arguments)
    except Exception:  # noqa: BLE001 - scapy promises no type of error for bytes that are not what they seem
        return None


def details(path: Path, frames: Iterable[Frame]) -> tuple[str, ...]:
    """Return scapy's one-line summary of each frame that it can read, from the network header inwards."""
    summaries = (_readable(packet.payload.summary) for _, packet in _packets(path, frames))
    return tuple(summary for summary in summaries if summary is not None)


def payloads(path: Path, frames: Iterable[Frame]) -> dict[int, bytes]:
    """Return what TCP or UDP carries in each frame that can be read, by the number of the frame."""
    found = {}
    for frame, packet in _packets(path, frames):
        transport = packet.getlayer(_scapy().TCP) or packet.getlayer(_scapy().UDP)
        if transport is not None:
            found[frame.number] = bytes(transport.payload.original)[: frame.size]
    return found


def udp_checksums(path: Path, frames: Iterable[Frame]) -> dict[int, Checksum]:
    """Return the state of each frame's UDP checksum, by the number of the frame."""
    chosen = list(frames)
    sums = {frame.number: _readable(_udp_checksum, packet) for frame, packet in _packets(path, chosen)}
    return {frame.number: sums.get(frame.number) or Checksum.UNKNOWN for frame in chosen}


def _udp_checksum(packet: Any) -> Checksum:
    """Return the state of the checksum of the outermost UDP header."""
    scapy = _scapy()
    datagram = packet.getlayer(scapy.UDP)
    if datagram is None:
        return Checksum.UNKNOWN
    raw = bytes(datagram.original)[: datagram.len]
    if datagram.chksum == 0:
        return Checksum.ZERO
    if len(raw) < datagram.len:
        return Checksum.UNKNOWN
    network = packet.getlayer(scapy.IPv6) or packet.getlayer(scapy.IP)
    kind = Family.IPV6 if network.version == 6 else Family.IPV4  # noqa: PLR2004 - the version
    ends = b"".join(socket.inet_pton(kind.af, end) for end in (network.src, network.dst))
    pseudo = ends + datagram.len.to_bytes(4, "big") + (17).to_bytes(4, "big")
    if internet_checksum(pseudo + raw) == 0:
        return Checksum.VALID
    return Checksum.OFFLOADED if datagram.chksum == ~internet_checksum(pseudo) & 0xFFFF else Checksum.WRONG


def dns(path: Path, frames: Iterable[Frame]) -> tuple[Dns, ...]:
    """Return the questions in the DNS messages that ``frames`` carry; unreadable messages are skipped."""
    found: list[Dns] = []
    for frame, packet in _packets(path, frames):
        message = _readable(_message, frame, packet)
        if message is not None and frame.family is not None:
            questions: list[Any] = _readable(list, message.qd or ()) or []
            read = (_readable(_question, frame, frame.family, message, question) for question in questions)
            found += (question for question in read if question is not None)
    return tuple(found)


def _message(frame: Frame, packet: Any) -> Any:
    """Return the DNS message that a frame carries; None if it carries no complete one."""
    scapy = _scapy()
    transport = packet.getlayer(scapy.TCP if frame.kind == "tcp" else scapy.UDP)
    if transport is None:
        return None
    payload = bytes(transport.payload.original)[: frame.size]
    if frame.kind == "tcp":
        length, payload = int.from_bytes(payload[:_LENGTH_PREFIX], "big"), payload[_LENGTH_PREFIX:]
        if not length or len(payload) < length:
            return None
        payload = payload[:length]
    return scapy.DNS(payload)


def _question(frame: Frame, family: Family, message: Any, question: Any) -> Dns:
    """Return a question of a message."""
    return Dns(
        time=frame.time,
        family=family,
        transport=frame.kind,
        src=frame.src,
        dst=frame.dst,
        id=message.id,
        name=question.qname.decode("ascii", "backslashreplace").rstrip(".").lower(),
        type=_scapy().dnsqtypes.get(question.qtype, str(question.qtype)),
        rcode=message.rcode if message.qr else 0,
        answers=_answers(message.an or ()) if message.qr else (),
        truncated=bool(message.tc),
    )


def _answers(records: Iterable[Any]) -> tuple[str, ...]:
    """Return the data of each record that can be read, as text."""
    texts = (_readable(_rdata, record) for record in records)
    return tuple(text for text in texts if text is not None)


def _rdata(record: Any) -> str:
    """Return a record's data as text."""
    data = getattr(record, "rdata", "")
    return data.decode("ascii", "backslashreplace") if isinstance(data, bytes) else str(data)
