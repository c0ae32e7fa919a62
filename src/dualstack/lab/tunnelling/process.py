"""One end of a tunnel of IPv6 in IPv4 (RFC 4213); runs in a separate process inside its host.

The host has a device, a veth pair. IPv6 packets that the kernel sends over the near end arrive at the far end; this
process sends each as the payload of an IPv4 packet of protocol 41 to the other end of the tunnel. What arrives from
there it takes out, and writes to the far end, so that the kernel receives it at the near end. The kernel does all else:
it decrements hop limits, and reports packets that are larger than the device's MTU. IPv4 packets leave without DF
(RFC 4213 §3.2.1). A tunnel without its far end answers with ICMPv6 address unreachable, as Linux does.

See `carrying`: its order is an `Order`, no request changes it, and it counts the packets that went into the tunnel and
came out of it, and those that were refused.
"""

import socket
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from dualstack.families import Family
from dualstack.lab.carrying import BATCH, BUFFER, LARGEST, OUTGOING, carry, tap, towards
from dualstack.lab.tunnelling.packets import PROTOCOL, inside, may_be_answered, unreachable

ENTRY = "dualstack.lab.tunnelling.process:run"

_IP_MTU_DISCOVER, _IP_PMTUDISC_DONT = 10, 0

_SETTLED = 0.001
"""Seconds after which a packet is reported: while its sender is inside connect(), the kernel would only note it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one end of a tunnel does.

    Attributes:
        near: The near end of its device.
        far: The far end.
        own: The IPv4 address of this end; empty if it has none.
        remote: The configured IPv4 address of the other end.
        router: The IPv6 address from which it reports what it cannot carry.
        lacking: Whether an end has no IPv4 address, so that every packet is reported.
    """

    near: str
    far: str
    own: str
    remote: str
    router: str
    lacking: bool

    def packed(self) -> dict[str, Any]:
        """Return it as JSON can carry it."""
        return asdict(self)


class _Tunnelling:
    """The sockets of one end.

    Attributes:
        sources: The socket on which packets for the tunnel arrive, and the one from which it sends; only the first if
            this end has no IPv4 address.
        counts: How many packets went in, came out, and were refused.
    """

    def __init__(self, order: Order, undo: ExitStack) -> None:
        """Open the sockets.

        Raises:
            OSError: One of them cannot be opened.
        """
        self.counts: Counter[str] = Counter(sent=0, received=0, refused=0)
        self._device = tap(order.far, Family.IPV6, undo)
        self._to_kernel = towards(order.near, order.far, Family.IPV6)
        self._router = socket.inet_pton(socket.AF_INET6, order.router)
        self._remote = order.remote
        self._lacking = order.lacking
        self._refused: deque[tuple[float, bytes]] = deque()
        self._network: socket.socket | None = None
        if order.own:
            self._network = undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL))
            self._network.setblocking(False)
            self._network.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            self._network.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DONT)
            self._network.bind((order.own, 0))
        self.sources = [self._device, *([self._network] if self._network is not None else [])]

    def take(self, source: socket.socket) -> None:
        """Carry packets that have arrived on a socket: into the tunnel, or out of it."""
        if source is self._device:
            self._send()
        else:
            self._receive(source)

    def _send(self) -> None:
        """Send the packets that have arrived for the tunnel; what the kernel cannot send is lost, as on any network."""
        with suppress(BlockingIOError):
            for _ in range(BATCH):
                packet, address = self._device.recvfrom(LARGEST)
                if address[2] == OUTGOING:
                    continue
                if self._lacking and may_be_answered(packet):
                    self._refused.append((monotonic() + _SETTLED, packet))
                with suppress(OSError):
                    if self._network is not None:
                        self._network.sendto(packet, (self._remote, 0))
                        self.counts["sent"] += 1

    def _receive(self, network: socket.socket) -> None:
        """Take out the packets that have arrived from the other end; those from anywhere else are dropped (§3.6)."""
        with suppress(BlockingIOError):
            for _ in range(BATCH):
                packet, (source, _) = network.recvfrom(LARGEST)
                inner = inside(packet) if source == self._remote else b""
                if inner:
                    with suppress(OSError):
                        self._device.sendto(inner, self._to_kernel)
                        self.counts["received"] += 1

    @property
    def remaining(self) -> float | None:
        """Seconds until the next packet is reported; None without one."""
        return max(0.0, self._refused[0][0] - monotonic()) if self._refused else None

    def send_due(self) -> None:
        """Report the packets whose time has come."""
        while self._refused and self._refused[0][0] <= monotonic():
            _, packet = self._refused.popleft()
            self._device.sendto(unreachable(packet, self._router), self._to_kernel)
            self.counts["refused"] += 1

    def obey(self, request: Mapping[str, Any]) -> None:
        """Do nothing: no request changes a tunnel."""


def run(stream: socket.socket) -> None:
    """Carry packets as the first line of the stream says, until the stream ends."""
    carry(stream, lambda order, undo: _Tunnelling(Order(**order), undo))
