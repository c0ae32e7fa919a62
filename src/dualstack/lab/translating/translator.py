"""Translates IP packets between the families (RFC 7915); no sockets here.

It keeps no state of connections: an address stands for an address, and ports stay as they are.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from dualstack.checksum import internet_checksum
from dualstack.lab.translating import icmp
from dualstack.lab.translating.addresses import AddressMap
from dualstack.lab.translating.headers import (
    FRAGMENT_HEADER,
    ICMP,
    ICMPV6,
    IPV4_HEADER,
    IPV6_HEADER,
    Packet,
    ipv6_sum,
    read,
    sum_of_words,
    with_sum_for,
    write,
)

_PROTOCOLS = {ICMP: ICMPV6, ICMPV6: ICMP}

_LEAST_IPV6 = 1280
"""The size of IPv6 packets, in bytes, that every path carries (RFC 8200 §5)."""

_UNFRAGMENTED = 1260
"""IPv4 packets up to this size may be fragmented by routers behind the translator (RFC 7915 §5.1)."""

_QUOTED = {4: 576 - IPV4_HEADER - 8, 6: _LEAST_IPV6 - IPV6_HEADER - 8}
"""The bytes of a packet that an ICMP error quotes at most, by the version of IP (RFC 1812 §4.3.2.3, RFC 4443 §2.4)."""

_HEAD = 8
"""Bytes before what an ICMP error quotes."""

_DEFAULT_HOPS = 64
_MULTICAST = {4: 0xE0, 6: 0xFF}
_ON_NO_PATH = {4: (b"\0", b"\x7f"), 6: (bytes(15), b"\xfe\x80")}
"""How addresses begin that no router forwards: unspecified, loopback and link-local ones (RFC 7915 §4.1, §5.1)."""


class Translator:
    """Translates packets; what it cannot deliver it answers with an ICMP error, as a router does.

    Attributes:
        addresses: Which address stands for which.
        counts: How many packets were translated to each family, answered with an error, and dropped.
    """

    def __init__(self, addresses: AddressMap, own: Mapping[int, bytes], mtus: Mapping[int, int]) -> None:
        """Translate nothing yet.

        Args:
            addresses: Which address stands for which.
            own: The translator's address, the source of its errors, by the version of IP.
            mtus: The MTU of the network on either side, by the version of IP.
        """
        self.addresses = addresses
        self.counts = Counter(dict.fromkeys(("ipv4", "ipv6", "errors", "dropped"), 0))
        self._own = own
        self._mtus = mtus
        self._numbers = count(1)

    def translate(self, data: bytes) -> list[bytes]:
        """Return the packets that are sent for one that has arrived: its translation, or an error to its sender."""
        packet = read(data)
        if packet is None or self._is_odd(packet):
            return self._drop()
        source, target = self._ends(packet)
        if target is None:
            return self._drop()
        if packet.hops <= 1:
            exceeded = {4: icmp.TIME_EXCEEDED_V4, 6: icmp.TIME_EXCEEDED}
            return self._answer(packet, data, icmp.Error(exceeded[packet.version], 0))
        if source is None:
            return self._answer(packet, data, icmp.Error(icmp.UNREACHABLE, icmp.POLICY_FAILED))
        payload = self._payload(packet, source, target)
        if payload is None:
            return self._drop()
        made = replace(
            packet,
            version=10 - packet.version,
            source=source,
            target=target,
            hops=packet.hops - 1,
            protocol=_PROTOCOLS.get(packet.protocol, packet.protocol),
            payload=payload,
            length=len(payload),
        )
        return self._fit(packet, data, made)

    def _ends(self, packet: Packet) -> tuple[bytes | None, bytes | None]:
        """Return the new source and destination of a packet, each None if there is none.

        The source of an ICMPv6 error may be a router without one: the error then comes from the translator (RFC 6791).
        """
        if packet.version == 4:  # noqa: PLR2004 - the version of IP
            return self.addresses.ipv6_of(packet.source), self.addresses.ipv6_of(packet.target)
        target = self.addresses.ipv4_of(packet.target)
        error = packet.protocol == ICMPV6 and icmp.is_error(6, packet.payload)
        source = None if target is None else self.addresses.ipv4_of(packet.source, assign=not error)
        return source or (self._own[4] if error else None), target

    def _is_odd(self, packet: Packet) -> bool:
        """Return whether a packet is cut off, or from or to an address that no translator takes."""
        version = packet.version
        unusual = any(
            end[0] >= _MULTICAST[version] or end.startswith(_ON_NO_PATH[version])
            for end in (packet.source, packet.target)
        )
        return unusual or len(packet.payload) < packet.length

    def _fit(self, packet: Packet, data: bytes, made: Packet) -> list[bytes]:
        """Return a translated packet, in fragments if it may be fragmented and is large; or an error."""
        self.counts[f"ipv{made.version}"] += 1
        if made.version == 4:  # noqa: PLR2004 - the version of IP
            size = IPV4_HEADER + made.length
            if size > self._mtus[4]:
                self.counts["ipv4"] -= 1
                return self._answer(packet, data, icmp.Error(icmp.TOO_BIG, 0, self._mtus[4] + 20))
            if not packet.whole:
                return [write(made)]
            small = size <= _UNFRAGMENTED
            number = next(self._numbers) & 0xFFFF if small else 0
            return [write(replace(made, whole=not small, identification=number))]
        size = IPV6_HEADER + made.length + (FRAGMENT_HEADER if made.is_fragment else 0)
        if packet.whole and size > self._mtus[6]:
            self.counts["ipv6"] -= 1
            needed = icmp.Error(icmp.UNREACHABLE_V4, icmp.FRAGMENTATION_NEEDED, self._mtus[6] - 20)
            return self._answer(packet, data, needed)
        if packet.whole or size <= _LEAST_IPV6:
            return [write(made)]
        return _fragments(made)

    def _payload(self, packet: Packet, source: bytes, target: bytes) -> bytes | None:
        """Return the payload between the new addresses; None if there is none."""
        if packet.protocol != (ICMP if packet.version == 4 else ICMPV6):  # noqa: PLR2004 - the version of IP
            return None if packet.protocol in _PROTOCOLS else with_sum_for(packet, source, target)
        message = packet.payload
        if packet.is_fragment or len(message) < _HEAD:
            return None  # its checksum covers the other fragments
        echo = icmp.ECHO.get((packet.version, message[0]))
        if echo is not None:
            translated: bytes | None = bytes([echo, 0, 0, 0]) + message[4:]
        else:
            translated = self._error(packet.version, message)
        if translated is None:
            return None
        return _with_icmp_sum(translated, 10 - packet.version, source, target)

    def _error(self, version: int, message: bytes) -> bytes | None:
        """Return the ICMP error of the other family, with a checksum of zero; None if there is none."""
        mtus, inner = (self._mtus[4], self._mtus[6]), read(message[_HEAD:])
        if inner is None or inner.version != version:
            return None
        if version == 4:  # noqa: PLR2004 - the version of IP
            error = icmp.error_to_ipv6(message, IPV4_HEADER + inner.length, mtus)
        else:
            error = icmp.error_to_ipv4(message, mtus)
        quoted = self._quoted(inner)
        return None if error is None or quoted is None else (error.head + quoted)[: _QUOTED[10 - version] + _HEAD]

    def _quoted(self, inner: Packet) -> bytes | None:
        """Return the packet that an ICMP error quotes, translated as far as it is there; None if it cannot be."""
        if inner.version == 4:  # noqa: PLR2004 - the version of IP
            source, target = self.addresses.ipv6_of(inner.source), self.addresses.ipv6_of(inner.target)
        else:
            ends = (self.addresses.ipv4_of(inner.source), self.addresses.ipv4_of(inner.target))
            if ends[0] is None or ends[1] is None:
                return None
            source, target = ends[0], ends[1]
        payload = with_sum_for(inner, source, target) or inner.payload
        echo = icmp.ECHO.get((inner.version, payload[0])) if payload and inner.protocol in _PROTOCOLS else None
        if echo is not None:
            payload = _quoted_echo(inner, echo, source, target)
        protocol = _PROTOCOLS.get(inner.protocol, inner.protocol)
        whole = inner.whole and not inner.is_fragment
        return write(
            replace(
                inner,
                version=10 - inner.version,
                source=source,
                target=target,
                protocol=protocol,
                payload=payload,
                whole=whole,
            )
        )

    def _answer(self, packet: Packet, data: bytes, error: icmp.Error | None) -> list[bytes]:
        """Return an ICMP error to the sender of a packet; nothing if the packet is an error itself."""
        version, protocol = packet.version, ICMP if packet.version == 4 else ICMPV6  # noqa: PLR2004 - the version of IP
        silent = packet.protocol == protocol and icmp.is_error(version, packet.payload)
        if error is None or silent or packet.offset:
            return self._drop()
        self.counts["errors"] += 1
        own, message = self._own[version], error.head + data[: _QUOTED[version]]
        message = _with_icmp_sum(message, version, own, packet.source)
        return [write(Packet(version, own, packet.source, 0, _DEFAULT_HOPS, protocol, message, len(message)))]

    def _drop(self) -> list[bytes]:
        """Count a packet that is not delivered."""
        self.counts["dropped"] += 1
        return []


def _with_icmp_sum(message: bytes, version: int, source: bytes, target: bytes) -> bytes:
    """Return an ICMP message with its checksum, which covers the addresses of IPv6."""
    ipv6 = version == 6  # noqa: PLR2004 - the version of IP
    checksum = ipv6_sum(message, source, target, ICMPV6) if ipv6 else internet_checksum(message)
    return message[:2] + checksum.to_bytes(2, "big") + message[4:]


def _quoted_echo(inner: Packet, kind: int, source: bytes, target: bytes) -> bytes:
    """Return a quoted echo with its type and checksum in the other family; it may be cut off.

    Args:
        inner: The packet that is quoted.
        kind: The type in the other family.
        source: The source address in the other family.
        target: The destination address in the other family.
    """
    payload, ipv6 = inner.payload, inner.version == 6  # noqa: PLR2004 - the version of IP
    if len(payload) < 4:  # noqa: PLR2004 - where the checksum ends
        return bytes([kind]) + payload[1:]
    covered = sum_of_words(inner.source + inner.target if ipv6 else source + target) + inner.length + ICMPV6
    change = (payload[0] - kind << 8) + (covered if ipv6 else -covered)
    checksum = (int.from_bytes(payload[2:4], "big") + change) % 0xFFFF
    return bytes([kind, payload[1]]) + checksum.to_bytes(2, "big") + payload[4:]


def _fragments(packet: Packet) -> list[bytes]:
    """Return an IPv6 packet in fragments of the size that every path carries."""
    room = (_LEAST_IPV6 - IPV6_HEADER - FRAGMENT_HEADER) // 8 * 8
    pieces = [packet.payload[at : at + room] for at in range(0, packet.length, room)]
    return [
        write(
            replace(
                packet,
                payload=piece,
                length=len(piece),
                offset=packet.offset + number * room // 8,
                more=packet.more or number < len(pieces) - 1,
            )
        )
        for number, piece in enumerate(pieces)
    ]
