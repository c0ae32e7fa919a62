"""Path MTU: a sender that got Packet Too Big must send smaller packets."""

from collections.abc import Iterable

from dualstack.counting import count
from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import format_lines
from dualstack.wire.frames import Frame
from dualstack.wire.transition import mtu_respected, packets_too_big

_WRAP, _HALF = 1 << 32, 1 << 31
"""Sequence numbers wrap at 2³²; a number is earlier if it is less than half of that behind."""

SETTLE_SECONDS = 0.1
"""Seconds after Packet Too Big in which packets may still be too large: they were sent before."""


def path_mtu_heeded(wire: CaptureData, mtu: int, family: Family = Family.IPV6) -> Finding:
    """`SETTLE_SECONDS` after a router reported ``mtu`` to the captured host, no larger packet leaves it.

    RFC 8201 §4, RFC 1191 §3. A host that sends no larger packet gets no report, and is right.

    Args:
        wire: The capture on the service's host, whose segmentation offload is off.
        mtu: The largest packet that the router forwards: bytes, header included.
        family: The family. For IPv4 only packets with DF count: routers fragment the others.

    Raises:
        Inconclusive: Larger packets left and no router reported it, so there was no such hop; or no packet left
            after a report; or the capture could have missed a packet.
    """
    wire.require_live([family])
    left = [frame for frame in wire.frames if frame.family is family and frame.outgoing_mac == wire.mac]
    own = {frame.src for frame in left}
    reports = [one for one in packets_too_big(wire) if one.family is family and one.mtu == mtu and one.dst in own]
    large = [frame for frame in left if frame.length > mtu]
    if reports:
        after = reports[0].time + SETTLE_SECONDS
        finding = mtu_respected(wire, wire.mac, mtu, after, family)
        later = [frame for frame in left if frame.time > after and not frame.noise]
        message = [frame for frame in wire.frames if frame.time == reports[0].time and frame.src == reports[0].src]
        return Finding(
            ok=finding.ok,
            expected=f"{finding.expected} {SETTLE_SECONDS:g} s after {reports[0].src} said that it is the most",
            happened=f"{count(len(reports), 'such message')} came; later {finding.happened}",
            packets=format_lines([*large[:1], *message, *(frame for frame in later if finding.ok or frame in large)]),
            symptoms=(Symptom.LARGE_PACKET,),
        )
    if large:
        raise Inconclusive(
            f"{wire.name}: {count(len(large), f'{family.label} packet')} of more than {mtu} bytes left, and no "
            "router said that this is too large: there was no such hop"
        )
    what = (
        f"no {family.label} packet of more than {mtu} bytes leaves {wire.mac}, or a router says so and none does later"
    )
    return Finding(ok=True, expected=what, happened=f"none of {len(left)} was bigger, so no router had to say anything")


def too_large_is_sent_again(wire: CaptureData, port: int, mtu: int) -> Finding:
    """Every byte that left TCP ``port`` over IPv6 in a packet of more than ``mtu`` bytes leaves in a smaller one too.

    Routers do not fragment IPv6 packets: the sender must send smaller segments (RFC 8201 §5.4).

    Args:
        wire: The capture on the service's host, whose segmentation offload is off.
        port: The service's port.
        mtu: The largest packet that the path carries: bytes, header included.

    Raises:
        Inconclusive: No byte left the port over IPv6, or the capture is incomplete.
    """
    wire.require_whole()
    left = [
        frame
        for frame in wire.frames
        if (frame.kind, frame.family, frame.sport, frame.outgoing_mac) == ("tcp", Family.IPV6, port, wire.mac)
        and frame.size
    ]
    if not left:
        raise Inconclusive(f"{wire.name}: no byte left TCP port {port} over IPv6, so there is nothing to judge")
    large = [frame for frame in left if frame.length > mtu]
    lost = [frame for frame in large if not _is_covered(frame, (one for one in left if one.length <= mtu))]
    least = min((frame.seq for frame in lost), default=0)
    return Finding(
        ok=not lost,
        expected=f"what left TCP port {port} over IPv6 in packets of over {mtu} bytes leaves again in smaller ones",
        happened=f"{len(lost)} of {len(large)} such packets were not, the first with sequence number {least}"
        if lost
        else f"all {len(large)} such packets were",
        packets=format_lines(left),
        symptoms=(Symptom.LARGE_PACKET,),
    )


def _is_covered(frame: Frame, others: Iterable[Frame]) -> bool:
    """Return whether other segments of the connection carry all bytes of a segment."""
    ends = (frame.src, frame.dst, frame.dport)
    spans = sorted(
        ((one.seq - frame.seq + _HALF) % _WRAP - _HALF, one.size)
        for one in others
        if (one.src, one.dst, one.dport) == ends
    )
    reached = 0
    for start, size in spans:
        if start <= reached:
            reached = max(reached, start + size)
    return reached >= frame.size


