"""Predicates over UDP: where answers come from, how large datagrams leave, and which requests get no answer."""

import ipaddress
from collections.abc import Collection
from dataclasses import replace

from dualstack.counting import count, some, verb, were
from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.wire import dissect
from dualstack.wire.dissect import Checksum
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import conversation, format_lines
from dualstack.wire.frames import RST, Frame
from dualstack.wire.headers import PORT_UNREACHABLE

_MOST = {Family.IPV4: 1500, Family.IPV6: 1280}
"""Bytes of a packet that leaves in one piece: the MTU of the link, or of every path."""

_NEXT_HEADER = {Family.IPV4: "", Family.IPV6: " (next header 44)"}

End = tuple[str, int]
"""An address and a port."""


def udp_reply_address(wire: CaptureData, port: int, family: Family) -> Finding:
    """Each request to ``port`` over ``family`` is answered from the address that it was sent to.

    RFC 1122 §4.1.3.5: a connected UDP socket receives no answer from another address.

    Raises:
        Inconclusive: There is no request, or the capture is incomplete.
    """
    wire.require_whole()
    asked, replied = _exchanges(wire, port, family)
    if not asked:
        raise Inconclusive(f"{wire.name}: no request to port {port} over {family.label}, so there is nothing to judge")
    wrong, silent = [], []
    for client, targets in asked.items():
        sources = {address for address, _ in replied.get(client, ())}
        wanted = {address for address, _ in targets}
        wrong += [
            f"{endpoint(*client)} asked {', '.join(sorted(wanted))} and was answered from {source}"
            for source in sorted(sources - wanted)
        ]
        silent += [
            f"{endpoint(*client)} asked {target} and was not answered from there" for target in sorted(wanted - sources)
        ]
    return Finding(
        ok=not wrong and not silent,
        expected=f"each request to UDP port {port} over {family.label} is answered from the address that was asked",
        happened=some(wrong or silent, "; ")
        or f"{were(len(asked), 'client')} answered from the address that was asked",
        packets=conversation(wire, [port, *(client[1] for client in asked)]),
    )


def udp_reply_port(wire: CaptureData, port: int) -> Finding:
    """Each answer to a request to ``port`` leaves from that port (RFC 1122 §4.1.3.5); missing answers do not count.

    Raises:
        Inconclusive: No request was answered, or the capture is incomplete.
    """
    wire.require_whole()
    asked, replied = _exchanges(wire, port)
    if not replied:
        raise Inconclusive(f"{wire.name}: no request to UDP port {port} was answered, so there is nothing to judge")
    wrong = [
        f"{endpoint(*client)} was answered from {endpoint(*source)}"
        for client, sources in replied.items()
        for source in sorted(sources)
        if source[1] != port
    ]
    return Finding(
        ok=not wrong,
        expected=f"each answer to a request to UDP port {port} comes from port {port}",
        happened=some(wrong, "; ") or f"{len(replied)} of {were(len(asked), 'client')} answered, all from there",
        packets=conversation(wire, [port, *(client[1] for client in asked)]),
    )


def group_answered(wire: CaptureData, group: str, port: int) -> Finding:
    """Each request to ``port`` of a multicast group is answered, from a unicast address.

    Raises:
        Inconclusive: No such request reached the captured host, or the capture is incomplete.
    """
    wire.require_whole()
    asked: dict[End, set[str]] = {}
    for frame in wire.frames:
        if frame.kind == "udp" and (frame.dst, frame.dport) == (group, port):
            asked.setdefault((frame.src, frame.sport), set())
        elif frame.kind == "udp" and (frame.dst, frame.dport) in asked:
            asked[frame.dst, frame.dport].add(frame.src)
    if not asked:
        raise Inconclusive(f"{wire.name}: no request to {endpoint(group, port)} came, so there is nothing to judge")
    sources = set().union(*asked.values())
    silent = [endpoint(*client) for client, found in asked.items() if not found]
    return Finding(
        ok=not silent and not any(ipaddress.ip_address(source).is_multicast for source in sources),
        expected=f"each request to the group {endpoint(group, port)} is answered from an address that is no group",
        happened=f"{', '.join(silent)} got no answer" if silent else f"answers came from {', '.join(sorted(sources))}",
        packets=conversation(wire, [port, *(client[1] for client in asked)]),
    )


