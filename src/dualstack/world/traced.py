"""Facts about each family, from the packets of a case."""

import ipaddress
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from dualstack.facts import Exchange, FamilyFacts, How
from dualstack.families import BOTH, Family, link_local_of
from dualstack.manifest import Connect, Listen
from dualstack.protocols.application import Trait
from dualstack.transport import Transport
from dualstack.wire.attempts import Fate
from dualstack.wire.evidence import CaptureData
from dualstack.wire.flows import End, Flow, flows
from dualstack.wire.formatting import icmp_text
from dualstack.wire.frames import Frame
from dualstack.wire.headers import HOPS_EXCEEDED, PORT_UNREACHABLE, TOO_BIG
from dualstack.wire.pcap import select

_SOLICITATION = 135
_TARGET = slice(62, 78)
"""Where a neighbour solicitation in an untagged Ethernet frame has its target (RFC 4861 §4.3)."""

_MINIMUM_WAIT = 0.5
"""Seconds that a client must have waited to count as unanswered."""

_AT_ONCE = 1.0
"""Seconds within which a connection limit closes a connection; a later close has another reason."""

_ORDINARY = PORT_UNREACHABLE | TOO_BIG
"""ICMP errors that are not facts: port unreachable is a refusal, and Packet Too Big is no fault."""


def family_facts(
    wire: CaptureData | None,
    listener: Listen | Connect,
    exchanges: Sequence[Exchange],
    works: Mapping[str, bool],
    late: Collection[Family],
) -> dict[Family, FamilyFacts]:
    """Return the facts of each family: from single clients, and from packets for all other clients.

    Args:
        wire: The capture; None without one.
        listener: The listener or connector that the case is about.
        exchanges: The exchanges of single clients.
        works: Whether the application was served, by family.
        late: The families whose socket appeared late.
    """
    port, transport = listener.port, listener.transport
    made = flows(wire, port, transport) if wire is not None else ()
    known = {(item.source, item.source_port) for item in exchanges if not item.inside}
    any_port = isinstance(listener, Listen) and listener.reply_port == "any"
    frames = wire.frames if wire is not None and transport is Transport.UDP else ()
    unasked = _unasked(frames, port, any_port=any_port)
    errors = _errors(wire.frames, port) if wire is not None else {}
    found = {}
    for family in BOTH:
        hows = Counter(item.how for item in exchanges if item.family is family and item.port == port)
        others = [item for item in made if item.family is family]
        rest = [item for item in others if (item.attempt.src, item.attempt.sport) not in known]
        if transport is Transport.UDP:  # empty datagrams are the harness's own, and need no answer
            rest = [item for item in rest if item.sent]
        hows.update(how for item in rest if (how := _how(item, unasked, silent=Trait.SILENT in listener.traits)))
        ends = {end for client, own in unasked.items() if Family.of(client[0]) is family for end in own}
        found[family] = FamilyFacts(
            family=family,
            works=works.get(family.value),
            hows=tuple(sorted(hows.items(), key=lambda item: -item[1])),
            icmp=tuple(sorted(errors.get(family, {}))),
            expired=next((text for text, expired in sorted(errors.get(family, {}).items()) if expired), ""),
            wrong_source=tuple(sorted({address for address, number in ends if number == port or any_port})),
            wrong_port=tuple(sorted({number for _, number in ends if number != port and not any_port})),
            hung_up_beside=sum(item.hung_up and _beside(item, others) for item in others),
            hop_limit=_least_hops(wire, listener, family) if wire is not None else 0,
            late=family in late,
        )
    return found


def _how(flow: Flow, unasked: Mapping[End, Collection[End]], *, silent: bool) -> How | None:
    """Return how a flow ended; None if its client did not wait for an answer.

    Args:
        flow: The flow.
        unasked: The clients that got datagrams from where they had not sent any, each with the sources that may not.
        silent: Whether a connection without an answer is a whole exchange.
    """
    fate = flow.attempt.fate
    if fate is Fate.UNANSWERED and (flow.attempt.src, flow.attempt.sport) in unasked:
        return How.ELSEWHERE if unasked[flow.attempt.src, flow.attempt.sport] else How.ANSWERED
    if fate is not Fate.ANSWERED:
        return {Fate.REFUSED: How.REFUSED, Fate.ICMP_ERROR: How.UNREACHABLE}.get(fate, How.IGNORED)
    if flow.answered or silent:
        return How.ANSWERED
    if flow.hung_up:
        return How.RESET if flow.reset else How.HUNG_UP
    waited = flow.first_sent is not None and (
        flow.client_ended is None or flow.client_ended - flow.first_sent >= _MINIMUM_WAIT
    )
    return How.KEPT_WAITING if waited else None


