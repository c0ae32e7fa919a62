"""The translator between IPv4 and IPv6 packets, packet by packet: scapy makes them, and checks what comes out."""

import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
)
from scapy.packet import Packet, Raw

from dualstack.lab.translating.addresses import AddressMap
from dualstack.lab.translating.translator import Translator
from dualstack.rfc6052 import LENGTHS, embed

PREFIX = "2001:db8:64::/96"
SIX, FOUR, MAPPED = "2001:db8:51:1::101", "198.18.1.34", "198.18.2.1"
BEHIND = embed(PREFIX, FOUR)
ROUTER4, ROUTER6 = "198.18.1.65", "2001:db8:51:1::301"


@pytest.fixture
def translator() -> Translator:
    """Return a translator with one mapping and room for two hosts without one."""
    own = {4: socket.inet_aton(ROUTER4), 6: socket.inet_pton(socket.AF_INET6, ROUTER6)}
    return Translator(AddressMap(PREFIX, [(MAPPED, SIX)], "198.18.2.0/30"), own, {4: 1500, 6: 1500})


def only(packets: list[bytes]) -> Packet:
    """Return the one packet that came out, dissected; its checksums are those that scapy computes."""
    (data,) = packets
    found: Packet = IP(data) if data[0] >> 4 == 4 else IPv6(data)
    again = found.copy()
    for layer in (again, again.payload):
        for name in {"chksum", "cksum"} & set(layer.fields):
            layer.delfieldval(name)
    assert bytes(again) == data, "a checksum is wrong"
    return found


@pytest.mark.parametrize("upper", [TCP(sport=4000, dport=80, seq=7), UDP(sport=4000, dport=53), UDP(sport=1, dport=2)])
def test_ipv6_to_ipv4_and_back(translator: Translator, upper: Packet) -> None:
    """Addresses change, ports and payload do not, the hop limit is one less, and checksums are right; both ways."""
    there = only(translator.translate(bytes(IPv6(src=SIX, dst=BEHIND, hlim=9, tc=3) / upper / b"payload")))
    assert (there[IP].src, there[IP].dst, there[IP].ttl, there[IP].tos) == (MAPPED, FOUR, 8, 3)
    assert bytes(there[Raw]) == b"payload"
    assert (there[IP].payload.sport, there[IP].payload.dport) == (upper.sport, upper.dport)
    back = only(translator.translate(bytes(IP(src=FOUR, dst=MAPPED, ttl=9, tos=3) / upper.copy() / b"payload")))
    assert (back[IPv6].src, back[IPv6].dst, back[IPv6].hlim, back[IPv6].tc) == (BEHIND, SIX, 8, 3)
    assert bytes(back[Raw]) == b"payload"
    assert translator.counts == {"ipv4": 1, "ipv6": 1, "errors": 0, "dropped": 0}


def test_a_udp_datagram_without_a_checksum_gets_one(translator: Translator) -> None:
    """IPv6 requires a checksum (RFC 7915 §4.5); of a fragment it cannot be computed, so that is dropped."""
    bare = IP(src=FOUR, dst=MAPPED) / UDP(sport=1, dport=2, chksum=0) / b"odd"
    assert only(translator.translate(bytes(bare)))[UDP].chksum
    fragment = IP(src=FOUR, dst=MAPPED, flags="MF") / UDP(sport=1, dport=2, chksum=0) / b"eight by"
    assert translator.translate(bytes(fragment)) == []


def test_echo(translator: Translator) -> None:
    """An echo request becomes one of the other family, and so does the reply."""
    there = only(translator.translate(bytes(IPv6(src=SIX, dst=BEHIND) / ICMPv6EchoRequest(id=5, seq=6, data=b"ping"))))
    assert (there[ICMP].type, there[ICMP].id, there[ICMP].seq) == (8, 5, 6)
    back = only(translator.translate(bytes(IP(src=FOUR, dst=MAPPED) / ICMP(type=0, id=5, seq=6) / b"ping")))
    assert (back[ICMPv6EchoReply].id, back[ICMPv6EchoReply].seq, back[ICMPv6EchoReply].data) == (5, 6, b"ping")


