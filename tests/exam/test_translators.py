"""Our translator beside tayga, packet by packet: the same packet goes into both, and what comes out is compared."""

import itertools
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    ICMPv6Unknown,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.packet import Packet, Raw

from dualstack.checksum import internet_checksum
from dualstack.lab.functions.translation import OTHER_PREFIXES
from dualstack.lab.translating.addresses import AddressMap
from dualstack.lab.translating.translator import Translator
from dualstack.rfc6052 import embed
from tests.exam.beside import TAYGA, TUN_DEVICE, WITNESS, ask

PREFIX = "2001:db8:64::/96"
SIX, FOUR, MAPPED = "2001:db8:51:1::101", "192.31.196.34", "198.18.2.1"
ROUTER4, ROUTER6, NO_IPV4 = "198.18.1.65", "2001:db8:51:1::301", "2001:db8:9::9"
MTU = 1500
LOCAL = "64:ff9b:1::/48"
"""The prefix of RFC 8215, which tayga 0.9.2 refuses: it takes it for a reserved one."""


@dataclass(frozen=True, slots=True)
class Case:
    """A packet, and why tayga makes something else of it than we do; empty if both make the same."""

    name: str
    packet: Packet
    differs: str = ""


def to_ipv4(prefix: str) -> Iterator[Case]:
    """Yield packets from the IPv6 host to an IPv4 host behind the prefix."""
    there = IPv6(src=SIX, dst=embed(prefix, FOUR), hlim=9)
    yield Case("TCP", there / TCP(sport=4000, dport=80, seq=7, options=[("MSS", 1440)]) / b"payload")
    yield Case("UDP", there / UDP(sport=4000, dport=53) / b"odd")
    yield Case("UDP without data", there / UDP(sport=4000, dport=53))
    for size in (1212, 1213, 1232, 1233, MTU - 48):
        yield Case(f"UDP with {size} bytes", there / UDP(sport=1, dport=2) / bytes(size))
    yield Case("another protocol", IPv6(src=SIX, dst=there.dst, nh=132, hlim=9) / Raw(bytes(20)))
    yield Case("traffic class and flow label", IPv6(src=SIX, dst=there.dst, tc=0xB9, fl=0x12345) / UDP() / b"x")
    yield Case("echo request", there / ICMPv6EchoRequest(id=5, seq=6, data=b"ping"))
    yield Case("echo reply", there / ICMPv6EchoReply(id=5, seq=6, data=b"pong"))
    yield Case("ICMPv6 of no meaning in IPv4", there / ICMPv6Unknown(type=151, msgbody=bytes(4)))


def headers_to_ipv4(prefix: str) -> Iterator[Case]:
    """Yield IPv6 packets with other headers, hop limits or addresses."""
    there, udp = IPv6(src=SIX, dst=embed(prefix, FOUR), hlim=9), UDP(sport=5, dport=6) / b"payload"
    yield Case("hop-by-hop options", there / IPv6ExtHdrHopByHop() / udp)
    yield Case("destination options", there / IPv6ExtHdrDestOpt() / udp)
    yield Case("routing header that is done", there / IPv6ExtHdrRouting(segleft=0) / udp)
    for hops in (2, 1):
        yield Case(f"hop limit {hops}", IPv6(src=SIX, dst=there.dst, hlim=hops) / udp)
    yield Case("hop limit 1 of a large packet", IPv6(src=SIX, dst=there.dst, hlim=1) / udp / bytes(1400))
    yield Case("hop limit 1 of an error", IPv6(src=SIX, dst=there.dst, hlim=1) / error6(prefix, ICMPv6DestUnreach()))
    yield Case("a source without mapping", IPv6(src=NO_IPV4, dst=there.dst) / udp)
    for source in ("fe80::1", "::1", "::"):
        yield Case(f"from {source}", IPv6(src=source, dst=there.dst) / udp)
    yield Case("multicast", IPv6(src=SIX, dst="ff0e::1") / udp)
    for name, offset, more in (("first", 0, 1), ("middle", 9, 1), ("last", 9, 0)):
        header = IPv6ExtHdrFragment(offset=offset, m=more, id=0x12345, nh=17)
        data = bytes(UDP(sport=1, dport=2, len=200, chksum=0x1234)) + bytes(8) if not offset else bytes(16)
        yield Case(f"{name} fragment", there / header / Raw(data))
    yield Case("atomic fragment", there / IPv6ExtHdrFragment(id=0x12345) / udp)
    yield Case("large atomic fragment", there / IPv6ExtHdrFragment(id=0x12345) / udp / bytes(1400))
    yield Case("fragment of an echo request", there / IPv6ExtHdrFragment(m=1) / ICMPv6EchoRequest(data=b"eight by"))


