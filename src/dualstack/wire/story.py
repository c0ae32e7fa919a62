"""Packets as a person reads them: one line each."""

from collections.abc import Collection, Iterable, Sequence

from dualstack.families import endpoint
from dualstack.wire.evidence import Wire
from dualstack.wire.frames import ACK, FIN, PSH, RST, SYN, Frame
from dualstack.wire.headers import Icmp

MOST = 60
"""How many packets a conversation shows."""

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


def icmp_text(kind: str, message: Icmp) -> str:
    """Return what an ICMP message says, as ``ICMPv6 port unreachable``."""
    name = "ICMPv6" if kind == "icmpv6" else "ICMP"
    meaning = _ICMP.get((kind, message.type, message.code), f"type {message.type} code {message.code}")
    return f"{name} {meaning}" + (f", MTU {message.mtu}" if message.mtu else "")


def line(frame: Frame, since: float) -> str:
    """Return a frame as ``+1.204 ms  198.51.100.33:40112 → 198.51.100.1:8080  TCP SYN``.

    Args:
        frame: The frame.
        since: The time that the line's own counts from, in seconds since the epoch.
    """
    return f"{(frame.time - since) * 1000:+.3f} ms  {_ends(frame)}  {what(frame)}"


def lines(frames: Sequence[Frame], most: int = MOST) -> tuple[str, ...]:
    """Return a line for each frame, with times that count from the first one.

    Of more than ``most`` frames the first two thirds of that number and the last third are shown, and between them a
    line that says how many were left out.
    """
    if not frames:
        return ()
    written = [line(frame, frames[0].time) for frame in frames[: most - most // 3]]
    rest = frames[most - most // 3 :]
    left_out = len(rest) - most // 3
    if left_out > 0:
        written.append(f"… {left_out} packets left out …")
        rest = rest[left_out:]
    return (*written, *(line(frame, frames[0].time) for frame in rest))


def conversation(wire: Wire, ports: Collection[int], most: int = MOST) -> tuple[str, ...]:
    """Return what was said from and to ``ports``, and about it by ICMP, one line a packet; noise is left out."""
    return lines(about(wire.frames, ports), most)


def about(frames: Iterable[Frame], ports: Collection[int]) -> tuple[Frame, ...]:
    """Return the frames from or to one of ``ports``, also inside a tunnel, and the ICMP errors that quote such."""
    return tuple(frame for frame in frames if _concerns(frame, ports))


def what(frame: Frame) -> str:
    """Return what a frame is, without its addresses: ``TCP SYN``, ``UDP, 12 bytes``, ``ICMPv6 port unreachable``."""
    if frame.inner is not None:
        return f"carries {_ends(frame.inner)}  {what(frame.inner)}"
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


def _ends(frame: Frame) -> str:
    """Return source and destination."""
    if not frame.src:
        return f"{frame.outgoing_mac} → ?"
    return _between(frame.src, frame.sport, frame.dst, frame.dport)


def _between(src: str, sport: int, dst: str, dport: int) -> str:
    """Return two ends, with their ports if there are any."""
    if not sport and not dport:
        return f"{src} → {dst}"
    return f"{endpoint(src, sport)} → {endpoint(dst, dport)}"