def udp_large_answer(wire: CaptureData, port: int, family: Family = Family.IPV6) -> Finding:
    """Datagrams from ``port`` that are too large for one packet leave in fragments (RFC 791 §3.2, RFC 8200 §4.5).

    Over IPv6 a packet may have 1280 bytes, which every path carries (RFC 8200 §5): routers do not fragment. Over IPv4
    it may have the MTU of the link: routers fragment, or report the path MTU (RFC 1191).

    Raises:
        Inconclusive: No datagram left the port over the family, or the capture is incomplete.
    """
    wire.require_whole()
    left = [frame for frame in wire.frames if frame.kind == "udp" and _is_from(wire, frame, port, family)]
    if not left:
        raise Inconclusive(
            f"{wire.name}: no datagram left port {port} over {family.label}, so there is nothing to judge"
        )
    most = _MOST[family]
    large = [frame for frame in left if not frame.fragment and frame.length > most]
    pieces = sum(frame.fragment for frame in left)
    return Finding(
        ok=not large,
        expected=f"what leaves UDP port {port} over {family.label} has at most {most} bytes a packet, or is fragmented",
        happened=f"{count(len(large), 'packet')} larger than that left, and not in fragments"
        if large
        else f"{count(len(left), 'datagram')} left, {pieces} of them in fragments{_NEXT_HEADER[family]}",
        packets=format_lines(large or left),
        symptoms=(Symptom.LARGE_PACKET,),
    )


def udp_datagrams(wire: CaptureData, port: int, family: Family) -> tuple[Frame, ...]:
    """Return the datagrams that left ``port`` over ``family``; of a fragmented one the first fragment.

    Raises:
        Inconclusive: The capture is incomplete.
    """
    wire.require_whole()
    return tuple(
        frame for frame in wire.frames if frame.kind == "udp" and (frame.family, frame.sport) == (family, port)
    )


def udp_survives_errors(wire: CaptureData, port: int, family: Family) -> Finding:
    """After ICMP port unreachable for its answers, the service on ``port`` answers other clients (RFC 1122 §4.1.3.3).

    Raises:
        Inconclusive: No such error arrived over ``family``, or the capture is incomplete.
    """
    wire.require_whole()
    own = [frame for frame in reversed(wire.frames) if frame.family is family]
    gone = {end: frame for frame in own if (end := _gone(wire, frame, port))}
    if not gone:
        raise Inconclusive(f"{wire.name}: no ICMP port unreachable over {family.label} about an answer of port {port}")
    first = min(frame.time for frame in gone.values())
    later = [
        frame
        for frame in wire.frames
        if frame.kind == "udp"
        and frame.family is family
        and frame.time > first
        and wire.is_from((frame.src, frame.sport), port)
    ]
    others = {(frame.dst, frame.dport) for frame in later} - set(gone)
    return Finding(
        ok=bool(others),
        expected=f"after ICMP port unreachable about its answers over {family.label} port {port} answers other clients",
        happened=f"{were(len(gone), 'client')} gone; {were(len(others), 'other')} answered later",
        packets=conversation(wire, [port]),
    )


def require_errors(wire: CaptureData, port: int, family: Family) -> None:
    """Make sure that an error reached the service on ``port``: ICMP port unreachable, or RST.

    ICMP errors count for any port: a datagram service may answer from another one.

    Raises:
        Inconclusive: No error arrived over ``family``, or the capture is incomplete.
    """
    wire.require_whole()
    for frame in wire.frames:
        if frame.family is family and (_is_unreachable(frame) or (frame.dport == port and frame.flags & RST)):
            return
    raise Inconclusive(f"{wire.name}: neither ICMP port unreachable nor RST came over {family.label} for port {port}")


def udp_spoofed_unanswered(wire: CaptureData, port: int, sources: Collection[str]) -> Finding:
    """No answer leaves ``port`` for spoofed IPv6 datagrams whose sources are IPv4-mapped addresses.

    Args:
        wire: The capture on the service's host.
        port: The service's port.
        sources: The IPv4 addresses; an answer would be sent to one of them, or to its mapped form.

    Raises:
        Inconclusive: A spoofed datagram is missing, or the capture could have missed an answer.
    """
    wire.require_live(BOTH)
    mapped = {f"::ffff:{source}": source for source in sources}
    spoofed = [frame for frame in wire.frames if frame.kind == "udp" and frame.dport == port and frame.src in mapped]
    missing = sorted(set(mapped) - {frame.src for frame in spoofed})
    if missing:
        raise Inconclusive(f"{wire.name}: no datagram from {', '.join(missing)} came, so there is nothing to judge")
    ends = {*mapped, *mapped.values()}
    answers = [
        frame
        for frame in wire.frames
        if frame.kind == "udp" and frame.dst in ends and (frame.sport == port or wire.others is not None)
    ]
    return Finding(
        ok=not answers,
        expected=f"IPv6 datagrams from {' and '.join(sorted(mapped))} are not answered, neither to these nor over IPv4",
        happened=f"{count(len(answers), 'answer')} left, to {', '.join(sorted({frame.dst for frame in answers}))}"
        if answers
        else f"{len(spoofed)} came and none was answered; the witnesses were seen",
        packets=format_lines([*spoofed, *answers]),
    )


