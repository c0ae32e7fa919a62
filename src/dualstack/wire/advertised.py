"""Predicates over TCP connections that meet router advertisements (RFC 4861 §4.2)."""

from dualstack.errors import Inconclusive
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.wire.attempts import Attempt, Fate, attempts
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import format_lines
from dualstack.wire.frames import FIN, RST, SYN, Frame

_ROUTER_ADVERTISEMENT = 134


def advertisements(wire: CaptureData) -> list[Frame]:
    """Return the router advertisements."""
    return [frame for frame in wire.frames if _is_advertisement(frame)]


def flow_outlives_advertisements(wire: CaptureData, client: tuple[str, int], count: int) -> Finding:
    """A connection that is older than ``count`` router advertisements still works after them.

    The service answers the client after the last of them, uses the same addresses, and does not end it before.

    Args:
        wire: The capture on the service's host.
        client: The client's address and port; if it has several connections, the last one that is old enough counts.
        count: The number of advertisements after the SYN.

    Raises:
        Inconclusive: No SYN of the client is followed by so many advertisements, or the capture is incomplete.
    """
    wire.require_whole()
    heard = advertisements(wire)
    own = [frame for frame in wire.frames if frame.kind == "tcp" and client in (_source(frame), _target(frame))]
    openings = [frame for frame in own if _source(frame) == client and frame.flags & SYN]
    old = [frame for frame in openings if sum(item.number > frame.number for item in heard) >= count]
    if not old:
        raise Inconclusive(
            f"{wire.name}: no SYN from {endpoint(*client)} is followed by {count} router advertisements, "
            "so there is nothing to judge"
        )
    opening = old[-1]
    end = next((frame.number for frame in openings if frame.number > opening.number and frame.seq != opening.seq), None)
    flow = [frame for frame in own if frame.number >= opening.number and (end is None or frame.number < end)]
    seen = [frame for frame in heard if frame.number > opening.number][:count]
    return Finding(
        ok=not (fault := _fault(flow, opening, seen[-1])),
        expected=f"the connection from {endpoint(*client)} to {endpoint(*_target(opening))}, which is older than "
        f"{count} router advertisements, continues after them",
        happened=fault or "the service keeps sending, from the same address",
        packets=format_lines(sorted([*flow, *seen], key=lambda frame: frame.number)),
    )


def _fault(flow: list[Frame], opening: Frame, last: Frame) -> str:
    """Return what is wrong with a connection; empty if nothing is."""
    ends = {_source(opening), _target(opening)}
    moved = next((frame for frame in flow if {_source(frame), _target(frame)} != ends), None)
    if moved is not None:
        return f"a packet went from {endpoint(*_source(moved))} to {endpoint(*_target(moved))}"
    said = [frame for frame in flow if _source(frame) == _source(opening)]
    back = [frame for frame in flow if _target(frame) == _source(opening)]
    request = next((frame.number for frame in said if frame.size), None)
    if any(frame.size and (request is None or frame.number < request) for frame in back):
        # The service speaks first and may have no more data: any segment after the client's next one shows that the
        # connection still exists.
        said_later = next((frame.number for frame in said if frame.number > last.number), last.number)
        answer = next((frame for frame in back if frame.number > said_later), None)
    else:
        answer = next((frame for frame in back if frame.size and frame.number > last.number), None)
    ending = next((frame for frame in back if frame.flags & (FIN | RST)), None)
    if ending is not None and (answer is None or ending.number < answer.number or answer.flags & RST):
        how = "RST" if ending.flags & RST else "FIN"
        when = "before" if ending.number < last.number else "after"
        return f"the service sent {how} {when} the last of them"
    return "" if answer is not None else "the service sent nothing more after them"


def served_amid_advertisements(wire: CaptureData, port: int, family: Family) -> Finding:
    """After each router advertisement, the last SYN over ``family`` before the next one is answered.

    Raises:
        Inconclusive: There is no advertisement, or none of these attempts, or the capture is incomplete.
    """
    wire.require_whole()
    heard = [frame.time for frame in advertisements(wire)]
    tried = [item for item in attempts(wire, port, family=family) if heard and item.time > heard[0]]
    if not tried:
        raise Inconclusive(
            f"{wire.name}: no attempt to reach port {port} over {family.label} after a router advertisement"
        )
    latest = {sum(time < item.time for time in heard): item for item in tried}
    lost = [item for item in latest.values() if item.fate is not Fate.ANSWERED]
    shown: list[Attempt] = lost or list(latest.values())
    return Finding(
        ok=not lost,
        expected=f"after each router advertisement the last attempt over {family.label} to reach "
        f"tcp port {port} is answered",
        happened=f"{len(heard)} advertisements; " + "; ".join(map(str, shown)),
        packets=format_lines([frame for frame in wire.frames if _is_advertisement(frame) or _is_of(frame, shown)]),
    )


def _source(frame: Frame) -> tuple[str, int]:
    """Return where a segment comes from."""
    return frame.src, frame.sport


def _target(frame: Frame) -> tuple[str, int]:
    """Return where a segment goes."""
    return frame.dst, frame.dport


def _is_of(frame: Frame, shown: list[Attempt]) -> bool:
    """Return whether a frame belongs to one of the attempts."""
    return any(frame.number in item.frames for item in shown)


def _is_advertisement(frame: Frame) -> bool:
    """Return whether a frame is a router advertisement."""
    return frame.kind == "icmpv6" and frame.icmp is not None and frame.icmp.type == _ROUTER_ADVERTISEMENT
