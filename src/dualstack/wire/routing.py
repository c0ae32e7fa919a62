"""Predicates over packets to clients behind a router: they are sent to the router with a sufficient hop limit."""

from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.transport import Transport
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import concerning, format_lines

LEAST_HOPS = 32
"""The least hop limit that counts as enough: paths through the Internet have up to about 30 hops; kernels start with 64
(RFC 1122 §3.2.1.7 asks for more than the diameter of the Internet)."""


def leaves_through_router(
    wire: CaptureData, port: int, family: Family, router: str, transport: Transport = Transport.TCP
) -> Finding:
    """Each packet that leaves ``port`` over ``family`` is sent to the router and has a sufficient hop limit.

    Args:
        wire: The capture on the service's host; all its clients are behind the router.
        port: The service's port.
        family: The family.
        router: The router's hardware address.
        transport: TCP or UDP.

    Raises:
        Inconclusive: No such packet left, or the capture is incomplete.
    """
    wire.require_whole()
    left = [
        frame
        for frame in wire.frames
        if frame.family is family
        and (frame.kind, frame.outgoing_mac) == (transport.value, wire.mac)
        and wire.is_from((frame.src, frame.sport), port)
    ]
    if not left:
        where = f"{transport.value} port {port}"
        raise Inconclusive(f"{wire.name}: no {family.label} packet left {where}, so there is nothing to judge")
    past = [frame for frame in left if frame.next_mac != router.lower()]
    few = [frame for frame in left if frame.hop_limit < LEAST_HOPS]
    name = "hop limit" if family is Family.IPV6 else "time to live"
    faults = [f"{len(past)} of {len(left)} were sent to {past[0].next_mac}, past the router"] if past else []
    if few:
        faults.append(f"{len(few)} of {len(left)} have a {name} of {min(frame.hop_limit for frame in few)}")
    return Finding(
        ok=not faults,
        expected=f"each {family.label} packet from {transport.value} port {port} is sent to the router {router} with a "
        f"{name} of at least {LEAST_HOPS}",
        happened="; ".join(faults)
        or f"all {len(left)} are, with a {name} of at least {min(frame.hop_limit for frame in left)}",
        packets=format_lines([frame for frame in concerning(wire.frames, [port]) if frame.family is family]),
        symptoms=(Symptom.BYPASSED_ROUTER,) if past else (),
    )