def _is_from(wire: CaptureData, frame: Frame, port: int, family: Family = Family.IPV6) -> bool:
    """Return whether a frame of a family comes from a port; only the first fragment of a datagram has ports."""
    return frame.family is family and wire.is_from((frame.src, frame.sport), port)


def from_any_port(wire: CaptureData, port: int) -> CaptureData:
    """Return the capture of a service on ``port`` that may answer from any port: all answers to its clients are its."""
    _, replied = _exchanges(wire, port)
    ends = {end for client, sources in replied.items() for end in sources if end[0] != client[0]}
    return replace(wire, others=frozenset(ends))


def _gone(wire: CaptureData, frame: Frame, port: int) -> End | None:
    """Return the client whose port was unreachable, from the datagram that the ICMP error quotes; None without one."""
    quoted = frame.icmp.quoted if frame.icmp is not None else None
    if quoted is None or not _is_unreachable(frame) or not wire.is_from((quoted.src, quoted.sport), port):
        return None
    return quoted.dst, quoted.dport


def _is_unreachable(frame: Frame) -> bool:
    """Return whether a frame is ICMP port unreachable that quotes a datagram."""
    quoted = frame.icmp.quoted if frame.icmp is not None else None
    if frame.icmp is None or quoted is None or quoted.kind != "udp":
        return False
    return (frame.kind, frame.icmp.type, frame.icmp.code) in PORT_UNREACHABLE


def _exchanges(
    wire: CaptureData, port: int, family: Family | None = None
) -> tuple[dict[End, set[End]], dict[End, set[End]]]:
    """Return for each client the targets of its requests, and the sources of the datagrams that it received later."""
    asked: dict[End, set[End]] = {}
    replied: dict[End, set[End]] = {}
    for frame in wire.frames:
        source, target = (frame.src, frame.sport), (frame.dst, frame.dport)
        if frame.kind != "udp" or (family is not None and frame.family is not family):
            continue
        if target in asked:
            replied.setdefault(target, set()).add(source)
        elif frame.dport == port:
            asked.setdefault(source, set()).add(target)
    return asked, replied


def udp6_checksum(wire: CaptureData, port: int) -> Finding:
    """Every IPv6 datagram from ``port`` has a correct checksum (RFC 8200 §8.1).

    The sum of the pseudo-header alone counts as correct: the kernel left the rest to the network card.

    Raises:
        Inconclusive: There is no such datagram, or the capture is incomplete.
    """
    wire.require_whole()
    left = [frame for frame in wire.frames if frame.kind == "udp" and _is_from(wire, frame, port)]
    datagrams = [frame for frame in left if not frame.fragment]
    if not datagrams:
        raise Inconclusive(f"{wire.name}: there is no datagram over IPv6 from port {port}")
    sums = dissect.udp_checksums(wire.path, datagrams)
    unknown = [number for number, found in sums.items() if found is Checksum.UNKNOWN]
    known = len(datagrams) - len(unknown)
    if not known:
        raise Inconclusive(f"{wire.name}: no datagram from port {port} was kept whole, so no checksum is known")
    bad = [frame for frame in datagrams if sums[frame.number] in {Checksum.ZERO, Checksum.WRONG}]
    found_bad = sorted({sums[frame.number].value for frame in bad})
    return Finding(
        ok=not bad,
        expected=f"every datagram over IPv6 from port {port} has a right checksum, never zero",
        happened=f"{len(bad)} of {count(len(datagrams), 'datagram')} {verb(len(bad), 'has', 'have')} not: "
        + ", ".join(found_bad)
        if bad
        else f"{count(known, 'datagram')} {verb(known, 'has', 'have')} one",
        packets=format_lines(bad or datagrams),
        symptoms=(Symptom.BAD_CHECKSUM,),
    )
