"""The translator of a host; runs in a separate process inside it.

The kernel of the host does not forward, and drops what is for addresses that it does not have. This process sees these
packets all the same, on packet sockets, and sends what the translator makes of them over raw sockets. A translator for
the host's own programs has a device instead, a veth pair: what programs send over its near end arrives at the far end.
Any other advertises its prefix on its IPv6 links (`advertising`).

See `carrying`: its order is an `Order`, the request ``{"use": <prefix>}`` changes the prefix, and it counts the packets
that were translated to each family, answered with an error, and dropped.
"""

import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from typing import Any

from dualstack.families import Family
from dualstack.lab.carrying import BATCH, LARGEST, OUTGOING, carry, tap, towards
from dualstack.lab.translating.addresses import AddressMap
from dualstack.lab.translating.advertising import Advertiser
from dualstack.lab.translating.translator import Translator

ENTRY = "dualstack.lab.translating.process:run"

_TO_US = 0
"""PACKET_HOST of <linux/if_packet.h>."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a translator does.

    Attributes:
        prefix: The prefix (PREF64) that stands for the IPv4 network.
        mappings: An IPv4 address and the IPv6 address that it stands for, each.
        pool: The IPv4 prefix of which IPv6 hosts without a mapping get an address; empty for none.
        ipv6: The interfaces on which IPv6 packets arrive.
        ipv4: The same of IPv4; empty with a device.
        device: The near and the far end of the device; empty without one.
        own: The source addresses of its ICMP errors: IPv4, IPv6.
        mtus: The MTU of the IPv4 and of the IPv6 network, in bytes.
    """

    prefix: str
    mappings: tuple[tuple[str, str], ...]
    pool: str
    ipv6: tuple[str, ...]
    ipv4: tuple[str, ...]
    device: tuple[str, ...]
    own: tuple[str, str]
    mtus: tuple[int, int]

    def packed(self) -> dict[str, Any]:
        """Return it as JSON can carry it."""
        return asdict(self)


class _Translating:
    """The sockets of a translator.

    Attributes:
        sources: The sockets on which packets arrive.
        remaining: None: it sends at once.
    """

    remaining = None

    def __init__(self, order: Order, undo: ExitStack) -> None:
        """Open the sockets.

        Raises:
            OSError: One of them cannot be opened.
        """
        own = {family.number: socket.inet_pton(family.af, text) for family, text in zip(Family, order.own, strict=True)}
        addresses = AddressMap(order.prefix, order.mappings, order.pool)
        self._translator = Translator(addresses, own, {4: order.mtus[0], 6: order.mtus[1]})
        self.sources = [tap(name, Family.IPV6, undo) for name in order.ipv6]
        self.sources += [tap(name, Family.IPV4, undo) for name in order.ipv4]
        self._raw = {
            family.number: undo.enter_context(socket.socket(family.af, socket.SOCK_RAW, socket.IPPROTO_RAW))
            for family in Family
        }
        self._advertiser = None if order.device else Advertiser(order.ipv6, order.prefix, undo)
        if self._advertiser is not None:
            self.sources.append(self._advertiser.source)
        self._device: tuple[socket.socket, Any] | None = None
        if order.device:
            near, far = order.device
            self._device = tap(far, Family.IPV4, undo), towards(near, far, Family.IPV4)
            self.sources.append(self._device[0])

    @property
    def counts(self) -> Mapping[str, int]:
        """How many packets were translated to each family, answered with an error, and dropped."""
        return self._translator.counts

    def take(self, source: socket.socket) -> None:
        """Translate packets that have arrived on a socket; advertise the prefix to hosts that ask."""
        if self._advertiser is not None and source is self._advertiser.source:
            self._advertiser.answer()
            return
        with suppress(BlockingIOError):
            for _ in range(BATCH):
                packet, address = source.recvfrom(LARGEST)
                if self._is_for_it(source, packet, address[2]):
                    for made in self._translator.translate(packet):
                        self._send(made)

    def send_due(self) -> None:
        """Send nothing: it sends at once."""

    def obey(self, request: Mapping[str, Any]) -> None:
        """Change the prefix, if that is asked for."""
        if "use" in request:
            self._translator.addresses.use(request["use"])
            if self._advertiser is not None:
                self._advertiser.use(request["use"])

    def _is_for_it(self, source: socket.socket, packet: bytes, kind: int) -> bool:
        """Return whether a packet is for the translator, and not for the host or from it."""
        if self._device is not None and source is self._device[0]:
            return kind != OUTGOING
        addresses = self._translator.addresses
        if packet[0] >> 4 == Family.IPV4.number:
            return kind == _TO_US and addresses.is_mapped(packet[16:20])
        return kind == _TO_US and addresses.is_translated(packet[24:40])

    def _send(self, packet: bytes) -> None:
        """Send a packet; what the kernel cannot send is lost, as on any network."""
        version = packet[0] >> 4
        with suppress(OSError):
            if version == Family.IPV4.number and self._device is not None:
                socket_, to = self._device
                socket_.sendto(packet, to)
            elif version == Family.IPV4.number:
                self._raw[version].sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
            else:
                self._raw[version].sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))


def run(stream: socket.socket) -> None:
    """Translate as the first line of the stream says, until the stream ends."""
    carry(stream, lambda order, undo: _Translating(Order(**order), undo))