def error6(prefix: str, error: Packet, quoted: Packet | None = None) -> Packet:
    """Return an ICMPv6 error about a packet of the IPv4 host."""
    return error / (IPv6(src=embed(prefix, FOUR), dst=SIX, hlim=7) / (quoted or UDP(sport=5, dport=6) / b"payload"))


def errors_to_ipv4(prefix: str) -> Iterator[Case]:
    """Yield ICMPv6 errors, of the IPv6 host and of a router that has no IPv4 address."""
    host, router = IPv6(src=SIX, dst=embed(prefix, FOUR)), IPv6(src=NO_IPV4, dst=embed(prefix, FOUR))
    for code in (0, 1, 2, 4, 5, 6):
        yield Case(f"unreachable, code {code}", host / error6(prefix, ICMPv6DestUnreach(code=code)))
    for mtu in (1200, 1280, 1400, 1500, 9000):
        yield Case(f"too big, {mtu}", host / error6(prefix, ICMPv6PacketTooBig(mtu=mtu)))
    for code in (0, 1):
        yield Case(f"time exceeded, code {code}", host / error6(prefix, ICMPv6TimeExceeded(code=code)))
    yield Case("next header unknown", host / error6(prefix, ICMPv6ParamProblem(code=1, ptr=6)))
    yield Case("option unknown", host / error6(prefix, ICMPv6ParamProblem(code=2, ptr=40)))
    yield Case("quotes TCP", host / error6(prefix, ICMPv6DestUnreach(code=4), TCP(sport=9, dport=80, seq=99)))
    yield Case("quotes an echo request", host / error6(prefix, ICMPv6DestUnreach(), ICMPv6EchoRequest(id=3, seq=4)))
    yield Case("quotes much", host / error6(prefix, ICMPv6DestUnreach(), UDP(sport=1, dport=2) / bytes(1100)))
    yield Case("router: no route", router / error6(prefix, ICMPv6DestUnreach(code=0)))
    yield Case("router: too big", router / error6(prefix, ICMPv6PacketTooBig(mtu=1400)))


def to_ipv6(prefix: str) -> Iterator[Case]:
    """Yield packets from an IPv4 host to the address that stands for the IPv6 host."""
    there = IP(src=FOUR, dst=MAPPED, ttl=9, id=77, flags="DF")
    yield Case("TCP", there / TCP(sport=4000, dport=80, seq=7, options=[("MSS", 1460)]) / b"payload")
    yield Case("UDP", there / UDP(sport=4000, dport=53) / b"odd")
    yield Case("another protocol", IP(src=FOUR, dst=MAPPED, proto=132, flags="DF") / Raw(bytes(20)))
    yield Case("type of service", IP(src=FOUR, dst=MAPPED, tos=0xB9, flags="DF") / UDP() / b"x")
    yield Case("echo request", there / ICMP(type=8, id=5, seq=6) / b"ping")
    yield Case("echo reply", there / ICMP(type=0, id=5, seq=6) / b"pong")
    for size in (MTU - 48, MTU - 47, MTU - 28):
        yield Case(f"DF, UDP with {size} bytes", there / UDP(sport=1, dport=2) / bytes(size))
    for size in (8, 1232, 1233, MTU - 48, MTU - 28):
        may = IP(src=FOUR, dst=MAPPED, id=77) / UDP(sport=1, dport=2)
        yield Case(f"no DF, UDP with {size} bytes", may / bytes(size))


def headers_to_ipv6(prefix: str) -> Iterator[Case]:
    """Yield IPv4 packets with other headers, times to live or addresses."""
    udp = UDP(sport=5, dport=6) / b"payload"
    yield Case("options", IP(src=FOUR, dst=MAPPED, flags="DF", options=[IPOption_NOP()] * 4) / udp)
    for ttl in (2, 1):
        yield Case(f"time to live {ttl}", IP(src=FOUR, dst=MAPPED, ttl=ttl, flags="DF") / udp)
    yield Case("time to live 1 of a large packet", IP(src=FOUR, dst=MAPPED, ttl=1) / udp / bytes(1400))
    yield Case("multicast", IP(src=FOUR, dst="233.252.0.1") / udp)
    yield Case("from the loopback", IP(src="127.0.0.1", dst=MAPPED) / udp)
    for name, frag, more in (("first", 0, "MF"), ("middle", 9, "MF"), ("last", 9, "")):
        data = bytes(UDP(sport=1, dport=2, len=200, chksum=0x1234)) + bytes(8) if not frag else bytes(16)
        yield Case(f"{name} fragment", IP(src=FOUR, dst=MAPPED, id=77, frag=frag, flags=more, proto=17) / Raw(data))
    large = IP(src=FOUR, dst=MAPPED, id=77, frag=9, flags="MF", proto=17) / Raw(bytes(1456))
    yield Case("large fragment", large)
    yield Case("fragment of an echo request", IP(src=FOUR, dst=MAPPED, flags="MF") / ICMP() / b"eight by")


