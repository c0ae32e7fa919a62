"""Connections and routes between hosts, for lab proofs; inside a host."""

import socket
import struct

from dualstack.deadline import Deadline
from dualstack.families import Family


def dial(address: str, port: int, deadline: Deadline) -> None:
    """Open a connection: three segments cross the link, in both directions. It need not be accepted.

    It is reset, so that neither kernel keeps any state of it.
    """
    with socket.create_connection((address, port), timeout=max(deadline.remaining, 0.01)) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def find_route(address: str) -> None:
    """Look up the route to an address; no packet is sent."""
    with socket.socket(Family.of(address).af, socket.SOCK_DGRAM) as one:
        one.connect((address, 9))


def listen(address: str) -> socket.socket | None:
    """Return a listener on an address, which may have a zone; None if it cannot be bound."""
    listener = socket.socket(Family.of(address).af, socket.SOCK_STREAM)
    try:
        bare, _, zone = address.partition("%")
        listener.bind((bare, 0, 0, socket.if_nametoindex(zone)) if zone else (bare, 0))
    except OSError:
        listener.close()
        return None
    listener.listen()
    return listener
