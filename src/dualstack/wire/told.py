"""Predicates over what packets carry: addresses that a host tells its peers inside its messages."""

import socket
from collections.abc import Collection, Iterator

from dualstack.counting import count
from dualstack.errors import Inconclusive
from dualstack.finding import Finding
from dualstack.wire import dissect
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import conversation


def no_own_address(wire: CaptureData, port: int, own: Collection[str], server: str) -> Finding:
    """No payload towards ``server`` and ``port`` has one of the sender's ``own`` IPv4 addresses in it.

    As text with dots, as in FTP's PORT command with commas (RFC 959 §4.1.2), or as four bytes.

    Raises:
        Inconclusive: Nothing was sent there, or the capture is incomplete.
    """
    wire.require_whole()
    sent = [frame for frame in wire.frames if frame.dst == server and frame.dport == port and frame.size]
    if not sent:
        raise Inconclusive(f"{wire.name}: no payload was sent to {server} and port {port}")
    carried = dissect.payloads(wire.path, sent)
    flows: dict[tuple[str, int], dict[int, bytes]] = {}
    for frame in sent:
        pieces = flows.setdefault((frame.src, frame.sport), {})
        pieces.setdefault(frame.seq if frame.kind == "tcp" else frame.number, carried.get(frame.number, b""))
    told = {text for pieces in flows.values() for text in _told(b"".join(pieces[at] for at in sorted(pieces)), own)}
    return Finding(
        ok=not told,
        expected=f"no payload towards the server has {' or '.join(sorted(own))}, which the server cannot reach",
        happened=f"it sends {' and '.join(sorted(told))}" if told else f"none of {count(len(sent), 'packet')} has",
        packets=conversation(wire, [port]),
    )


def _told(data: bytes, own: Collection[str]) -> Iterator[str]:
    """Yield each form of an own address that is in data, readable."""
    for address in own:
        for text in (address, address.replace(".", ",")):
            if text.encode() in data:
                yield text
        if socket.inet_aton(address) in data:
            yield f"{address} in four bytes"
