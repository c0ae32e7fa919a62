"""Packets as text for reports, one line each."""

from collections.abc import Collection, Iterable, Sequence

from dualstack.families import endpoint
from dualstack.timeline import Packet, during, packet_lines, shortened
from dualstack.wire.evidence import CaptureData
from dualstack.wire.frames import ACK, FIN, PSH, RST, SYN, Frame
from dualstack.wire.headers import Icmp

MOST = 60
"""The number of packets that a conversation shows."""

_FLAGS = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"))

_ICMP = {
    ("icmp", 0, 0): "echo reply",
    ("icmp", 8, 0): "echo request",
    ("icmp", 3, 0): "network unreachable",
    ("icmp", 3, 1): "host unreachable",
    ("icmp", 3, 2): "protocol unreachable",
    ("icmp", 3, 3): "port unreachable",
    ("icmp", 3, 4): "fragmentation needed",
    ("icmp", 3, 9): "network administratively prohibited",
    ("icmp", 3, 10): "host administratively prohibited",
    ("icmp", 3, 13): "communication administratively prohibited",
    ("icmp", 11, 0): "time to live exceeded",
    ("icmpv6", 1, 0): "no route to destination",
    ("icmpv6", 1, 1): "administratively prohibited",
    ("icmpv6", 1, 2): "beyond scope of source address",
    ("icmpv6", 1, 3): "address unreachable",
    ("icmpv6", 1, 4): "port unreachable",
    ("icmpv6", 1, 5): "source address failed policy",
    ("icmpv6", 1, 6): "reject route to destination",
    ("icmpv6", 2, 0): "packet too big",
    ("icmpv6", 3, 0): "hop limit exceeded",
    ("icmpv6", 4, 1): "unrecognized next header",
    ("icmpv6", 128, 0): "echo request",
    ("icmpv6", 129, 0): "echo reply",
}
"""What the types and codes of ICMP and ICMPv6 mean (RFC 792, RFC 1812 §5.2.7.1, RFC 4443)."""

_UNREACHABLE, _UNREACHABLE_ICMPV6, _TOO_BIG = 3, 1, 4
"""The types of "destination unreachable", and the code of ICMP that says only that a packet is too big."""


def icmp_text(kind: str, message: Icmp) -> str:
    """Return the meaning of an ICMP message, for example ``ICMPv6 port unreachable``."""
    name = "ICMPv6" if kind == "icmpv6" else "ICMP"
    meaning = _ICMP.get((kind, message.type, message.code), f"type {message.type} code {message.code}")
    return f"{name} {meaning}" + (f", MTU {message.mtu}" if message.mtu else "")


def format_line(frame: Frame, since: float) -> str:
    """Return a frame as ``+1.204 ms  198.51.100.33:40112 → 198.51.100.1:8080  TCP SYN``.

    Args:
        frame: The frame.
        since: The time from which the line counts, in seconds since the epoch.
    """
    return packet(frame, since=since).line(0.0)


def format_lines(frames: Sequence[Frame], most: int = MOST) -> tuple[str, ...]:
    """Return a line for each frame, with times that count from the first one.

    Of more than ``most`` frames, the first two thirds and the last third of that number are returned; the line between
    them has the number of frames that were left out.
    """
    found = shortened([*enumerate(frames, 1)], most)
    return packet_lines([packet(frame, since=frames[0].time, number=number) for number, frame in found])


def conversation(wire: CaptureData, ports: Collection[int], most: int = MOST) -> tuple[str, ...]:
    """Return the packets from and to ``ports`` and the ICMP errors that quote them, one line each."""
    return format_lines(concerning(wire.frames, ports), most)


