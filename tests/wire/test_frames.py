"""Classification: every kind of header, and files that are not as they should be."""

import struct
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from scapy.layers.dhcp6 import DHCP6_Solicit
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.igmp import IGMP
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import PcapWriter, rdpcap

from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.wire.counts import classify
from dualstack.wire.frames import Frame, parse
from dualstack.wire.witness import MARK, frame, witnesses
from tests.wire.packets import read_frames

if TYPE_CHECKING:
    from dualstack.wire.evidence import CaptureData

MAC = "02:00:5e:10:00:01"
FOUR: Any = partial(IP, src="198.51.100.33", dst="198.51.100.1")
SIX: Any = partial(IPv6, src="2001:db8::33", dst="2001:db8::1")
LINK: Any = partial(Ether, src=MAC, dst="02:00:5e:10:00:02")
SYN: Any = partial(TCP, sport=40112, dport=8080, flags="S", seq=7)

NOISY: list[tuple[Any, str]] = [
    (LINK() / ARP(psrc="198.51.100.1", pdst="198.51.100.33"), "ARP"),
    (LINK() / SIX() / ICMPv6ND_NS(), "ND"),
    (LINK() / SIX() / ICMPv6ND_NA(), "ND"),
    (LINK() / SIX() / ICMPv6ND_RS(), "RS/RA"),
    (LINK() / SIX() / ICMPv6ND_RA(), "RS/RA"),
    (LINK() / SIX() / IPv6ExtHdrHopByHop() / ICMPv6MLReport2(), "MLD"),
    (LINK() / SIX() / UDP(sport=5353, dport=5353) / DNS(qd=DNSQR(qname="a.local")), "mDNS"),
    (LINK() / FOUR() / UDP(sport=5353, dport=5353) / DNS(qd=DNSQR(qname="a.local")), "mDNS"),
    (LINK() / SIX() / UDP(sport=546, dport=547) / DHCP6_Solicit(), "DHCPv6"),
    (LINK() / FOUR(options=[IPOption_Router_Alert()]) / IGMP(type=0x16), "IGMP"),
]

PLAIN: list[tuple[Any, tuple[Family | None, str]]] = [
    (LINK() / FOUR() / SYN(), (Family.IPV4, "tcp")),
    (LINK() / SIX() / SYN(), (Family.IPV6, "tcp")),
    (LINK() / FOUR() / UDP(sport=4, dport=5) / b"xy", (Family.IPV4, "udp")),
    (LINK() / SIX() / UDP(sport=4, dport=5) / b"xy", (Family.IPV6, "udp")),
    (LINK() / FOUR() / ICMP() / b"xy", (Family.IPV4, "icmp")),
    (LINK() / SIX() / ICMPv6EchoRequest(), (Family.IPV6, "icmpv6")),
    (LINK() / SIX() / ICMPv6DestUnreach(code=4) / SIX() / SYN(), (Family.IPV6, "icmpv6")),
    (LINK() / Dot1Q(vlan=3) / FOUR() / SYN(), (Family.IPV4, "tcp")),
    (LINK() / Dot1Q(vlan=3) / Dot1Q(vlan=4) / SIX() / SYN(), (Family.IPV6, "tcp")),
    (LINK() / FOUR(options=[IPOption_Router_Alert()]) / SYN(), (Family.IPV4, "tcp")),
    (LINK() / FOUR(flags="MF") / UDP(sport=4, dport=5) / b"xyzxyzxy", (Family.IPV4, "udp")),
    (LINK() / FOUR(frag=3, proto=17) / Raw(struct.pack("!HH", 5353, 5353) + b"abcd"), (Family.IPV4, "udp")),
    (LINK() / SIX() / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt() / SYN(), (Family.IPV6, "tcp")),
    (LINK() / SIX() / IPv6ExtHdrFragment(m=1) / SYN(), (Family.IPV6, "tcp")),
    (LINK() / SIX() / IPv6ExtHdrFragment(offset=9, nh=6) / Raw(b"x" * 40), (Family.IPV6, "tcp")),
    (LINK() / SIX() / AH(nh=6, payloadlen=4, icv=b"x" * 12) / SYN(), (Family.IPV6, "tcp")),
    (LINK() / FOUR(proto=41) / SIX() / SYN(), (Family.IPV4, "other")),
    (LINK() / FOUR(proto=99) / Raw(b"what"), (Family.IPV4, "other")),
    (LINK() / SIX(nh=59), (Family.IPV6, "other")),
    (LINK(type=0x88CC) / Raw(b"lldp"), (None, "other")),
]