@pytest.mark.parametrize("length", LENGTHS)
def test_every_prefix_length(translator: Translator, length: int) -> None:
    """A translator uses prefixes of each length; the addresses of one that is not in use are not translated."""
    prefix = {96: "3fff:1:2:3:4:5::/96", 64: "3fff:1:2:3::/64"}.get(length, f"3fff:100::/{length}")
    data = bytes(IPv6(src=SIX, dst=embed(prefix, FOUR)) / UDP(sport=1, dport=2))
    assert translator.translate(data) == []
    translator.addresses.use(prefix)
    assert only(translator.translate(data))[IP].dst == FOUR
    back = only(translator.translate(bytes(IP(src=FOUR, dst=MAPPED) / UDP(sport=1, dport=2))))
    assert back[IPv6].src == embed(prefix, FOUR)


def test_the_pool_ends(translator: Translator) -> None:
    """A host without a mapping gets an address of the pool and keeps it; without one, its packets are refused."""

    def send(source: str) -> Packet:
        return only(translator.translate(bytes(IPv6(src=source, dst=BEHIND) / UDP(sport=1, dport=2))))

    assert (send("2001:db8::5")[IP].src, send("2001:db8::5")[IP].src) == ("198.18.2.2", "198.18.2.2")
    refused = send("2001:db8::6")
    assert (refused[IPv6].src, refused[IPv6].dst) == (ROUTER6, "2001:db8::6")
    assert (refused[ICMPv6DestUnreach].type, refused[ICMPv6DestUnreach].code) == (1, 5)


def test_the_hop_limit_ends(translator: Translator) -> None:
    """A packet with a hop limit of 1 is answered by the translator in the packet's family; an ICMP error is not."""
    six = only(translator.translate(bytes(IPv6(src=SIX, dst=BEHIND, hlim=1) / UDP(sport=1, dport=2))))
    assert (six[IPv6].src, six[IPv6].dst, six[ICMPv6TimeExceeded].code) == (ROUTER6, SIX, 0)
    four = only(translator.translate(bytes(IP(src=FOUR, dst=MAPPED, ttl=1) / UDP(sport=1, dport=2))))
    assert (four[IP].src, four[IP].dst, four[ICMP].type) == (ROUTER4, FOUR, 11)
    error = IPv6(src=SIX, dst=BEHIND, hlim=1) / ICMPv6DestUnreach() / IPv6(src=BEHIND, dst=SIX) / UDP()
    assert translator.translate(bytes(error)) == []


def test_too_big_for_the_other_side(translator: Translator) -> None:
    """What does not fit is answered with the MTU that fits, in the terms of the sender's family."""
    large = bytes(IP(src=FOUR, dst=MAPPED, flags="DF") / UDP(sport=1, dport=2) / bytes(1470))
    needed = only(translator.translate(large))
    assert (needed[ICMP].type, needed[ICMP].code, needed[ICMP].nexthopmtu) == (3, 4, 1480)
    narrow = Translator(translator.addresses, {4: b"\1\1\1\1", 6: bytes(15) + b"\2"}, {4: 1400, 6: 1500})
    too_big = only(narrow.translate(bytes(IPv6(src=SIX, dst=BEHIND) / UDP(sport=1, dport=2) / bytes(1400))))
    assert too_big[ICMPv6PacketTooBig].mtu == 1420


def test_ipv4_packets_that_may_be_fragmented(translator: Translator) -> None:
    """Without DF a packet that is larger than 1280 bytes in IPv6 is sent in fragments, which hold all of it."""
    data = bytes(range(256)) * 5
    packet = IP(src=FOUR, dst=MAPPED, id=77) / UDP(sport=1, dport=2) / data
    pieces = [IPv6(one) for one in translator.translate(bytes(packet))]
    assert [len(piece) <= 1280 for piece in pieces] == [True, True]
    assert {piece[IPv6ExtHdrFragment].id for piece in pieces} == {77}
    assert [piece[IPv6ExtHdrFragment].m for piece in pieces] == [1, 0]
    whole = b"".join(bytes(piece[IPv6ExtHdrFragment].payload) for piece in pieces)
    assert whole[8:] == data
    assert UDP(whole).len == len(data) + 8


