"""Predicates over IPv4/IPv6 transition: mapped addresses, path MTU, tunnels, translators."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dualstack.counting import count, verb
from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.rfc6052 import embed
from dualstack.transport import Transport
from dualstack.wire.dialling import canonical, tried
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import concerning, conversation, format_lines
from dualstack.wire.frames import Frame

_UNREAL = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("::/96"))
_WITHOUT_ADDRESS = frozenset({"ND", "RS/RA", "MLD"})


@dataclass(frozen=True, slots=True)
class TooBig:
    """A router's report that a packet was too big for the path.

    Attributes:
        time: Seconds since the epoch.
        family: Of the packet that was too big.
        src: Who says so.
        dst: The sender of that packet.
        mtu: What would fit, in bytes.
    """

    time: float
    family: Family
    src: str
    dst: str
    mtu: int


def layers(frame: Frame) -> Iterator[Frame]:
    """Yield a packet and the packets inside it, from the outermost."""
    yield frame
    if frame.inner is not None:
        yield from layers(frame.inner)


def no_mapped_on_wire(wire: CaptureData) -> Finding:
    """No IPv6 header, outer or inner, has an address that must not be on the wire.

    RFC 4291 §2.5: ::ffff:0:0/96 (IPv4-mapped) is for the socket API only (RFC 4038 §4.2). ::/96 (IPv4-compatible) is
    deprecated. It contains ::1, which never leaves a host, and ::, which is the source only of packets of hosts without
    an address: neighbour and router solicitations, multicast listener reports (RFC 4861 §4, RFC 3590 §4).

    Raises:
        Inconclusive: The capture could have missed such a packet.
    """
    wire.require_live([Family.IPV6])
    found = [frame for frame in wire.frames if any(_is_unreal(layer) for layer in layers(frame))]
    seen = sum(1 for frame in wire.frames for layer in layers(frame) if layer.family is Family.IPV6)
    return Finding(
        ok=not found,
        expected="no IPv6 packet on the wire has an IPv4-mapped, IPv4-compatible, loopback or unspecified address",
        happened=f"{count(len(found), 'packet')} {verb(len(found), 'has', 'have')}"
        if found
        else f"none of {seen} IPv6 headers has; the witnesses were seen",
        packets=format_lines(found),
    )


def _is_unreal(frame: Frame) -> bool:
    """Return whether an IPv6 header has an address that must not be on the wire."""
    if frame.family is not Family.IPV6:
        return False
    ends = [frame.dst] if frame.src == "::" and frame.noise in _WITHOUT_ADDRESS else [frame.src, frame.dst]
    return any(end.startswith("::") and _in_unreal(end) for end in ends)


def _in_unreal(address: str) -> bool:
    """Return whether an address is in one of the prefixes that must not be on the wire."""
    parsed = ipaddress.IPv6Address(address)
    return any(parsed in network for network in _UNREAL)


def packets_too_big(wire: CaptureData) -> tuple[TooBig, ...]:
    """Return the ICMPv6 "packet too big" and ICMP "fragmentation needed" messages, in order."""
    return tuple(
        TooBig(frame.time, frame.family, frame.src, frame.dst, frame.icmp.mtu)
        for frame in wire.frames
        if frame.icmp is not None
        and frame.family is not None
        and (frame.kind, frame.icmp.type) in {("icmpv6", 2), ("icmp", 3)}
        and (frame.kind == "icmpv6" or frame.icmp.code == 4)  # noqa: PLR2004 - fragmentation needed
    )


def mtu_respected(wire: CaptureData, mac: str, mtu: int, after: float, family: Family = Family.IPV6) -> Finding:
    """No packet of the family of more than ``mtu`` bytes leaves the hardware address ``mac`` later than ``after``.

    Args:
        wire: What was captured, with segmentation offload switched off on the host.
        mac: The hardware address.
        mtu: Bytes of the packet, header included.
        after: Seconds since the epoch: a little later than the "packet too big" that said so.
        family: The family.

    Raises:
        Inconclusive: No such packet left it later than that, or the capture is incomplete.
    """
    wire.require_whole()
    left = [
        frame
        for frame in wire.frames
        if frame.outgoing_mac == mac.lower() and frame.family is family and frame.time > after
    ]
    if not [frame for frame in left if not frame.noise]:
        raise Inconclusive(f"{wire.name}: no {family.label} packet left {mac} afterwards, so there is nothing to judge")
    big = [frame for frame in left if frame.length > mtu]
    return Finding(
        ok=not big,
        expected=f"no {family.label} packet of more than {mtu} bytes leaves {mac}",
        happened=f"{len(big)} of {len(left)} were bigger; the largest had {max(frame.length for frame in left)} bytes",
        packets=format_lines(big or left),
    )


def tunnelled(wire: CaptureData, a: str, b: str, port: int) -> Finding:
    """The flow of ``port`` crosses this link inside protocol 41 between ``a`` and ``b``, and nowhere natively.

    RFC 4213 §3.

    Args:
        wire: What was captured on the link under the tunnel.
        a: The IPv4 address of one end of the tunnel.
        b: That of the other end.
        port: The port of the flow inside.

    Raises:
        Inconclusive: There is no frame of the flow, or the capture could have missed a native copy.
    """
    wire.require_live([Family.IPV6])
    flow = [
        frame for frame in concerning(wire.frames, [port]) if any(_ipv6_transport(layer) for layer in layers(frame))
    ]
    if not flow:
        raise Inconclusive(f"{wire.name}: there is no IPv6 packet from or to port {port}, tunnelled or native")
    ends = {canonical(a), canonical(b)}
    native = [frame for frame in flow if frame.inner is None]
    elsewhere = [
        frame
        for frame in flow
        if frame.inner is not None and (frame.family is not Family.IPV4 or {frame.src, frame.dst} != ends)
    ]
    return Finding(
        ok=not native and not elsewhere,
        expected=f"the flow of port {port} is carried by protocol 41 between {a} and {b}, and nothing of it natively",
        happened=f"of {count(len(flow), 'packet')} {len(native)} {verb(len(native), 'was', 'were')} native, "
        f"{len(elsewhere)} in another tunnel",
        packets=format_lines(native or elsewhere or flow),
    )


def _ipv6_transport(frame: Frame) -> bool:
    """Return whether a packet is IPv6 and carries TCP or UDP."""
    return frame.family is Family.IPV6 and frame.kind in {"tcp", "udp"}


def nat64_destination(
    wire: CaptureData, port: int, prefix: str | Sequence[str], ipv4: str, transport: Transport = Transport.TCP
) -> Finding:
    """Every attempt to reach ``port`` goes over IPv6 to an address that stands for ``ipv4`` (RFC 6052 §2.2).

    Args:
        wire: What was captured on an IPv6-only link.
        port: The port.
        prefix: The translator's prefix, or all that it has used.
        ipv4: The address of the server.
        transport: TCP or UDP.

    Raises:
        Inconclusive: There is no attempt, or the capture could have missed one over IPv4.
        ValueError: RFC 6052 knows no prefix of this length.
    """
    prefixes = (prefix,) if isinstance(prefix, str) else prefix
    wanted = [canonical(embed(one, ipv4)) for one in prefixes]
    all_tried = tried(wire, port, transport)
    wire.require_live([Family.IPV4])
    others = [attempt for attempt in all_tried if attempt.dst not in wanted]
    what = "SYN" if transport is Transport.TCP else "datagram"
    return Finding(
        ok=not others,
        expected=f"every {what} to port {port} goes to {' or '.join(wanted)}: {ipv4} behind {' or '.join(prefixes)}",
        happened="; ".join(sorted({str(attempt) for attempt in others or all_tried})),
        packets=conversation(wire, [port]),
    )