Saver = Callable[[list[Any]], Path]


@pytest.fixture
def save(tmp_path: Path) -> Saver:
    """Return a function that writes packets to a file."""

    def write(packets: list[Any]) -> Path:
        path = tmp_path / "saved.pcap"
        with PcapWriter(str(path), linktype=1) as file:
            for packet in packets:
                file.write(packet)
        return path

    return write


def of(packet: Any) -> Frame:
    """Return what the headers of a packet say."""
    return parse(bytes(packet))


@pytest.mark.parametrize(("packet", "noise"), NOISY, ids=lambda value: value if isinstance(value, str) else "")
def test_noise_has_a_name(packet: Any, noise: str) -> None:
    """What a network says by itself is named."""
    assert of(packet).noise == noise


@pytest.mark.parametrize(("packet", "expected"), PLAIN, ids=[packet.summary() for packet, _ in PLAIN])
def test_kind_by_headers(packet: Any, expected: tuple[Family | None, str]) -> None:
    """Family is that of the outer header, kind that of the transport behind all options and extension headers."""
    seen = of(packet)
    assert (seen.family, seen.kind, seen.noise) == (*expected, "")


@pytest.mark.parametrize("packet", [packet for packet, _ in PLAIN if TCP in packet and ICMPv6DestUnreach not in packet])
def test_fields_of_a_segment(packet: Any) -> None:
    """Ports, flags, sequence number and size are found wherever the header begins."""
    seen = of(packet)
    seen = seen.inner or seen
    assert (seen.sport, seen.dport, seen.flags, seen.seq, seen.size) == (40112, 8080, 2, 7, 0)
    assert seen.src in {"198.51.100.33", "2001:db8::33"}
    assert seen.outgoing_mac == MAC


def test_padding_is_no_payload() -> None:
    """A frame that Ethernet padded to 60 bytes carries what its IP header says."""
    assert of(Ether(bytes(LINK() / FOUR() / UDP(sport=4, dport=5) / b"ab") + b"\0" * 30)).size == 2


def test_later_fragment_has_no_ports() -> None:
    """What is at the place of the ports in a later fragment is payload."""
    seen = of(PLAIN[11][0])
    assert (seen.sport, seen.dport, seen.fragment) == (0, 0, True)


def test_tunnelled_packet_is_inside() -> None:
    """A 6in4 packet is IPv4; the IPv6 packet that it carries is its inner one."""
    seen = of(LINK() / FOUR(proto=41) / SIX() / SYN())
    assert seen.family is Family.IPV4
    assert seen.inner is not None
    assert (seen.inner.family, seen.inner.src, seen.inner.dport) == (Family.IPV6, "2001:db8::33", 8080)


def test_endless_nesting_ends() -> None:
    """Tunnels in tunnels in tunnels are followed only so far."""
    packet = LINK()
    for _ in range(50):
        packet /= FOUR(proto=4)
    depth, seen = 0, of(packet)
    while seen.inner is not None:
        depth, seen = depth + 1, seen.inner
    assert depth < 10


@pytest.mark.parametrize(
    ("packet", "mtu"),
    [
        (LINK() / SIX() / ICMPv6PacketTooBig(mtu=1280) / SIX() / SYN(), 1280),
        (LINK() / FOUR() / ICMP(type=3, code=4, nexthopmtu=1400) / FOUR() / SYN(), 1400),
        (LINK() / FOUR() / ICMP(type=3, code=3) / FOUR() / SYN(), 0),
    ],
)
def test_icmp_errors_quote(packet: Any, mtu: int) -> None:
    """An ICMP error shows the packet that it is about, and the MTU if it is about that."""
    message = of(packet).icmp
    assert message is not None
    assert message.quoted is not None
    assert (message.quoted.kind, message.quoted.sport, message.quoted.dport, message.quoted.seq) == (
        "tcp",
        40112,
        8080,
        7,
    )
    assert message.mtu == mtu