def test_fragments_stay_fragments(translator: Translator) -> None:
    """Offset, identification and the flag of further fragments are kept in both directions."""
    six = IPv6(src=SIX, dst=BEHIND) / IPv6ExtHdrFragment(offset=9, m=1, id=0x12345, nh=17) / bytes(16)
    four = only(translator.translate(bytes(six)))[IP]
    assert (four.frag, int(four.flags), four.id, bytes(four.payload)) == (9, 1, 0x2345, bytes(16))
    back = only(translator.translate(bytes(IP(src=FOUR, dst=MAPPED, frag=9, flags="MF", id=5, proto=17) / bytes(16))))
    header = back[IPv6ExtHdrFragment]
    assert (header.offset, header.m, header.id, bytes(header.payload)) == (9, 1, 5, bytes(16))


@pytest.mark.parametrize("size", [8, 1400])
def test_a_fragment_that_is_alone(translator: Translator, size: int) -> None:
    """A fragment header without other fragments (RFC 6946) gives the identification, and routers may fragment it."""
    packet = IPv6(src=SIX, dst=BEHIND) / IPv6ExtHdrFragment(id=0x12345) / UDP(sport=1, dport=2) / bytes(size)
    found = only(translator.translate(bytes(packet)))[IP]
    assert (found.id, int(found.flags), found.frag, len(found[UDP].payload)) == (0x2345, 0, 0, size)


def test_small_packets_may_be_fragmented_later(translator: Translator) -> None:
    """DF is set on IPv4 packets of more than 1260 bytes only (RFC 7915 §5.1)."""
    for size, flags in ((1232, 0), (1233, 2)):
        packet = bytes(IPv6(src=SIX, dst=BEHIND) / UDP(sport=1, dport=2) / bytes(size))
        assert int(only(translator.translate(packet))[IP].flags) == flags


ERRORS_TO_IPV6 = [
    ((3, 0, 0), (1, 0)),
    ((3, 1, 0), (1, 0)),
    ((3, 2, 0), (4, 1)),
    ((3, 3, 0), (1, 4)),
    ((3, 4, 1400), (2, 0)),
    ((3, 10, 0), (1, 1)),
    ((3, 13, 0), (1, 1)),
    ((3, 14, 0), None),
    ((11, 0, 0), (3, 0)),
    ((5, 0, 0), None),
    ((13, 0, 0), None),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS_TO_IPV6)
def test_errors_to_ipv6(translator: Translator, error: tuple[int, int, int], expected: tuple[int, int] | None) -> None:
    """An ICMP error becomes one of ICMPv6, which quotes the packet as its sender sent it, or nothing."""
    kind, code, mtu = error
    quoted = IP(src=MAPPED, dst=FOUR, flags="DF") / TCP(sport=4000, dport=80, seq=99)
    data = bytes(IP(src=ROUTER4, dst=MAPPED) / ICMP(type=kind, code=code, nexthopmtu=mtu) / quoted)
    made = translator.translate(data)
    if expected is None:
        assert made == []
        return
    (packet,) = made
    found = IPv6(packet)
    assert (packet[40], packet[41]) == expected
    assert found.dst == SIX
    inner = IPv6(packet[48:])
    assert (inner.src, inner.dst, inner[TCP].sport, inner[TCP].seq) == (SIX, BEHIND, 4000, 99)
    if expected == (2, 0):
        assert found[ICMPv6PacketTooBig].mtu == 1420
    sum_ = inner[TCP].chksum
    inner[TCP].delfieldval("chksum")
    assert IPv6(bytes(inner))[TCP].chksum == sum_, "the quoted checksum is the one that was sent"


ERRORS_TO_IPV4 = [
    (ICMPv6DestUnreach(code=0), (3, 1)),
    (ICMPv6DestUnreach(code=1), (3, 10)),
    (ICMPv6DestUnreach(code=4), (3, 3)),
    (ICMPv6PacketTooBig(mtu=1400), (3, 4)),
    (ICMPv6TimeExceeded(code=0), (11, 0)),
    (ICMPv6ParamProblem(code=1, ptr=6), (3, 2)),
    (ICMPv6ParamProblem(code=0, ptr=7), (12, 0)),
    (ICMPv6ParamProblem(code=2, ptr=7), None),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS_TO_IPV4)
