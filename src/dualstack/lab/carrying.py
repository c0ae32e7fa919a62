"""The process of a daemon that carries packets, inside its host: its start, its requests and its end.

One JSON object a line, over a stream, as `daemons` has it. The first is the order of the daemon, which is answered by
``{"ready": true}``, or by an ``error``. Then requests: each is obeyed, and answered by ``{"counts": …}``. The end of
the stream ends the process.
"""

import json
import select
import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

from dualstack.families import Family

LARGEST = 1 << 16
"""Bytes of the largest packet."""

BUFFER = 4 << 20
"""Bytes of packets that may wait on a socket; the kernel may grant less."""

BATCH = 64
"""Packets of one socket before the others are looked at."""

OUTGOING = 4
"""PACKET_OUTGOING of <linux/if_packet.h>."""


class Carrier(Protocol):
    """What carries the packets."""

    @property
    def sources(self) -> Sequence[socket.socket]:
        """The sockets on which packets arrive."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many packets were carried, and what else became of them, by name."""

    @property
    def remaining(self) -> float | None:
        """Seconds until `send_due` has something to do; None if it has nothing."""

    def take(self, source: socket.socket) -> None:
        """Carry packets that have arrived on a socket."""

    def send_due(self) -> None:
        """Send the packets whose time has come."""

    def obey(self, request: Mapping[str, Any]) -> None:
        """Carry a request out; an empty one asks for nothing."""


def carry(stream: socket.socket, start: Callable[[dict[str, Any], ExitStack], Carrier]) -> None:
    """Carry packets until a stream ends.

    Args:
        stream: The stream; its first line is the order.
        start: Returns what carries the packets as an order says; its sockets are closed by the stack.
    """
    first = stream.makefile("rb").readline()
    if not first:
        return
    with ExitStack() as undo:
        try:
            carrier = start(json.loads(first), undo)
            _say(stream, ready=True)
            _serve(carrier, stream)
        except Exception as error:  # noqa: BLE001 - the process ends here; the test process reports its error
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if frame.filename != __file__]  # the daemon's
            where = (own or frames)[-1]
            text = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            _say(stream, error=text, cannot=isinstance(error, PermissionError))


def tap(interface: str, family: Family, undo: ExitStack) -> socket.socket:
    """Return a socket that gets the packets of a family on an interface, without link headers."""
    made = undo.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    made.bind((interface, family.ethertype))
    return made


def towards(near: str, far: str, family: Family) -> tuple[str, int, int, int, bytes]:
    """Return where a tap sends a packet of a family so that the kernel receives it at the near end of a veth pair."""
    mac = bytes.fromhex(Path(f"/sys/class/net/{near}/address").read_text().strip().replace(":", ""))
    return far, family.ethertype, 0, 0, mac


def _serve(carrier: Carrier, stream: socket.socket) -> None:
    """Carry packets and answer requests until the stream ends."""
    line = b""
    while True:
        ready, _, _ = select.select([*carrier.sources, stream], [], [], carrier.remaining)
        carrier.send_due()
        for source in ready:
            if source is not stream:
                carrier.take(source)
        if stream in ready:
            data = stream.recv(LARGEST)
            if not data:
                return
            *requests, line = (line + data).split(b"\n")
            for request in requests:
                carrier.obey(json.loads(request))
                _say(stream, counts=dict(carrier.counts))


def _say(stream: socket.socket, **fields: object) -> None:
    """Send an answer; do nothing if the other end has closed the stream."""
    with suppress(BrokenPipeError, ConnectionResetError):
        stream.sendall(json.dumps(fields).encode() + b"\n")