def path_mtu_learned(wire: CaptureData, port: int, mtu: int, family: Family, least: int) -> Finding:
    """What left TCP ``port`` too large for the path leaves again in smaller segments, and nothing large follows.

    RFC 8201 §4, RFC 1191 §3. Packets that routers may fragment (IPv4 without DF) are `keeps_whole`'s subject.

    Args:
        wire: The capture on the service's host, whose segmentation offload is off.
        port: The service's port.
        mtu: The largest packet that the path carries: bytes, header included.
        family: The family.
        least: How many bytes one connection must have carried, so that there is something to judge.

    Raises:
        Inconclusive: No connection carried that much; or larger packets left and no router reported it; or the
            capture is incomplete.
    """
    left = _segments(wire, port, family)
    most = max(_spans(left).values(), default=0)
    if most < least:
        raise Inconclusive(f"{wire.name}: over {family.label} only {most} bytes left TCP port {port}, not {least}")
    expected = f"once a router reports {mtu} bytes, what was larger over {family.label} leaves again in smaller packets"
    large = [frame for frame in left if frame.length > mtu and frame.whole]
    if not large:
        return Finding(ok=True, expected=expected, happened=f"none of {count(len(left), 'packet')} was larger")
    reports = [one for one in packets_too_big(wire) if one.family is family and one.mtu == mtu]
    if not reports:
        raise Inconclusive(
            f"{wire.name}: {count(len(large), f'{family.label} packet')} of more than {mtu} bytes left, and no "
            "router said that this is too large: there was no such hop"
        )
    said = [frame for frame in wire.frames if (frame.time, frame.src) == (reports[0].time, reports[0].src)]
    again = next((one for one in left if one.time > reports[0].time and _repeats(one, large, mtu)), None)
    # A client on the link, such as one on the router, may get larger ones: a path MTU is that of one destination.
    later = [one for one in large if again is not None and one.time > again.time and one.dst == again.dst]
    happened = (
        f"{len(later)} larger packets left after that" if later else f"{len(large)} were larger, and none after that"
    )
    return Finding(
        ok=again is not None and not later,
        expected=f"{expected}, and no larger one follows",
        happened=happened if again is not None else f"none of {len(large)} was sent again in smaller packets",
        packets=format_lines([*large[:1], *said, *([again] if again is not None else []), *later]),
        symptoms=(Symptom.LARGE_PACKET,),
    )


def keeps_whole(wire: CaptureData, port: int, mtu: int) -> Finding:
    """No IPv4 packet of more than ``mtu`` bytes leaves TCP ``port`` without DF: routers would have to fragment it.

    RFC 9293 §3.7.2, RFC 8900 §6.1: a fragment that is lost takes the whole packet with it, and many firewalls drop
    fragments.

    Raises:
        Inconclusive: No byte left the port over IPv4, or the capture is incomplete.
    """
    left = _segments(wire, port, Family.IPV4)
    if not left:
        raise Inconclusive(f"{wire.name}: no byte left TCP port {port} over IPv4, so there is nothing to judge")
    loose = [frame for frame in left if frame.length > mtu and not frame.whole]
    return Finding(
        ok=not loose,
        expected=f"no IPv4 packet of more than {mtu} bytes leaves TCP port {port} without DF",
        happened=f"{len(loose)} of {len(left)} did, for routers to fragment" if loose else f"none of {len(left)} did",
        packets=format_lines(loose or left[:1]),
        symptoms=(Symptom.LARGE_PACKET,),
    )


def _segments(wire: CaptureData, port: int, family: Family) -> list[Frame]:
    """Return the segments with data that left a TCP port of the captured host."""
    wire.require_whole()
    wanted = ("tcp", family, port, wire.mac)
    return [one for one in wire.frames if (one.kind, one.family, one.sport, one.outgoing_mac) == wanted and one.size]


def _spans(segments: Iterable[Frame]) -> dict[tuple[str, int], int]:
    """Return how many bytes each client was sent, by its address and port; repeated bytes count once."""
    first: dict[tuple[str, int], int] = {}
    spans: dict[tuple[str, int], int] = {}
    for one in segments:
        client = one.dst, one.dport
        offset = (one.seq - first.setdefault(client, one.seq) + _HALF) % _WRAP - _HALF
        spans[client] = max(spans.get(client, 0), offset + one.size)
    return spans


def _repeats(segment: Frame, large: Iterable[Frame], mtu: int) -> bool:
    """Return whether a segment that fits carries bytes of one that was too large."""
    ends = (segment.src, segment.dst, segment.dport)
    return segment.length <= mtu and any(
        (one.src, one.dst, one.dport) == ends and one.time < segment.time and (segment.seq - one.seq) % _WRAP < one.size
        for one in large
    )
