"""DNS messages in a capture."""

from dualstack.wire import dissect
from dualstack.wire.dissect import Dns
from dualstack.wire.evidence import CaptureData
from dualstack.wire.frames import Frame

DNS_PORT = 53


def dns_queries(wire: CaptureData, port: int = DNS_PORT) -> tuple[Dns, ...]:
    """Return the queries to name servers on ``port``, over UDP and TCP, in order.

    A retransmitted query is listed again. A query over TCP is listed if it fits into one segment.

    Raises:
        Inconclusive: The capture is incomplete.
    """
    return dissect.dns(wire.path, [frame for frame in _dns_frames(wire, port) if frame.dport == port])


def dns_answers(wire: CaptureData, port: int = DNS_PORT) -> tuple[Dns, ...]:
    """Return the answers of name servers on ``port``, over UDP and TCP, in order.

    Raises:
        Inconclusive: The capture is incomplete.
    """
    return dissect.dns(wire.path, [frame for frame in _dns_frames(wire, port) if frame.sport == port])


def _dns_frames(wire: CaptureData, port: int) -> list[Frame]:
    """Return the frames with payload from or to the port of a name server."""
    wire.require_whole()
    return [
        frame
        for frame in wire.frames
        if frame.kind in {"udp", "tcp"} and frame.size and port in {frame.sport, frame.dport}
    ]
