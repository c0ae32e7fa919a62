"""What must be true of UDP: the reply's address, the checksum over IPv6; and which names were asked for."""

from dualstack.errors import Inconclusive
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.wire import dissect
from dualstack.wire.dissect import Checksum, Dns
from dualstack.wire.evidence import Wire
from dualstack.wire.frames import Frame
from dualstack.wire.story import conversation, lines

DNS_PORT = 53

End = tuple[str, int]
"""An address and a port."""


def udp_reply_address(wire: Wire, port: int) -> Finding:
    """Each client that sent a request to ``port`` is answered from the very address and port that it sent it to.

    RFC 1122 §4.1.3.5: a connected client never sees an answer from any other address.

    Raises:
        Inconclusive: There is no request, or the capture is not whole.
    """
    wire.require_whole()
    asked, replied = _exchanges(wire, port)
    if not asked:
        raise Inconclusive(f"{wire.path}: nobody sent a datagram to port {port}, so there is nothing to judge")
    wrong = [
        f"{endpoint(*client)} asked {_ends(asked[client])} and was answered from {endpoint(*source)}"
        for client, sources in replied.items()
        for source in sorted(sources - asked[client])
    ]
    silent = [
        f"{endpoint(*client)} asked {endpoint(*target)} and was not answered from there"
        for client, targets in asked.items()
        for target in sorted(targets - replied.get(client, set()))
    ]
    return Finding(
        ok=not wrong and not silent,
        expected=f"each request to UDP port {port} is answered from the address and port that it was sent to",
        happened="; ".join(wrong or silent) or f"{len(asked)} clients were answered from where they had asked",
        packets=conversation(wire, [port, *(client[1] for client in asked)]),
    )


def _exchanges(wire: Wire, port: int) -> tuple[dict[End, set[End]], dict[End, set[End]]]:
    """Return, by client, what it sent requests to, and from where datagrams came back after the first of them."""
    asked: dict[End, set[End]] = {}
    replied: dict[End, set[End]] = {}
    for frame in wire.frames:
        source, target = (frame.src, frame.sport), (frame.dst, frame.dport)
        if frame.kind != "udp":
            continue
        if target in asked:
            replied.setdefault(target, set()).add(source)
        elif frame.dport == port:
            asked.setdefault(source, set()).add(target)
    return asked, replied


def _ends(ends: set[End]) -> str:
    """Name some ends."""
    return ", ".join(endpoint(*end) for end in sorted(ends))


def udp6_checksum(wire: Wire, port: int) -> Finding:
    """Every datagram over IPv6 from or to ``port`` has a checksum, and it is right (RFC 8200 §8.1).

    A checksum that the sender's kernel left to its hardware counts as right: it holds the sum of the pseudo-header.

    Raises:
        Inconclusive: There is no such datagram, or the capture is not whole.
    """
    wire.require_whole()
    datagrams = [
        frame
        for frame in wire.frames
        if frame.kind == "udp"
        and frame.family is Family.IPV6
        and port in {frame.sport, frame.dport}
        and not frame.fragment
    ]
    if not datagrams:
        raise Inconclusive(f"{wire.path}: there is no datagram over IPv6 from or to port {port}")
    sums = dissect.udp_checksums(wire.path, datagrams)
    unknown = [number for number, found in sums.items() if found is Checksum.UNKNOWN]
    if len(unknown) == len(datagrams):
        raise Inconclusive(f"{wire.path}: no datagram from or to port {port} was kept whole, so no checksum is known")
    bad = [frame for frame in datagrams if sums[frame.number] in {Checksum.ZERO, Checksum.WRONG}]
    found_bad = sorted({sums[frame.number].value for frame in bad})
    return Finding(
        ok=not bad,
        expected=f"every datagram over IPv6 from or to port {port} has a right checksum, never zero",
        happened=f"{len(bad)} of {len(datagrams)} datagrams have not: {', '.join(found_bad)}"
        if bad
        else f"{len(datagrams) - len(unknown)} datagrams have one",
        packets=lines(bad or datagrams),
    )


def dns_queries(wire: Wire, port: int = DNS_PORT) -> tuple[Dns, ...]:
    """Return the questions that were asked of name servers on ``port``, over UDP and TCP, in order.

    A query that was sent again is listed again. A query over TCP is seen if it fits one segment.
    """
    return dissect.dns(wire.path, [frame for frame in _dns_frames(wire, port) if frame.dport == port])


def dns_answers(wire: Wire, port: int = DNS_PORT) -> tuple[Dns, ...]:
    """Return the answers of name servers on ``port``, over UDP and TCP, in order."""
    return dissect.dns(wire.path, [frame for frame in _dns_frames(wire, port) if frame.sport == port])


def _dns_frames(wire: Wire, port: int) -> list[Frame]:
    """Return the frames with payload from and to a name server's port."""
    wire.require_whole()
    return [
        frame
        for frame in wire.frames
        if frame.kind in {"udp", "tcp"} and frame.size and port in {frame.sport, frame.dport}
    ]
