"""Predicates over attempts: their family and their result."""

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
        raise Inconclusive(f"{wire.name}: no attempt to reach {to}{over}, so there is nothing to judge")
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
