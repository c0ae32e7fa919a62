"""Predicates: a frame that matches a template is present, or absent."""

from dualstack.counting import count
from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.transport import Transport
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import concerning, format_line, format_lines
from dualstack.wire.frames import Frame
from dualstack.wire.template import Template

_NEAREST = 5
"""The number of frames that are shown if none matches: those with the fewest differences."""


def present(wire: CaptureData, template: Template) -> Finding:
    """A frame matches ``template``; if none does, the finding has those with the fewest differences.

    Raises:
        Inconclusive: All frames are noise, or the capture is incomplete.
    """
    wire.require_whole()
    found = template.among(wire.frames)
    if not found and not [frame for frame in wire.frames if not frame.noise]:
        raise Inconclusive(f"{wire.name}: nothing but noise was captured, so there is nothing to judge")
    return Finding(
        ok=bool(found),
        expected=f"a frame with {template}",
        happened=f"{len(found)} of {len(wire.frames)} frames are like that",
        packets=format_lines(found) or _nearest(wire.frames, template),
    )


def absent(wire: CaptureData, template: Template) -> Finding:
    """No frame matches ``template``.

    Raises:
        Inconclusive: The capture could have missed such a frame.
    """
    families: tuple[Family, ...] = BOTH if template.family is None else (template.family,)
    wire.require_live(families)
    found = template.among(wire.frames)
    return Finding(
        ok=not found,
        expected=f"no frame with {template}",
        happened=f"{len(found)} of {len(wire.frames)} frames are like that",
        packets=format_lines(found),
    )


def stays_inside(wire: CaptureData, port: int, transport: Transport = Transport.TCP) -> Finding:
    """No packet from or to ``port``, and no ICMP error that quotes one, crosses the link.

    Raises:
        Inconclusive: The capture could have missed such a packet.
    """
    wire.require_live(BOTH)
    kinds = {transport.value, "icmp", "icmpv6"}
    found = [frame for frame in concerning(wire.frames, [port]) if frame.kind in kinds or frame.inner is not None]
    return Finding(
        ok=not found,
        expected=f"no packet of {transport.value} port {port} crosses the link",
        happened=f"{count(len(found), 'packet')} did"
        if found
        else f"none of {len(wire.frames)} frames on the link was one; the witnesses were seen",
        packets=format_lines(found),
    )


def sends(wire: CaptureData, began: float = 0.0, ended: float = float("inf")) -> bool:
    """Return whether the host sent packets between two times, other than noise and ICMP.

    Args:
        wire: The capture.
        began: The first time, in seconds since the epoch.
        ended: The second time.

    Raises:
        Inconclusive: The capture could have missed such a packet.
    """
    wire.require_live(wire.witnessed or BOTH)
    own = [frame for frame in wire.frames if frame.outgoing_mac == wire.mac and not frame.noise]
    return any(began <= frame.time <= ended and frame.kind not in {"icmp", "icmpv6"} for frame in own)


def _nearest(frames: tuple[Frame, ...], template: Template) -> tuple[str, ...]:
    """Return the frames with the fewest differences from a template, and the differences."""
    ranked = sorted(frames, key=lambda frame: len(template.differences(frame)))[:_NEAREST]
    start = frames[0].time
    return tuple(
        f"{format_line(frame, start)}  (differs in {', '.join(template.differences(frame))})"
        for frame in sorted(ranked, key=lambda frame: frame.number)
    )
