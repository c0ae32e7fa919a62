"""What must be true of TCP connections: half-close."""

from dualstack.errors import Inconclusive
from dualstack.finding import Finding
from dualstack.wire.evidence import Wire
from dualstack.wire.frames import FIN, RST, Frame
from dualstack.wire.story import conversation


def half_close(wire: Wire, sport: int) -> Finding:
    """On the client's port ``sport``: the client's FIN, then the service's data, then the service's FIN, and no RST.

    RFC 9293 §3.6: after a FIN the other direction stays open.

    Raises:
        Inconclusive: The client sent no FIN, or the capture is not whole.
    """
    wire.require_whole()
    flow = [frame for frame in wire.frames if frame.kind == "tcp" and sport in {frame.sport, frame.dport}]
    closing = next((at for at, frame in enumerate(flow) if frame.sport == sport and frame.flags & FIN), None)
    if closing is None:
        raise Inconclusive(f"{wire.path}: no client closed its sending side on port {sport}")
    return Finding(
        ok=not (missing := _missing(flow, closing, sport)),
        expected=f"after the client's FIN from port {sport} the service sends its data, then its own FIN, and no RST",
        happened=missing or "data and FIN followed the client's FIN, and no RST",
        packets=conversation(wire, [sport]),
    )


def _missing(flow: list[Frame], closing: int, sport: int) -> str:
    """Say what is not as it must be after the client's FIN; empty if everything is."""
    after = [frame for frame in flow[closing + 1 :] if frame.dport == sport]
    fin = next((at for at, frame in enumerate(after) if frame.flags & FIN), None)
    reset = next((frame for frame in flow if frame.flags & RST), None)
    if reset is not None:
        return f"the {'client' if reset.sport == sport else 'service'} sent RST"
    if any(frame.flags & FIN and frame.dport == sport for frame in flow[:closing]):
        return "the service closed before the client did"
    if fin is None:
        return "the service never sent its FIN"
    if not any(frame.size for frame in after[: fin + 1]):
        return "the service closed without sending anything more"
    return ""
