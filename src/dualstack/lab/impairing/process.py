"""Impairs connections to a host; runs in a separate process inside it.

A filter of the kernel (`changes.FilterTcp`) drops the SYNs from the link. This process sees them all the same, on a
packet socket, and does with each what the impairment says: nothing, a reply, or the SYN again after a while, over the
loopback interface, which the filter does not concern. Kernels answer the repeated SYN as usual.

One JSON object a line, over a stream: first ``{"interface": "eth0", "impairments": [...]}``, see `pack`, which is
answered by ``{"ready": true, "priority": <whether it runs before other processes>}``; then any number of ``{}``, each
answered by ``{"hits": [...]}``: how many SYNs each impairment has met. The end of the stream ends the process.
"""

import ctypes
import gc
import heapq
import json
import os
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import Any

from dualstack.families import BOTH, Family
from dualstack.lab.impairing.packets import Syn, read_syn, repeat, reset, unreachable
from dualstack.lab.impairments import Impairment, Kind
from dualstack.prober import libc

ENTRY = "dualstack.lab.impairing.process:impair"

_ALL_FRAMES = 3
_OUTGOING = 4
_ATTACH_FILTER, _TIMESTAMP = 26, 35
_LARGEST = 1 << 11
_ANCILLARY = 64
_TIMER_SLACK, _ONE_NANOSECOND = 29, 1

_SETTLED = 0.001
"""Seconds after which an ICMP error is sent: while the client's kernel is still inside connect(), it would only note
it, and report it with the first retransmission, a second later."""

_SYNS_ONLY = (
    (0x30, 0, 0, 0),  # load the version of IP
    (0x54, 0, 0, 0xF0),
    (0x15, 0, 4, 0x40),
    (0x30, 0, 0, 9),  # IPv4: the protocol
    (0x15, 0, 9, socket.IPPROTO_TCP),
    (0x30, 0, 0, 20 + 13),  # the flags
    (0x05, 0, 0, 4),
    (0x15, 0, 6, 0x60),
    (0x30, 0, 0, 6),  # IPv6: the next header
    (0x15, 0, 4, socket.IPPROTO_TCP),
    (0x30, 0, 0, 40 + 13),  # the flags
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),  # SYN without ACK
    (0x06, 0, 0, _LARGEST),
    (0x06, 0, 0, 0),
)
"""A program of the classic BPF for a packet socket without link headers: code, jumps if true and false, operand."""


def pack(impairment: Impairment, ports: Sequence[int]) -> dict[str, Any]:
    """Return an impairment as JSON can carry it; it is in force at all of these ports of its address."""
    return asdict(impairment) | {"kind": impairment.kind.value, "ports": list(ports)}


class _Impairing:
    """The impairments of one process, and the packets that it is to send.

    Attributes:
        tap: The socket on which SYNs arrive.
        hits: How many SYNs each impairment has met.
    """

    def __init__(self, order: dict[str, Any], undo: ExitStack) -> None:
        """Open the sockets.

        Raises:
            OSError: One of them cannot be opened.
        """
        self._impairments = [(one, Kind(one["kind"])) for one in order["impairments"]]
        self.hits = [0] * len(self._impairments)
        self._seen: Counter[tuple[str, int, str, int]] = Counter()
        self._due: list[tuple[float, int, Family, str, bytes]] = []
        self.tap = undo.enter_context(_tap(order["interface"]))
        self._senders = {
            family: undo.enter_context(socket.socket(family.af, socket.SOCK_RAW, socket.IPPROTO_RAW)) for family in BOTH
        }

    @property
    def remaining(self) -> float | None:
        """Seconds until the next packet is due; None without one."""
        return max(0.0, self._due[0][0] - time.time()) if self._due else None

    def take(self) -> None:
        """Read the SYNs that have arrived, and decide what is sent in reply, and when."""
        with suppress(BlockingIOError):
            while True:
                packet, ancillary, _, address = self.tap.recvmsg(_LARGEST, _ANCILLARY)
                if address[2] != _OUTGOING:
                    seconds, nanoseconds = struct.unpack_from("=qq", ancillary[0][2])
                    self._meet(read_syn(packet), seconds + nanoseconds / 1e9)

    def send(self) -> None:
        """Send the packets that are due."""
        while self._due and self._due[0][0] <= time.time():
            _, _, family, to, packet = heapq.heappop(self._due)
            self._senders[family].sendto(packet, (to, 0))

    def _meet(self, syn: Syn, arrived: float) -> None:
        """Apply the impairments of a SYN's target; ``arrived`` is in seconds since the epoch."""
        for number, (one, kind) in enumerate(self._impairments):
            if one["address"] == syn.target and syn.port in one["ports"]:
                self.hits[number] += 1
                self._apply(one, kind, syn, arrived)

    def _apply(self, one: dict[str, Any], kind: Kind, syn: Syn, arrived: float) -> None:
        """Apply an impairment to a SYN."""
        if kind is Kind.HOLD:
            self._later(arrived + one["seconds"], syn, syn.target, repeat(syn))
        elif kind is Kind.RESET:
            self._later(arrived, syn, syn.source, reset(syn))
        elif kind is Kind.UNREACHABLE:
            self._later(arrived + _SETTLED, syn, syn.source, unreachable(syn, one["code"]))
        elif kind is Kind.LOSE:
            attempt = (syn.source, syn.source_port, syn.target, syn.number)
            self._seen[attempt] += 1
            if self._seen[attempt] > one["count"]:
                self._later(arrived, syn, syn.target, repeat(syn))

    def _later(self, due: float, syn: Syn, to: str, packet: bytes) -> None:
        """Send a packet at a time, in seconds since the epoch."""
        heapq.heappush(self._due, (due, sum(self.hits), syn.family, to, packet))


def impair(stream: socket.socket) -> None:
    """Impair connections as the first line of the stream says, until the stream ends."""
    lines = stream.makefile("rb")
    first = lines.readline()
    if not first:
        return
    with ExitStack() as undo:
        try:
            impairing = _Impairing(json.loads(first), undo)
        except OSError as error:
            _say(stream, error=f"packets cannot be impaired: {error}")
            return
        _say(stream, ready=True, priority=_be_prompt())
        while True:
            ready, _, _ = select.select([impairing.tap, stream], [], [], impairing.remaining)
            if impairing.tap in ready:
                impairing.take()
            impairing.send()
            if stream in ready:
                if not lines.readline():
                    return
                _say(stream, hits=impairing.hits)


def _tap(interface: str) -> socket.socket:
    """Return a socket that gets the SYNs of an interface, without link headers, and when each of them arrived."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
    program = b"".join(struct.pack("=HBBI", *line) for line in _SYNS_ONLY)
    buffer = ctypes.create_string_buffer(program)
    tap.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(_SYNS_ONLY), ctypes.addressof(buffer)))
    tap.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
    tap.bind((interface, _ALL_FRAMES))
    return tap


def _be_prompt() -> bool:
    """Wake up in time, without pauses for memory; return whether the process has priority over others."""
    gc.freeze()
    gc.disable()
    libc.prctl(_TIMER_SLACK, _ONE_NANOSECOND)
    return os.sched_getscheduler(0) == os.SCHED_FIFO


def _say(stream: socket.socket, **fields: object) -> None:
    """Send an answer; do nothing if the other end has closed the stream."""
    with suppress(BrokenPipeError, ConnectionResetError):
        stream.sendall(json.dumps(fields).encode() + b"\n")