def test_errors_to_ipv4(translator: Translator, error: Packet, expected: tuple[int, int] | None) -> None:
    """An ICMPv6 error becomes one of ICMP; that of a router without IPv4 address comes from the translator."""
    data = bytes(IPv6(src="2001:db8:9::9", dst=BEHIND) / error / IPv6(src=BEHIND, dst=SIX) / UDP(sport=5, dport=6))
    made = translator.translate(data)
    if expected is None:
        assert made == []
        return
    found = only(made)
    assert (found[ICMP].type, found[ICMP].code) == expected
    assert (found[IP].src, found[IP].dst) == (ROUTER4, FOUR)
    inner = IP(bytes(found)[28:])
    assert (inner.src, inner.dst, inner[UDP].sport, inner[UDP].dport) == (FOUR, MAPPED, 5, 6)
    if expected == (3, 4):
        assert found[ICMP].nexthopmtu == 1380


def test_a_quoted_echo(translator: Translator) -> None:
    """An echo in an ICMP error has the type and the checksum with which it was sent, in both directions."""
    six = IPv6(src=BEHIND, dst=SIX) / ICMPv6EchoRequest(id=3, seq=4, data=b"ping")
    (to_ipv4,) = translator.translate(bytes(IPv6(src=SIX, dst=BEHIND) / ICMPv6DestUnreach() / six))
    four = IP(src=FOUR, dst=MAPPED) / ICMP(type=8, id=3, seq=4) / b"ping"
    assert to_ipv4[48:] == bytes(four)[20:]
    four = IP(src=MAPPED, dst=FOUR) / ICMP(type=8, id=3, seq=4) / b"ping"
    (to_ipv6,) = translator.translate(bytes(IP(src=FOUR, dst=MAPPED) / ICMP(type=3, code=1) / four))
    six = IPv6(src=SIX, dst=BEHIND) / ICMPv6EchoRequest(id=3, seq=4, data=b"ping")
    assert to_ipv6[88:] == bytes(six)[40:]
    (cut,) = translator.translate(bytes(IP(src=FOUR, dst=MAPPED) / ICMP(type=3, code=1) / Raw(bytes(four)[:22])))
    assert cut[88:] == b"\x80\0"


def test_extension_headers_are_left_out(translator: Translator) -> None:
    """IPv6 options do not exist in IPv4: the packet is translated without them."""
    packet = IPv6(src=SIX, dst=BEHIND) / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / b"x"
    found = only(translator.translate(bytes(packet)))
    assert (found[IP].proto, bytes(found[Raw])) == (17, b"x")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x45" + bytes(10),
        bytes(IPv6(src="fe80::1", dst=BEHIND) / UDP()),
        bytes(IPv6(src="::1", dst=BEHIND) / UDP()),
        bytes(IPv6(src="::", dst=BEHIND) / UDP()),
        bytes(IP(src="127.0.0.1", dst=MAPPED) / UDP()),
        bytes(IP(src="0.0.0.0", dst=MAPPED) / UDP()),
        bytes(IPv6(src=SIX, dst="ff02::1") / UDP()),
        bytes(IPv6(src=SIX, dst="2001:db8:7::7") / UDP()),
        bytes(IP(src="224.0.0.1", dst=MAPPED) / UDP()),
        bytes(IPv6(src=SIX, dst=BEHIND) / UDP() / b"cut off")[:-3],
        bytes(IPv6(src=SIX, dst=BEHIND, nh=0)) + b"\x11",
    ],
    ids=[
        *("empty", "short", "link-local", "IPv6 loopback", "unspecified", "loopback", "IPv4 unspecified", "multicast"),
        *("not behind the prefix", "IPv4 multicast", "cut", "cut options"),
    ],
)
def test_what_is_not_translated(translator: Translator, packet: bytes) -> None:
    """Packets that no translator takes are dropped and counted."""
    assert translator.translate(packet) == []
    assert translator.counts["dropped"] == 1