def error4(error: Packet, quoted: Packet | None = None) -> Packet:
    """Return an ICMP error about a packet of the IPv6 host."""
    return error / (IP(src=MAPPED, dst=FOUR, ttl=7, flags="DF") / (quoted or UDP(sport=5, dport=6) / b"payload"))


def errors_to_ipv6(prefix: str) -> Iterator[Case]:
    """Yield ICMP errors of the IPv4 host."""
    there = IP(src=FOUR, dst=MAPPED)
    for code in range(16):
        yield Case(f"unreachable, code {code}", there / error4(ICMP(type=3, code=code, nexthopmtu=1400 * (code == 4))))
    for mtu in (0, 1200, 1300, 1480, 1500):
        quoted = UDP(sport=1, dport=2) / bytes(1372)
        needed = ICMP(type=3, code=4, nexthopmtu=mtu)
        yield Case(f"fragmentation needed, {mtu}", there / error4(needed, quoted))
    for code in (0, 1):
        yield Case(f"time exceeded, code {code}", there / error4(ICMP(type=11, code=code)))
    yield Case("redirect", there / error4(ICMP(type=5, gw=ROUTER4)))
    yield Case("timestamp", there / ICMP(type=13))
    yield Case("quotes TCP", there / error4(ICMP(type=3, code=3), TCP(sport=9, dport=80, seq=99)))
    yield Case("quotes an echo request", there / error4(ICMP(type=3, code=1), ICMP(type=8, id=3, seq=4)))
    yield Case("quotes much", there / error4(ICMP(type=3, code=1), UDP(sport=1, dport=2) / bytes(1400)))


NO_ADDRESS = "RFC 6791 §3: errors of routers without an IPv4 address are translated; tayga drops this one"
PARAMETER = "RFC 7915 §4.2, §5.2: parameter problems are translated; tayga drops them"


def differences(prefix: str) -> Iterator[Case]:
    """Yield packets of which tayga 0.9.2, written for RFC 6145, makes something else than RFC 7915 asks for."""
    host, router = IPv6(src=SIX, dst=embed(prefix, FOUR)), IPv6(src=NO_IPV4, dst=embed(prefix, FOUR))
    there = IP(src=FOUR, dst=MAPPED)
    either = "RFC 7915 §4.5 permits both: tayga drops the datagram, we compute its checksum"
    yield Case("UDP without a checksum", there / UDP(chksum=0) / b"x", either)
    missed = "RFC 7915 §5.2: address unreachable is host unreachable in IPv4; tayga drops it"
    yield Case("unreachable, code 3", host / error6(prefix, ICMPv6DestUnreach(code=3)), missed)
    yield Case("router: port", router / error6(prefix, ICMPv6DestUnreach(code=4)), NO_ADDRESS)
    yield Case("router: time exceeded", router / error6(prefix, ICMPv6TimeExceeded()), NO_ADDRESS)
    yield Case("pointer 7", host / error6(prefix, ICMPv6ParamProblem(code=0, ptr=7)), PARAMETER)
    yield Case("pointer 8", there / error4(ICMP(type=12, code=0, ptr=8)), PARAMETER)
    reply = host / error6(prefix, ICMPv6DestUnreach(), ICMPv6EchoReply(id=3))
    yield Case("quotes an echo reply", reply, "RFC 7915 §5.3: any quoted packet is translated; tayga drops it")
    short = IP(src=MAPPED, dst=FOUR, proto=6, len=40, flags="DF") / Raw(bytes(TCP(sport=9, dport=80, seq=99))[:8])
    eight = "RFC 792 quotes 8 bytes; tayga drops errors that quote less than a whole TCP header"
    yield Case("quotes 8 bytes of TCP", there / ICMP(type=3, code=3) / short, eight)
    kernel = "tayga is a router and reports no route; the kernel gives us no such packets"
    yield Case("another prefix", IPv6(src=SIX, dst="2001:db8:7::7") / UDP(), kernel)