def test_witness_is_recognised_and_valid() -> None:
    """A witness has valid checksums and is recognised by its text; the same text elsewhere is none."""
    for family, data in witnesses(bytes.fromhex(MAC.replace(":", "")), "start", "abc").items():
        rebuilt = Ether(data)
        assert parse(data).witness == f"dualstack-witness {family.value} start abc"
        del rebuilt[UDP].chksum
        if family is Family.IPV4:
            del rebuilt[IP].chksum
        assert bytes(rebuilt) == data
    assert not of(LINK() / FOUR() / UDP(dport=8080) / MARK).witness


def test_every_prefix_of_a_frame_is_bearable() -> None:
    """A frame cut off anywhere gives a frame with fewer facts, never an error, and counting agrees."""
    for packet in [packet for packet, _ in [*NOISY, *PLAIN]]:
        data = bytes(packet)
        for end in range(len(data)):
            assert parse(data[:end]).number == 1


def test_counting_equals_parsing_on_cut_frames(save: Saver) -> None:
    """The fast path and the careful one agree on frames of any length, also where fields are beyond their end."""
    cut = [
        Raw(bytes(packet)[:end])
        for packet, _ in [*NOISY, *PLAIN]
        for end in (0, 1, 12, 13, 14, 20, 33, 34, 38, 41, 42, 54, 61, 62, 63)
    ]
    path = save([*cut, *cut[::-1]])
    assert classify(path).by_key == keys(path)


def test_next_record_is_not_part_of_a_short_frame(tmp_path: Path) -> None:
    """The two bytes of an EtherType that begins in a frame of 13 bytes and would end in the next record are none."""
    path = tmp_path / "short.pcap"
    record = struct.pack("<IIII", 6, 2, 13, 13) + b"\0" * 12 + b"\x08"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) + record * 20)
    assert classify(path).by_key == keys(path) == {(None, "other", ""): 20}


def keys(path: Path) -> dict[Any, int]:
    """Count the frames of a file by family, kind and noise, the careful way."""
    return dict(
        Counter((one.family, one.kind, "witness" if one.witness else one.noise) for one in read_frames(path)),
    )


def scapy_key(packet: Any) -> tuple[Family | None, str]:
    """Return family and kind as scapy sees them, for packets without tunnels and later fragments."""
    if ARP in packet:
        return Family.IPV4, "arp"
    if IP not in packet and IPv6 not in packet:
        return None, "other"
    family = Family.IPV6 if IPv6 in packet else Family.IPV4
    kinds = {"TCP": "tcp", "UDP": "udp", "ICMP": "icmp"}
    for layer in packet.layers():
        name = layer.__name__
        if name in kinds:
            return family, kinds[name]
        if name.startswith(("ICMPv6", "MLD")):
            return family, "icmpv6"
    return family, "other"


@pytest.mark.parametrize("seed", range(5))
def test_classification_equals_scapys(save: Saver, seed: int) -> None:
    """On mixed files of any order both of our ways and scapy's dissection agree on every frame.

    Left out is what scapy leaves undissected: packets behind an authentication header, and fragments.
    """
    random = Random(seed)  # noqa: S311 - no secret
    simple = [packet for packet, _ in [*NOISY, *PLAIN] if IPv6 not in packet or IP not in packet]
    simple = [
        one for one in simple if IPv6ExtHdrFragment not in one and AH not in one and not (IP in one and one[IP].frag)
    ]
    packets = [random.choice(simple) / Raw(random.randbytes(random.randrange(90))) for _ in range(400)]
    path = save(packets)
    theirs = Counter(scapy_key(packet) for packet in rdpcap(str(path)))
    ours = Counter((one.family, one.kind) for one in read_frames(path))
    assert ours == theirs
    assert classify(path).by_key == keys(path)
    assert classify(path).total == 400


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_every_kind_of_pcap(tmp_path: Path, order: str, *, nanoseconds: bool) -> None:
    """Both byte orders and both resolutions are read, by both ways."""
    path = tmp_path / "x.pcap"
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for packet, _ in [*NOISY, *PLAIN] * 3:
        raw = bytes(packet)
        data += struct.pack(order + "IIII", 1_700_000_000, 250_000, len(raw), len(raw)) + raw
    path.write_bytes(data)
    times = {round(one.time - 1_700_000_000, 6) for one in read_frames(path)}
    assert times == {0.00025 if nanoseconds else 0.25}
    assert classify(path).by_key == keys(path)
    assert classify(path).total == 3 * len([*NOISY, *PLAIN])