def packets(
    wire: CaptureData,
    ports: Collection[int],
    *,
    since: float,
    host: str,
    most: int = MOST,
    when: tuple[float, float] | None = None,
) -> tuple[Packet, ...]:
    """Return the packets of a `conversation` as data, at most ``most``.

    Args:
        wire: What was captured.
        ports: The ports that the conversation is from or to.
        since: The time that the packets' own counts from, in seconds since the epoch.
        host: The host that they were captured on.
        most: How many packets are returned at most.
        when: The time that matters, as `Packet.at` counts it; without one it is the beginning and the end.
    """
    frames = concerning(wire.frames, ports)
    found = shortened([*enumerate(frames, 1)], most, during([frame.time - since for frame in frames], when))
    return tuple(packet(frame, since=since, number=number, host=host) for number, frame in found)


def packet(frame: Frame, *, since: float, number: int = 0, host: str = "") -> Packet:
    """Return what a record keeps of a frame; see `packets`."""
    return Packet(
        number=number,
        at=round(frame.time - since, 6),
        host=host,
        family=frame.family.value if frame.family else "",
        src=frame.src or frame.outgoing_mac,
        sport=frame.sport,
        dst=frame.dst if frame.src else "?",
        dport=frame.dport,
        what=describe(frame),
        refuses=_refuses(frame),
        inner=packet(frame.inner, since=since) if frame.inner else None,
    )


def concerning(frames: Iterable[Frame], ports: Collection[int]) -> tuple[Frame, ...]:
    """Return the frames from or to one of ``ports``, also inside a tunnel, and the ICMP errors that quote one."""
    return tuple(frame for frame in frames if _concerns(frame, ports))


def describe(frame: Frame) -> str:
    """Return the kind of a frame, without addresses: ``TCP SYN``, ``UDP, 12 bytes``, ``ICMPv6 port unreachable``."""
    if frame.inner is not None:
        return f"carries {_ends(frame.inner)}  {describe(frame.inner)}"
    if frame.noise:
        return frame.noise
    if frame.icmp is not None:
        quoted = frame.icmp.quoted
        about_it = f", about {_between(quoted.src, quoted.sport, quoted.dst, quoted.dport)}" if quoted else ""
        return icmp_text(frame.kind, frame.icmp) + about_it
    bytes_carried = f", {frame.size} byte{'s' if frame.size > 1 else ''}" if frame.size else ""
    if frame.kind == "tcp":
        return f"TCP {flag_names(frame.flags)}{bytes_carried}" + (", a fragment" if frame.fragment else "")
    return frame.kind.upper() + bytes_carried + (", a fragment" if frame.fragment else "")


def flag_names(flags: int) -> str:
    """Return the names of TCP flags, as ``SYN ACK``."""
    return " ".join(name for bit, name in _FLAGS if flags & bit) or "no flags"


def _concerns(frame: Frame, ports: Collection[int]) -> bool:
    """Return whether a frame is from or to one of ``ports``, or quotes a packet that is."""
    if frame.inner is not None:
        return _concerns(frame.inner, ports)
    if frame.icmp is not None and frame.icmp.quoted is not None:
        return frame.icmp.quoted.sport in ports or frame.icmp.quoted.dport in ports
    return frame.kind in {"tcp", "udp"} and (frame.sport in ports or frame.dport in ports)


def _refuses(frame: Frame) -> bool:
    """Return whether a frame, or the packet inside it, is a TCP RST or says that its destination is unreachable."""
    if frame.inner is not None:
        return _refuses(frame.inner)
    if frame.icmp is not None:
        unreachable = {"icmp": _UNREACHABLE, "icmpv6": _UNREACHABLE_ICMPV6}.get(frame.kind)
        return frame.icmp.type == unreachable and (frame.kind, frame.icmp.code) != ("icmp", _TOO_BIG)
    return frame.kind == "tcp" and bool(frame.flags & RST)


def _ends(frame: Frame) -> str:
    """Return source and destination."""
    if not frame.src:
        return f"{frame.outgoing_mac} → ?"
    return _between(frame.src, frame.sport, frame.dst, frame.dport)


def _between(src: str, sport: int, dst: str, dport: int) -> str:
    """Return two addresses, with their ports if they have any."""
    if not sport and not dport:
        return f"{src} → {dst}"
    return f"{endpoint(src, sport)} → {endpoint(dst, dport)}"