def ours(prefix: str, packets: Sequence[bytes]) -> list[list[bytes]]:
    """Return what our translator makes of each packet."""
    own = {4: socket.inet_aton(ROUTER4), 6: socket.inet_pton(socket.AF_INET6, ROUTER6)}
    translator = Translator(AddressMap(prefix, [(MAPPED, SIX)]), own, {4: MTU, 6: MTU})
    return [translator.translate(packet) for packet in packets]


def theirs(prefix: str, packets: Sequence[bytes]) -> list[list[bytes]]:
    """Return what tayga makes of each packet."""
    settings = f"""\
tun-device {TUN_DEVICE}
ipv4-addr {ROUTER4}
ipv6-addr {ROUTER6}
prefix {prefix}
map {MAPPED} {SIX}
"""
    witness = bytes(IP(src=FOUR, dst=MAPPED, proto=WITNESS, flags="DF", len=28))
    order = {"settings": settings, "witness": witness.hex(), "packets": [packet.hex() for packet in packets]}
    return [[bytes.fromhex(text) for text in made] for made in ask(TAYGA, order)]


def comparable(packet: bytes) -> bytes:
    """Return a packet without identification and DF if it is IPv4 and no fragment.

    Since RFC 7915 (§5.1) DF is clear in packets of at most 1260 bytes; tayga 0.9.2 sets it, as RFC 6145 asks for, until
    a path needs otherwise. tests/lab/test_translating.py has what ours does. The checksum of the header, which covers
    both, must be right.
    """
    if packet[0] >> 4 != 4 or int.from_bytes(packet[6:8], "big") & 0x3FFF:
        return packet
    assert internet_checksum(packet[:20]) == 0, "the checksum of an IPv4 header is wrong"
    return packet[:4] + bytes(4) + packet[8:10] + bytes(2) + packet[12:]


def shown(packets: Sequence[bytes]) -> str:
    """Return packets as text."""
    return "; ".join(repr((IP if one[0] >> 4 == 4 else IPv6)(one)) for one in packets) or "nothing"


def compare(prefix: str, cases: Sequence[Case]) -> list[str]:
    """Return the cases that do not end as they say: both make the same, or they differ."""
    packets = [bytes(case.packet) for case in cases]
    wrong = []
    for case, own, real in zip(cases, ours(prefix, packets), theirs(prefix, packets), strict=True):
        same = list(map(comparable, own)) == list(map(comparable, real))
        if same == bool(case.differs):
            wrong.append(f"{case.name}: we make {shown(own)}\n  tayga makes {shown(real)}")
    return wrong


GROUPS = (to_ipv4, headers_to_ipv4, errors_to_ipv4, to_ipv6, headers_to_ipv6, errors_to_ipv6)


def test_the_same_packets() -> None:
    """Data, extension headers, fragments, hop limits and ICMP errors: both make the same, or an RFC says why not."""
    cases = list(itertools.chain.from_iterable(group(PREFIX) for group in GROUPS))
    wrong = compare(PREFIX, [*cases, *differences(PREFIX)])
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("prefix", [*(one for one in OTHER_PREFIXES if one != LOCAL), "64:ff9b::/96"])
def test_every_prefix_length(prefix: str) -> None:
    """Packets and ICMP errors have the same addresses and checksums behind a prefix of each length of RFC 6052."""
    cases = [case for group in (to_ipv4, errors_to_ipv4, to_ipv6, errors_to_ipv6) for case in group(prefix)]
    wrong = compare(prefix, cases)
    assert not wrong, "\n".join(wrong)


def test_a_suffix_is_ignored() -> None:
    """RFC 6052 §2.2 reserves what follows the IPv4 address: tayga rejects addresses where it is not zero, we do not."""
    prefix = OTHER_PREFIXES[0]
    packet = IPv6(src=SIX, dst=embed(prefix, FOUR).removesuffix("::") + "::1") / UDP(sport=1, dport=2)
    wrong = compare(prefix, [Case("suffix", packet, "tayga rejects it")])
    assert not wrong, "\n".join(wrong)


def test_a_difference_is_found() -> None:
    """The comparison is no formality: a packet to another address is another packet."""
    case = Case("UDP", IPv6(src=SIX, dst=embed(PREFIX, FOUR)) / UDP(sport=1, dport=2) / b"x")
    (wrong,) = compare(PREFIX, [Case(case.name, case.packet, "claims to differ")])
    assert wrong.startswith("UDP: we make")