def test_scapys_swapped_file(save: Saver, tmp_path: Path) -> None:
    """A file of the other byte order that scapy wrote is read as well."""
    path = tmp_path / "big.pcap"
    with PcapWriter(str(path), linktype=1, endianness=">", nano=True) as file:
        file.write(PLAIN[0][0])
    assert [one.kind for one in read_frames(path)] == ["tcp"]


def test_counts_are_told_apart(save: Saver) -> None:
    """Counts name their noise, and give totals by family and kind."""
    counts = classify(save([packet for packet, _ in [*NOISY, *PLAIN]]))
    assert counts.noise == {"ARP": 1, "ND": 2, "RS/RA": 2, "MLD": 1, "mDNS": 2, "DHCPv6": 1, "IGMP": 1}
    assert counts.of(Family.IPV6, "tcp") == 6
    assert counts.of(None) == 1
    assert counts.total == len(NOISY) + len(PLAIN)


@pytest.mark.parametrize("cut", [1, 15, 16, 17, 20, 50, 60])
def test_truncated_file_keeps_what_was_before(make_capture: "Callable[..., CaptureData]", cut: int) -> None:
    """A file that ends inside a record has all records before it, and says so."""
    packet = LINK() / FOUR() / UDP(sport=4, dport=5) / b"x"
    wire = make_capture((1, packet), (2, packet), (3, packet), witnessed=(), cut=cut)
    lost = 1 if cut < len(bytes(packet)) + 16 else 2
    assert [one.number for one in wire.frames] == list(range(1, 4 - lost))
    assert wire.truncated is (cut != len(bytes(packet)) + 16)
    counts = classify(wire.path)
    assert (counts.total, counts.truncated) == (3 - lost, wire.truncated)


def test_empty_capture_is_no_error(make_capture: "Callable[..., CaptureData]") -> None:
    """A capture without a frame has none, and is whole."""
    wire = make_capture(witnessed=())
    assert (wire.frames, wire.truncated, wire.witnessed) == ((), False, frozenset())
    assert classify(wire.path).total == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no pcap file; it begins with nothing$"),
        (b"\xd4\xc3\xb2\xa1", "no pcap file"),
        (b"\x0a\x0d\x0d\x0a" + b"\0" * 40, "no pcap file; it begins with 0a 0d 0d 0a$"),
        (b"hello, this is a text of some length", "no pcap file; it begins with 68 65 6c 6c$"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 113), "link type 113, not Ethernet"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"\xff" * 16, "damaged: record 1 claims"),
    ],
)
def test_corrupt_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    """A file that is no capture, or is damaged, is an error that names it, whichever way it is read."""
    path = tmp_path / "bad.pcap"
    path.write_bytes(content)
    for read in (lambda: list(read_frames(path)), lambda: classify(path)):
        with pytest.raises(HarnessError, match=rf"bad\.pcap: .*{message}"):
            read()


def test_damage_in_the_middle_is_found(make_capture: "Callable[..., CaptureData]") -> None:
    """A damaged record between good ones is an error with its number, whichever way the file is read."""
    wire = make_capture((1, PLAIN[0][0]), (2, PLAIN[0][0]), witnessed=())
    data = bytearray(wire.path.read_bytes())
    at = 24 + 16 + len(bytes(PLAIN[0][0])) + 8
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    wire.path.write_bytes(data)
    for read in (lambda: list(read_frames(wire.path)), lambda: classify(wire.path)):
        with pytest.raises(HarnessError, match="record 2 claims"):
            read()


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is an error that names it."""
    with pytest.raises(HarnessError, match=r"gone\.pcap: the capture cannot be read: No such file"):
        classify(tmp_path / "gone.pcap")


def test_large_file_is_counted_across_chunks(tmp_path: Path) -> None:
    """Records that lie across the borders of what is read at once are counted once."""
    path = tmp_path / "large.pcap"
    data = frame(Family.IPV6, b"\2\0\0\0\0\1", b"x" * 997).replace(b"\0\x09\0\x09", b"\x1f\x90\x1f\x90")
    record = struct.pack("<IIII", 1, 2, len(data), len(data)) + data
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) + record * 1000)
    assert classify(path).by_key == {(Family.IPV6, "udp", ""): 1000}
