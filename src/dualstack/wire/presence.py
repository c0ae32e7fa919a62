"""Whether a frame like a template is there, or is not."""

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.manifest.models import Transport
from dualstack.wire.evidence import Wire
from dualstack.wire.frames import Frame
from dualstack.wire.story import about, line, lines
from dualstack.wire.template import Template

_NEAREST = 5
"""How many frames are shown that came nearest to a template."""


def present(wire: Wire, template: Template) -> Finding:
    """There is a frame like ``template``; if there is none, those that come nearest are shown.

    Raises:
        Inconclusive: There is no frame but noise at all, or the capture is not whole.
    """
    wire.require_whole()
    found = template.among(wire.frames)
    if not found and not [frame for frame in wire.frames if not frame.noise]:
        raise Inconclusive(f"{wire.path}: nothing but noise was captured, so there is nothing to judge")
    return Finding(
        ok=bool(found),
        expected=f"a frame with {template}",
        happened=f"{len(found)} of {len(wire.frames)} frames are like that",
        packets=lines(found) or _nearest(wire.frames, template),
    )


def absent(wire: Wire, template: Template) -> Finding:
    """There is no frame like ``template``.

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
        packets=lines(found),
    )


def stays_inside(wire: Wire, port: int, transport: Transport = Transport.TCP) -> Finding:
    """No packet from or to ``port``, and no ICMP error about one, crosses the link: all of it stayed inside the host.

    Raises:
        Inconclusive: The capture could have missed such a packet.
    """
    wire.require_live(BOTH)
    kinds = {transport.value, "icmp", "icmpv6"}
    found = [frame for frame in about(wire.frames, [port]) if frame.kind in kinds or frame.inner is not None]
    return Finding(
        ok=not found,
        expected=f"no packet of {transport.value} port {port} crosses the link",
        happened=f"{len(found)} packets did"
        if found
        else f"none of {len(wire.frames)} frames on the link was one; the witnesses were seen",
        packets=lines(found),
    )


def sends(wire: Wire, began: float = 0.0, ended: float = float("inf")) -> bool:
    """Return whether the host has sent anything but what its kernel sends by itself, between two points in time.

    Args:
        wire: What was captured.
        began: The first point, in seconds since the epoch.
        ended: The second one.

    Raises:
        Inconclusive: The capture could have missed it.
    """
    wire.require_live(wire.witnessed or BOTH)
    own = [frame for frame in wire.frames if frame.outgoing_mac == wire.mac and not frame.noise]
    return any(began <= frame.time <= ended and frame.kind not in {"icmp", "icmpv6"} for frame in own)


def _nearest(frames: tuple[Frame, ...], template: Template) -> tuple[str, ...]:
    """Return the frames that differ least from a template, with what differs."""
    ranked = sorted(frames, key=lambda frame: len(template.differences(frame)))[:_NEAREST]
    start = frames[0].time
    return tuple(
        f"{line(frame, start)}  (differs in {', '.join(template.differences(frame))})"
        for frame in sorted(ranked, key=lambda frame: frame.number)
    )
