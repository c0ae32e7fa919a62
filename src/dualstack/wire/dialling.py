"""Predicates over attempts: their family, their result, and the order of the families (Happy Eyeballs)."""

import socket
from collections.abc import Iterable

from dualstack.errors import Inconclusive
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.transport import Transport
from dualstack.wire.attempts import Attempt, Fate, attempts
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import concerning, conversation, format_lines
from dualstack.wire.frames import Frame


def canonical(address: str) -> str:
    """Return an address in the form that `Frame` has, without a zone.

    Raises:
        ValueError: It is no address.
    """
    bare = address.partition("%")[0]
    family = Family.of(bare)
    return socket.inet_ntop(family.af, socket.inet_pton(family.af, bare))


def tried(
    wire: CaptureData,
    port: int,
    transport: Transport = Transport.TCP,
    family: Family | None = None,
    address: str | None = None,
) -> tuple[Attempt, ...]:
    """Return the attempts to reach ``port``: at least one, from a complete capture.

    Raises:
        Inconclusive: There is no attempt, or the capture is incomplete.
    """
    wire.require_whole()
    found = attempts(wire, port, transport, family, None if address is None else canonical(address))
    if not found:
        over = "" if family is None else f" over {family.label}"
        to = f"{transport.value} port {port}" if address is None else f"{transport.value} {endpoint(address, port)}"
        raise Inconclusive(f"{wire.path}: no attempt to reach {to}{over}, so there is nothing to judge")
    return found


def syn_family(wire: CaptureData, port: int, family: Family) -> Finding:
    """Every SYN to ``port`` is a packet of ``family``, by its outer header.

    Raises:
        Inconclusive: There is no SYN, or the capture could have missed one of the other family.
    """
    all_tried = tried(wire, port)
    wire.require_live([family.other])
    others = [attempt for attempt in all_tried if attempt.family is not family]
    return Finding(
        ok=not others,
        expected=f"every SYN to port {port} is an {family.label} packet",
        happened=_in_words(others or all_tried),
        packets=conversation(wire, [port]),
    )


def answered(
    wire: CaptureData,
    port: int,
    family: Family,
    address: str | None = None,
    transport: Transport = Transport.TCP,
) -> Finding:
    """Every attempt over ``family`` is answered over it, from the address that was tried.

    Raises:
        Inconclusive: There is no attempt, or the capture is incomplete.
    """
    all_tried = tried(wire, port, transport, family, address)
    others = [attempt for attempt in all_tried if attempt.fate is not Fate.ANSWERED]
    answer = "a SYN ACK" if transport is Transport.TCP else "a datagram"
    return Finding(
        ok=not others,
        expected=f"every attempt over {family.label} to {_target(port, address)} is answered by {answer} from there",
        happened=_in_words(others or all_tried),
        packets=_shown(wire, port, family),
    )


def arrived(wire: CaptureData, port: int, family: Family) -> Finding:
    """Datagrams over ``family`` reached ``port``, and none was refused; no answer is needed.

    Raises:
        Inconclusive: There is no datagram, or the capture is incomplete.
    """
    all_tried = tried(wire, port, Transport.UDP, family)
    lost = [attempt for attempt in all_tried if attempt.fate in {Fate.REFUSED, Fate.ICMP_ERROR}]
    return Finding(
        ok=not lost,
        expected=f"no datagram over {family.label} to {_target(port, None)} is refused",
        happened=_in_words(lost or all_tried),
        packets=_shown(wire, port, family),
    )


def refused(
    wire: CaptureData,
    port: int,
    family: Family,
    transport: Transport = Transport.TCP,
    *,
    within: float = 1.0,
    address: str | None = None,
) -> Finding:
    """Every attempt over ``family`` is refused within ``within`` seconds.

    TCP: by RST. UDP: by ICMP type 3 code 3 or ICMPv6 type 1 code 4 that quotes the request.

    Raises:
        Inconclusive: There is no attempt, or the capture is incomplete.
    """
    all_tried = tried(wire, port, transport, family, address)
    others = [
        attempt
        for attempt in all_tried
        if attempt.fate is not Fate.REFUSED or attempt.after is None or attempt.after > within
    ]
    by = "RST" if transport is Transport.TCP else "port unreachable"
    return Finding(
        ok=not others,
        expected=f"every attempt over {family.label} to {_target(port, address)} gets {by} within {within:g} s",
        happened=_in_words(others or all_tried),
        packets=_shown(wire, port, family),
    )


def families_of_flow(wire: CaptureData, port: int, transport: Transport = Transport.TCP) -> tuple[Family, ...]:
    """Return the families of the packets from and to ``port``, by their outer headers, in order of appearance."""
    seen: dict[Family, None] = {}
    for frame in wire.frames:
        carried = _innermost(frame)
        if carried.kind == transport.value and port in {carried.sport, carried.dport} and frame.family is not None:
            seen[frame.family] = None
    return tuple(seen)


