"""The headers of a packet to their last byte: where they may end, how large their numbers may be."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Ether

from dualstack.wire.frames import parse

LINK = Ether(src="02:00:5e:10:00:01", dst="02:00:5e:10:00:02")
S4, C4, S6, C6 = "198.51.100.1", "198.51.100.33", "2001:db8::1", "2001:db8::33"
FOUR, SIX = LINK / IP(src=C4, dst=S4), LINK / IPv6(src=C6, dst=S6)
SYN = TCP(sport=40000, dport=8080, flags="S", seq=0x89ABCDEF)
NETWORK4, NETWORK6 = 14 + 20, 14 + 40


@pytest.mark.parametrize(("packet", "end", "ends"), [(FOUR / SYN, NETWORK4, (C4, S4)), (SIX / SYN, NETWORK6, (C6, S6))])
def test_a_network_header_is_read_if_it_is_whole(packet: Any, end: int, ends: tuple[str, str]) -> None:
    """With its last byte there are addresses, and no ports; without it there is nothing but a family."""
    whole, cut = parse(bytes(packet)[:end]), parse(bytes(packet)[: end - 1])
    assert (whole.kind, whole.src, whole.dst, whole.sport) == ("tcp", *ends, 0)
    assert (cut.kind, cut.src, cut.dst, cut.length) == ("other", "", "", 0)
    assert cut.family is whole.family is not None


@pytest.mark.parametrize(("network", "start"), [(FOUR, NETWORK4), (SIX, NETWORK6)])
@pytest.mark.parametrize(("transport", "least"), [(SYN, 20), (UDP(sport=40000, dport=8080), 8)])
def test_a_transport_header_is_read_if_it_is_whole(network: Any, start: int, transport: Any, least: int) -> None:
    """With its last byte there are ports; without it there are none, and the size is not guessed."""
    data = bytes(network / transport / b"payload")
    whole, cut = parse(data[: start + least]), parse(data[: start + least - 1])
    assert (whole.sport, whole.dport, whole.size) == (40000, 8080, 7)
    assert (cut.sport, cut.dport, cut.size, cut.seq, cut.ack, cut.flags) == (0, 0, 0, 0, 0, 0)
    assert whole.seq == (0x89ABCDEF if least == 20 else 0)


@pytest.mark.parametrize(("network", "start"), [(FOUR, NETWORK4)])
def test_an_icmp_message_is_read_if_it_is_whole(network: Any, start: int) -> None:
    """Eight bytes are enough to know a message, and needed."""
    data = bytes(network / ICMP(type=3, code=4, nexthopmtu=0xFEDC))
    whole, cut = parse(data[: start + 8]).icmp, parse(data[: start + 7]).icmp
    assert whole is not None
    assert (whole.type, whole.code, whole.mtu, whole.quoted) == (3, 4, 0xFEDC, None)
    assert cut is None


@pytest.mark.parametrize("kept", [7, 8, 20])
def test_eight_bytes_of_what_is_quoted_are_enough(kept: int) -> None:
    """RFC 792: an error quotes at least eight bytes of the transport: ports and sequence number, less says neither."""
    data = bytes(FOUR / ICMP(type=3, code=3) / bytes(IP(src=S4, dst=C4) / SYN)[: 20 + kept])
    message = parse(data).icmp
    assert message is not None
    assert message.quoted is not None
    quoted = message.quoted
    known = (40000, 8080, 0x89ABCDEF) if kept >= 8 else (0, 0, 0)
    assert (quoted.src, quoted.dst, quoted.kind, quoted.sport, quoted.dport, quoted.seq) == (S4, C4, "tcp", *known)


def test_lengths_are_those_of_the_packet() -> None:
    """The length of a packet has its network header in it, also where that says more than was kept: up to 65535."""
    assert parse(bytes(FOUR / SYN)).length == 20 + 20
    assert parse(bytes(SIX / SYN)).length == 40 + 20
    four = bytes(LINK / IP(src=C4, dst=S4, len=0xFFFF) / UDP(sport=1, dport=2))
    six = bytes(LINK / IPv6(src=C6, dst=S6, plen=0xFFFF) / UDP(sport=1, dport=2))
    assert (parse(four).length, parse(four).size) == (0xFFFF, 0xFFFF - 20 - 8)
    assert (parse(six).length, parse(six).size) == (40 + 0xFFFF, 0xFFFF - 8)


def test_sizes_leave_out_options() -> None:
    """The options of IPv4 and of TCP are no payload, and a length that is too small says that there is none."""
    segment = TCP(sport=1, dport=2, flags="A", options=[("NOP", None)] * 12)
    assert parse(bytes(FOUR / segment / b"abc")).size == 3
    assert parse(bytes(LINK / IP(src=C4, dst=S4, options=[b"\1" * 4]) / segment / b"abc")).size == 3
    assert parse(bytes(LINK / IP(src=C4, dst=S4, len=39) / segment)).size == 0
    assert parse(bytes(LINK / IP(src=C4, dst=S4, len=27) / UDP(sport=1, dport=2))).size == 0


@pytest.mark.parametrize("number", [0, 43, 60, 135, 139, 140])
def test_every_extension_header_is_stepped_over(number: int) -> None:
    """Each extension header says how long it is in units of eight bytes, beyond the first (RFC 6564 §4)."""
    for more in (0, 2):
        extension = bytes([6, more]) + bytes(6 + 8 * more)
        seen = parse(bytes(LINK / IPv6(src=C6, dst=S6, nh=number) / (extension + bytes(SYN))))
        assert (seen.kind, seen.sport, seen.dport, seen.size, seen.fragment) == ("tcp", 40000, 8080, 0, False)


def test_an_authentication_header_counts_in_words() -> None:
    """Its length is in units of four bytes, beyond the first two (RFC 4302 §2.2)."""
    for words in (1, 4):
        header = bytes([6, words]) + bytes(4 * (words + 2) - 2)
        seen = parse(bytes(LINK / IPv6(src=C6, dst=S6, nh=51) / (header + bytes(SYN))))
        assert (seen.kind, seen.sport, seen.size) == ("tcp", 40000, 0)


def test_a_cut_extension_header_hides_the_transport_only() -> None:
    """Of a packet that was cut inside its extension headers the addresses are known; one that is there is passed."""
    data = bytes(SIX / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / SYN)
    for kept, kind in (
        (NETWORK6 + 7, "other"),
        (NETWORK6 + 8, "other"),
        (NETWORK6 + 15, "other"),
        (NETWORK6 + 16, "tcp"),
    ):
        seen = parse(data[:kept])
        assert (seen.kind, seen.src, seen.dst, seen.sport) == (kind, C6, S6, 0)
        assert seen.length == 40 + 16 + 20


@pytest.mark.parametrize(("offset", "ports"), [(0, (40000, 8080)), (1, (0, 0)), (0x1FFF, (0, 0))])
@pytest.mark.parametrize("more", [0, 1])
def test_fragments_by_every_bit(offset: int, ports: tuple[int, int], more: int) -> None:
    """A fragment is what has an offset or more to come; only the first one has ports; in IPv6 any with the header."""
    four = parse(bytes(LINK / IP(src=C4, dst=S4, proto=6, frag=offset, flags="MF" if more else 0) / bytes(SYN)))
    header = bytes([6, 0]) + (offset << 3 | more).to_bytes(2, "big") + bytes(4)
    six = parse(bytes(LINK / IPv6(src=C6, dst=S6, nh=44) / (header + bytes(SYN))))
    assert four.fragment is bool(offset or more)
    assert six.fragment is True
    for seen in (four, six):
        assert (seen.kind, seen.sport, seen.dport) == ("tcp", *ports)


def test_whatever_is_no_ip_is_other() -> None:
    """A version that is not the EtherType's, or a header that claims to be shorter than any, is no packet."""
    wrong4, wrong6 = bytearray(bytes(FOUR / SYN)), bytearray(bytes(SIX / SYN))
    short = bytearray(wrong4)
    wrong4[14], short[14], wrong6[14] = 0x65, 0x44, 0x40
    for data in (wrong4, short, wrong6):
        seen = parse(bytes(data))
        assert (seen.kind, seen.src, seen.dst, seen.sport, seen.length) == ("other", "", "", 0, 0)
