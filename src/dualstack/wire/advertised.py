"""What must be true of TCP connections and attempts around router advertisements (RFC 4861 §4.2)."""

from dualstack.errors import Inconclusive
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.manifest.models import Transport
from dualstack.wire.attempts import Attempt, Fate, attempts
from dualstack.wire.evidence import Wire
from dualstack.wire.frames import FIN, RST, SYN, Frame
from dualstack.wire.story import about, lines

_ROUTER_ADVERTISEMENT = 134


def advertisements(wire: Wire) -> list[Frame]:
    """Return the router advertisements."""
    return [frame for frame in wire.frames if _is_advertisement(frame)]


def flow_outlives_advertisements(wire: Wire, sport: int, count: int) -> Finding:
    """What came from the client's port ``sport`` before ``count`` advertisements is answered after them.

    All of the connection is between the two addresses of its SYN, and the service does not end it before it answers.

    Raises:
        Inconclusive: There is no SYN, fewer advertisements followed it, or the capture is not whole.
    """
    wire.require_whole()
    flow = [frame for frame in wire.frames if frame.kind == "tcp" and sport in {frame.sport, frame.dport}]
    opening = next((frame for frame in flow if frame.sport == sport and frame.flags & SYN), None)
    later = [] if opening is None else [frame for frame in advertisements(wire) if frame.number > opening.number]
    if opening is None or len(later) < count:
        raise Inconclusive(
            f"{wire.path}: {len(later)} router advertisements came after a SYN from port {sport}; {count} were meant"
        )
    last = later[count - 1]
    return Finding(
        ok=not (fault := _fault(flow, opening, last)),
        expected=f"a connection from port {sport} that is older than {count} router advertisements goes on after them, "
        f"between {opening.src} and {opening.dst}",
        happened=fault or "the service sent data after them, between these addresses",
        packets=lines(sorted([*about(wire.frames, [sport]), *later[:count]], key=lambda frame: frame.number)),
    )


def _fault(flow: list[Frame], opening: Frame, last: Frame) -> str:
    """Say what is not as it must be of a connection; empty if everything is."""
    client, service = (opening.src, opening.sport), (opening.dst, opening.dport)
    back = [frame for frame in flow if frame.dport == opening.sport]
    moved = next(
        (frame for frame in flow if {(frame.src, frame.sport), (frame.dst, frame.dport)} != {client, service}), None
    )
    if moved is not None:
        return f"a packet went from {endpoint(moved.src, moved.sport)} to {endpoint(moved.dst, moved.dport)}"
    answer = next((frame for frame in back if frame.size and frame.number > last.number), None)
    ending = next((frame for frame in back if frame.flags & (FIN | RST)), None)
    if ending is not None and (answer is None or ending.number < answer.number):
        how = "RST" if ending.flags & RST else "FIN"
        when = "before" if ending.number < last.number else "after"
        return f"the service sent {how} {when} the last of them"
    return "" if answer is not None else "the service sent no data after them"


def served_amid_advertisements(wire: Wire, port: int, family: Family, transport: Transport = Transport.TCP) -> Finding:
    """After each router advertisement, and before the next one, the last attempt over ``family`` is answered.

    Raises:
        Inconclusive: There is no advertisement, or none of these attempts, or the capture is not whole.
    """
    wire.require_whole()
    heard = [frame.time for frame in advertisements(wire)]
    tried = [item for item in attempts(wire, port, transport, family) if heard and item.time > heard[0]]
    if not tried:
        raise Inconclusive(f"{wire.path}: nobody tried port {port} over {family.label} after a router advertisement")
    latest = {sum(time < item.time for time in heard): item for item in tried}
    lost = [item for item in latest.values() if item.fate is not Fate.ANSWERED]
    shown: list[Attempt] = lost or list(latest.values())
    return Finding(
        ok=not lost,
        expected=f"after each router advertisement the last attempt over {family.label} to reach "
        f"{transport.value} port {port} is answered",
        happened=f"{len(heard)} advertisements; " + "; ".join(map(str, shown)),
        packets=lines([frame for frame in wire.frames if _is_advertisement(frame) or _is_of(frame, shown)]),
    )


def _is_of(frame: Frame, shown: list[Attempt]) -> bool:
    """Return whether a frame is one of some attempts'."""
    return any(frame.number in item.frames for item in shown)


def _is_advertisement(frame: Frame) -> bool:
    """Return whether a frame is a router advertisement."""
    return frame.kind == "icmpv6" and frame.icmp is not None and frame.icmp.type == _ROUTER_ADVERTISEMENT