def no_family_from(wire: CaptureData, mac: str, family: Family, allow: frozenset[str] = frozenset()) -> Finding:
    """No frame of ``family`` leaves the hardware address ``mac``; ARP counts as IPv4.

    Args:
        wire: The capture.
        mac: The hardware address, as `Frame.outgoing_mac` has it.
        family: The family.
        allow: Names of noise that is allowed, from `dualstack.wire.frames.NOISE`.

    Raises:
        Inconclusive: The capture could have missed such a frame.
    """
    wire.require_live([family])
    left = [frame for frame in wire.frames if frame.outgoing_mac == mac.lower()]
    found = [frame for frame in left if frame.family is family and frame.noise not in allow]
    but = f" but {', '.join(sorted(allow))}" if allow else ""
    return Finding(
        ok=not found,
        expected=f"no {family.label} frame{but} leaves {mac}",
        happened=f"{len(found)} of the {len(left)} frames that left it are such"
        if found
        else f"{len(left)} frames left it, none of {family.label}{but}; the {family.label} witnesses were seen",
        packets=format_lines(found),
    )


def he_gap(wire: CaptureData, port: int) -> float | None:
    """Return the seconds from the first IPv6 attempt to the first IPv4 attempt; None if one of them is missing.

    It is negative if IPv4 came first.
    """
    first: dict[Family, float] = {}
    for attempt in attempts(wire, port):
        first.setdefault(attempt.family, attempt.time)
    if len(first) < len(Family):
        return None
    return first[Family.IPV4] - first[Family.IPV6]


def he_fallback(wire: CaptureData, port: int, lo: float, hi: float) -> Finding:
    """The first attempt is over IPv6, and the first one over IPv4 follows ``lo`` to ``hi`` seconds later.

    RFC 8305 §5: the Connection Attempt Delay.

    Raises:
        Inconclusive: There is no attempt, or the capture is incomplete.
    """
    all_tried = tried(wire, port)
    gap = he_gap(wire, port)
    if gap is None:
        happened = f"every attempt was over {all_tried[0].family.label}: {_in_words(all_tried)}"
    elif gap < 0:
        happened = f"the first attempt was over IPv4, the first one over IPv6 followed {-gap:.3f} s later"
    else:
        happened = f"the first IPv4 attempt began {gap:.3f} s after the first IPv6 attempt"
    return Finding(
        ok=gap is not None and lo <= gap <= hi and all_tried[0].family is Family.IPV6,
        expected=f"the first attempt to port {port} is over IPv6, the first one over IPv4 {lo:g} to {hi:g} s later",
        happened=happened,
        packets=conversation(wire, [port]),
    )


def loser_quiet(wire: CaptureData, port: int) -> Finding:
    """Only one of the concurrent attempts, the winner, carries data of the client.

    The winner is the first attempt with data or, if none has data, the first that is answered. The losers are all other
    attempts that began before the winner's first data.

    Raises:
        Inconclusive: No attempt succeeded, there was only one, or the capture is incomplete.
    """
    all_tried = tried(wire, port)
    spoke = {attempt: _first_payload(wire.frames, attempt) for attempt in all_tried}
    speakers = sorted((when, attempt.time, attempt) for attempt, when in spoke.items() if when is not None)
    winner = (
        speakers[0][2] if speakers else next((attempt for attempt in all_tried if attempt.fate is Fate.ANSWERED), None)
    )
    if winner is None:
        raise Inconclusive(f"{wire.path}: no attempt to reach port {port} succeeded, so none has lost")
    end = spoke[winner]
    losers = [one for one in all_tried if one is not winner and (end is None or one.time <= end)]
    if not losers:
        raise Inconclusive(f"{wire.path}: there was only one attempt to reach port {port}, so none has lost")
    loud = [attempt for attempt in losers if spoke[attempt] is not None]
    return Finding(
        ok=not loud,
        expected=f"of the attempts to reach port {port} that lost the race none carries bytes of the client",
        happened=f"{len(losers)} lost to {winner}; bytes were sent on: {_in_words(loud)}"
        if loud
        else f"{len(losers)} lost to {winner}, without a byte",
        packets=conversation(wire, [port]),
    )


def _first_payload(frames: Iterable[Frame], attempt: Attempt) -> float | None:
    """Return when the client first sent data on an attempt's connection; None if it sent none."""
    ends = (attempt.src, attempt.sport, attempt.dst, attempt.dport)
    for frame in frames:
        if frame.kind != "tcp" or not frame.size or frame.time < attempt.time:
            continue
        if (frame.src, frame.sport, frame.dst, frame.dport) == ends:
            return frame.time
    return None


def _innermost(frame: Frame) -> Frame:
    """Return the packet inside all tunnels."""
    return frame if frame.inner is None else _innermost(frame.inner)


def _shown(wire: CaptureData, port: int, family: Family) -> tuple[str, ...]:
    """Return the packets of one family from and to ``port``, one line each."""
    return format_lines([frame for frame in concerning(wire.frames, [port]) if frame.family is family])


def _target(port: int, address: str | None) -> str:
    """Return the port, or the address and the port."""
    return f"port {port}" if address is None else endpoint(address, port)


def _in_words(some: Iterable[Attempt], most: int = 4) -> str:
    """Return the first attempts as text, and the number of the others."""
    words = [f"{attempt.family.label}: {attempt}" for attempt in some]
    more = [f"and {len(words) - most} more"] if len(words) > most else []
    return "; ".join([*words[:most], *more])