def _least_hops(wire: CaptureData, listener: Listen | Connect, family: Family) -> int:
    """Return the smallest hop limit of the packets that left the port over a family; 0 if none did."""
    wanted = (listener.transport.value, listener.port, family, wire.mac)
    left = (frame for frame in wire.frames if (frame.kind, frame.sport, frame.family, frame.outgoing_mac) == wanted)
    return min((frame.hop_limit for frame in left if not frame.fragment), default=0)


def _beside(flow: Flow, others: Iterable[Flow]) -> bool:
    """Return whether the service closed a connection at once, while another one was open."""
    assert flow.ended is not None  # noqa: S101 - the service has closed it
    return flow.ended - flow.attempt.time < _AT_ONCE and any(
        item is not flow
        and item.established
        and item.attempt.time <= flow.ended
        and min(item.ended or float("inf"), item.client_ended or float("inf")) > flow.attempt.time
        for item in others
    )


def _unasked(frames: Iterable[Frame], port: int, *, any_port: bool) -> dict[End, set[End]]:
    """Return the clients that got datagrams from where they had not sent any, each with those sources that must not.

    What answers a multicast request comes from no address that was asked: such a client has no sources. Neither has one
    that is answered from another port of an address that it asked, with ``any_port``.
    """
    asked: dict[End, set[End]] = {}
    unasked: dict[End, set[End]] = {}
    for frame in frames:
        if frame.kind != "udp" or frame.family is None:
            continue
        source, target = (frame.src, frame.sport), (frame.dst, frame.dport)
        if target in asked and source not in asked[target]:
            addresses = {address for address, _ in asked[target]}
            may = any(ipaddress.ip_address(address).is_multicast for address in addresses)
            may |= any_port and frame.src in addresses
            unasked.setdefault(target, set()).update([] if may else [source])
        elif target not in asked and frame.dport == port:
            asked.setdefault(source, set()).add(target)
    return unasked


def _errors(frames: Iterable[Frame], port: int) -> dict[Family, dict[str, bool]]:
    """Return, by family, the ICMP errors about packets from and to the port, and whether a hop limit was used up."""
    found: dict[Family, dict[str, bool]] = {}
    for frame in frames:
        message = frame.icmp
        if message is None or message.quoted is None or frame.family is None:
            continue
        error = (frame.kind, message.type, message.code)
        if port in {message.quoted.sport, message.quoted.dport} and error not in _ORDINARY:
            found.setdefault(frame.family, {})[icmp_text(frame.kind, message)] = error in HOPS_EXCEEDED
    return found


def strangers(wire: CaptureData, known: Collection[str], macs: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses that the captured host tried to resolve on the link and that no host has.

    Args:
        wire: The capture.
        known: The addresses that hosts have, or may have; source addresses of received packets are known too.
        macs: The MAC addresses of the hosts: their link-local addresses are known too.
    """
    used = (frame.src for frame in wire.frames if frame.outgoing_mac != wire.mac)
    have = {*known, *used, *(link_local_of(mac) for mac in macs)}
    own = [frame for frame in wire.frames if frame.outgoing_mac == wire.mac and frame.src not in {"", "::", "0.0.0.0"}]
    asked = {frame.dst for frame in own if frame.kind == "arp"}
    solicited = [frame for frame in own if frame.icmp is not None and frame.icmp.type == _SOLICITATION]
    solicited = [frame for frame in solicited if frame.kind == "icmpv6"]
    if solicited:
        targets = select(wire.path, (frame.number for frame in solicited)).values()
        asked |= {str(ipaddress.IPv6Address(data[_TARGET])) for data in targets if len(data) >= _TARGET.stop}
    return tuple(sorted(item for item in asked - have if item and not item.startswith("0.")))
