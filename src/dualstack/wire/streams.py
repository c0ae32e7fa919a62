"""Predicates over TCP connections: half-close, segments, resets."""

from collections.abc import Sequence

from dualstack.counting import count
from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.wire.attempts import Fate, attempts
from dualstack.wire.evidence import CaptureData
from dualstack.wire.flows import flows
from dualstack.wire.formatting import conversation
from dualstack.wire.frames import FIN, RST, Frame


def half_close(wire: CaptureData, sport: int) -> Finding:
    """On the client's port ``sport``: the client's FIN, then the service's data, then the service's FIN, and no RST.

    RFC 9293 §3.6: after a FIN the other direction stays open. The FIN travels with the request, unless the client's
    kernel parts them; where the service's data came in between, only its own FIN is left to come.

    Raises:
        Inconclusive: The client sent no FIN, or the capture is incomplete.
    """
    wire.require_whole()
    flow = _flow(wire, sport)
    closing = next((at for at, frame in enumerate(flow) if frame.sport == sport and frame.flags & FIN), None)
    if closing is None:
        raise Inconclusive(f"{wire.name}: no client closed its sending side on port {sport}")
    return Finding(
        ok=not (missing := _missing(flow, closing, sport)),
        expected=f"after the client's FIN from port {sport} the service sends its data, then its own FIN, and no RST",
        happened=missing or "data and FIN followed the client's FIN, and no RST",
        packets=conversation(wire, [sport]),
    )


def half_closes(wire: CaptureData, ports: Sequence[int]) -> Finding:
    """Return `half_close` of the clients' ports: the first finding that fails, or the last one.

    A kernel parts request and FIN when the client has no processor in between. A service that has answered and closed
    by then has done nothing wrong, so such a connection shows nothing.

    Raises:
        Inconclusive: None of them shows anything, or the capture is incomplete.
    """
    wire.require_whole()
    findings = [half_close(wire, port) for port in ports if not _came_late(_flow(wire, port), port)]
    if not findings:
        raise Inconclusive(f"{wire.name}: no client closed its sending side before the service had closed its own")
    return next((finding for finding in findings if not finding.ok), findings[-1])


def _flow(wire: CaptureData, sport: int) -> list[Frame]:
    """Return the segments of the connection from a client's port."""
    return [frame for frame in wire.frames if frame.kind == "tcp" and sport in {frame.sport, frame.dport}]


def _came_late(flow: Sequence[Frame], sport: int) -> bool:
    """Return whether the service had answered a request and closed before the client's FIN came, without a reset."""
    own_fin = next((at for at, frame in enumerate(flow) if frame.sport == sport and frame.flags & FIN), None)
    fin = next((at for at, frame in enumerate(flow) if frame.dport == sport and frame.flags & FIN), None)
    if own_fin is None or fin is None or own_fin < fin or any(frame.flags & RST for frame in flow):
        return False
    asked = next((at for at, frame in enumerate(flow) if frame.sport == sport and frame.size), fin)
    return any(frame.dport == sport and frame.size for frame in flow[asked : fin + 1])


def _missing(flow: list[Frame], closing: int, sport: int) -> str:
    """Return what is wrong after the client's FIN; empty if nothing is."""
    after = [frame for frame in flow[closing + 1 :] if frame.dport == sport]
    fin = next((at for at, frame in enumerate(after) if frame.flags & FIN), None)
    reset = next((frame for frame in flow if frame.flags & RST), None)
    if reset is not None:
        return f"the {'client' if reset.sport == sport else 'service'} sent RST"
    if any(frame.flags & FIN and frame.dport == sport for frame in flow[:closing]):
        return "the service closed before the client did"
    if fin is None:
        return "the service never sent its FIN"
    asked = next((at for at, frame in enumerate(flow[:closing]) if frame.sport == sport and frame.size), closing)
    faster = [frame for frame in flow[asked:closing] if frame.dport == sport]
    if not any(frame.size for frame in (*faster, *after[: fin + 1])):
        return "the service closed without sending anything more"
    return ""


def require_pieces(wire: CaptureData, sport: int, least: int) -> None:
    """Make sure that the client's port ``sport`` sent its bytes in at least ``least`` segments.

    Raises:
        Inconclusive: It did not, so that the service was not asked in pieces, or the capture is incomplete.
    """
    wire.require_whole()
    count = sum(1 for frame in wire.frames if frame.kind == "tcp" and frame.sport == sport and frame.size)
    if count < least:
        raise Inconclusive(f"{wire.name}: the client on port {sport} sent {count} data segments; {least} were meant")


def outlives_resets(wire: CaptureData, port: int, family: Family) -> Finding:
    """The last attempt over ``family`` to reach ``port`` that began after a client's RST is answered by SYN ACK.

    Raises:
        Inconclusive: No client sent RST, none came after it, or the capture is incomplete.
    """
    wire.require_whole()
    resets = [
        frame.time
        for frame in wire.frames
        if frame.kind == "tcp" and frame.family is family and frame.dport == port and frame.flags & RST
    ]
    later = [item for item in attempts(wire, port, family=family) if resets and item.time > resets[0]]
    if not later:
        raise Inconclusive(f"{wire.name}: no client came over {family.label} after one that reset its connection")
    return Finding(
        ok=later[-1].fate is Fate.ANSWERED,
        expected=f"after clients over {family.label} that reset their connections a SYN to port {port} is answered",
        happened=f"{count(len(resets), 'segment')} of clients carried RST; then {later[-1]}",
        packets=conversation(wire, [port]),
    )


def carries_resets(wire: CaptureData, port: int, *, expected: bool, least: int = 0) -> Finding:
    """Some segment of the established connections to ``port`` carries RST, or none does, as ``expected``.

    Only connections with at least ``least`` bytes of payload count.

    Raises:
        Inconclusive: There is no such connection, or the capture is incomplete.
    """
    wire.require_whole()
    made = {
        (item.attempt.src, item.attempt.sport)
        for item in flows(wire, port)
        if item.established and item.sent + item.answered >= least
    }
    if not made:
        raise Inconclusive(f"{wire.name}: no connection to port {port} has at least {least} bytes")
    ends = [{(frame.src, frame.sport), (frame.dst, frame.dport)} for frame in wire.frames if _is_reset(frame, port)]
    count = sum(not made.isdisjoint(both) for both in ends)
    return Finding(
        ok=bool(count) is expected,
        expected=f"{'a' if expected else 'no'} segment of the connections to port {port} carries RST",
        happened=f"{count} of their segments {'do' if count > 1 else 'does'}" if count else "none does",
        packets=conversation(wire, [port]),
    )


def _is_reset(frame: Frame, port: int) -> bool:
    """Return whether a frame is a TCP segment from or to ``port`` with RST."""
    return frame.kind == "tcp" and port in {frame.sport, frame.dport} and bool(frame.flags & RST)
