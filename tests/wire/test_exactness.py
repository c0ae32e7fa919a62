"""What the coarser tests would miss: bytes that are sent, fields that are read, texts that are written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRSOA
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Ether

from dualstack.checksum import internet_checksum
from dualstack.families import BOTH, Family
from dualstack.transport import Transport
from dualstack.wire import expect
from dualstack.wire.attempts import Attempt, Fate
from dualstack.wire.dissect import Dns, details
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import describe, flag_names, format_lines
from dualstack.wire.frames import parse
from dualstack.wire.pcap import HEADER, RECORD
from dualstack.wire.template import Template
from dualstack.wire.witness import UNUSED_MAC, witnesses
from dualstack.wire.witness import frame as witness
from tests.wire.packets import read_frames

MakeCapture = Callable[..., CaptureData]

MAC = "02:00:5e:10:00:01"
S4, C4, S6, C6 = "198.51.100.1", "198.51.100.33", "2001:db8::1", "2001:db8::33"
LINK = Ether(src=MAC, dst="02:00:5e:10:00:02")
FOUR, SIX = LINK / IP(src=C4, dst=S4), LINK / IPv6(src=C6, dst=S6)
HELLO = TCP(sport=40000, dport=8080, flags="S", seq=7)
BACK4 = Ether(src="02:00:5e:10:00:02", dst=MAC) / IP(src=S4, dst=C4)


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_every_byte_of_a_witness() -> None:
    """Witnesses are as an independent implementation makes them: addresses, ports, hop limit, flags and checksums."""
    source = bytes.fromhex(MAC.replace(":", ""))
    ethernet = Ether(src=source, dst=UNUSED_MAC)
    ends = {
        Family.IPV4: IP(src="192.0.2.253", dst="192.0.2.254", ttl=1, flags="DF", id=0),
        Family.IPV6: IPv6(src="2001:db8:ffff:ffff::253", dst="2001:db8:ffff:ffff::254", hlim=1),
    }
    for nonce in ("feedbeef", "odd"):
        for family, frame in witnesses(source, "start", nonce).items():
            payload = f"dualstack-witness {family.value} start {nonce}"
            assert frame == bytes(ethernet / ends[family] / UDP(sport=9, dport=9) / payload)


@pytest.mark.parametrize("family", BOTH)
def test_a_sum_of_zero_is_written_as_ones(family: Family) -> None:
    """RFC 768: zero means that there is no checksum, so a sum of zero is sent as all ones."""
    source = bytes.fromhex(MAC.replace(":", ""))
    plain = witness(family, source, b"\0\0")
    missing = plain[-4:-2]
    assert missing != b"\0\0"
    assert witness(family, source, missing)[-4:] == b"\xff\xff" + missing


def test_every_family_has_a_witness() -> None:
    """One frame for each family."""
    assert list(witnesses(bytes(6), "stop", "1")) == list(BOTH)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", 0xFFFF), (b"\xff\xff", 0), (b"\x01", 0xFEFF), (b"\xff\xff\x00\x01", 0xFFFE), (b"\x80\x00\x80\x00", 0xFFFE)],
)
def test_the_internet_checksum(data: bytes, expected: int) -> None:
    """RFC 1071: the sum's carries are added, odd data is padded with zero, the complement is taken."""
    assert internet_checksum(data) == expected


# --- what is read -----------------------------------------------------------------------------------------------------


def test_every_field_of_an_attempt(make_capture: MakeCapture) -> None:
    """An attempt has who tried what when, and the frames that say so."""
    back = BACK4 / TCP(sport=8080, dport=40000, flags="RA", ack=8)
    wire = make_capture((0, SIX / HELLO), (1, FOUR / HELLO), (2, FOUR / HELLO), (2.5, back))
    _, found = expect.attempts(wire, 8080)
    start = wire.frames[0].time
    assert found == Attempt(
        family=Family.IPV4,
        transport=Transport.TCP,
        src=C4,
        sport=40000,
        dst=S4,
        dport=8080,
        isn=7,
        times=(start + 1, start + 2),
        fate=Fate.REFUSED,
        after=0.5,
        error="",
        frames=tuple(frame.number for frame in wire.frames[1:]),
        decided=start + 2.5,
    )
    assert str(found) == "198.51.100.33:40000 → 198.51.100.1:8080 (2 times): refused after 500.00 ms"


def test_every_frame_has_its_number_time_and_size(tmp_path: Path) -> None:
    """Frames are numbered from 1; the size of a segmented packet is that on the wire, of which the file has a part."""
    whole = bytes(SIX / HELLO)
    segmented = whole[:18] + b"\0\0" + whole[20:]
    path = tmp_path / "x.pcap"
    records = (RECORD.pack(second, 5 * 10**8, len(data), 9000) + data for second, data in enumerate((whole, segmented)))
    path.write_bytes(HEADER + b"".join(records))
    found = [(one.number, one.time, one.length) for one in read_frames(path)]
    assert found == [(1, 0.5, len(whole) - 14), (2, 1.5, 9000 - 14)]


def test_a_cut_arp_message_has_no_addresses() -> None:
    """Of an ARP message that ends too early it is known that it is one."""
    message = bytes(LINK / ARP(psrc=S4, pdst=C4))
    whole, cut = parse(message[:42]), parse(message[:41])
    assert (whole.src, whole.dst, whole.noise) == (S4, C4, "ARP")
    assert (cut.src, cut.dst, cut.noise) == ("", "", "ARP")


def test_both_filters_count(make_capture: MakeCapture) -> None:
    """Attempts are those of the family and of the address, not of either."""
    other = LINK / IP(src=C4, dst="198.51.100.2") / HELLO
    wire = make_capture((0, SIX / HELLO), (1, FOUR / HELLO), (2, other))
    assert [one.dst for one in expect.attempts(wire, 8080, family=Family.IPV4, address=S4)] == [S4]
    assert [one.dst for one in expect.attempts(wire, 8080, family=Family.IPV4)] == [S4, "198.51.100.2"]


def test_an_error_about_another_flow_is_not_ours(make_capture: MakeCapture) -> None:
    """An ICMP error decides the fate of what it quotes: same transport, same ports."""
    request = FOUR / UDP(sport=40000, dport=8081) / b"ping"
    for quoted in (TCP(sport=40000, dport=8081), UDP(sport=40000, dport=9)):
        error = BACK4 / ICMP(type=3, code=3) / IP(src=C4, dst=S4) / quoted
        (attempt,) = expect.attempts(make_capture((0, request), (1, error)), 8081, Transport.UDP)
        assert attempt.fate is Fate.UNANSWERED


def test_every_field_of_a_dns_message(make_capture: MakeCapture) -> None:
    """Questions and answers have both ends, the identifier, the name, types known and unknown, and data as text."""
    query = DNS(id=5, qd=[DNSQR(qname=b"Www.L\xfc.test", qtype=65280)], an=[DNSRR(rrname="x", type="A", rdata=S4)])
    records = [DNSRR(rrname="x", type="TXT", rdata=b"caf\xe9"), DNSRR(rrname="x", type="A", rdata=S4)]
    answer = DNS(id=6, qr=1, rcode=3, qd=[DNSQR(qname="www.lab.test", qtype="MX")], an=records[1:])
    out, back = SIX / UDP(sport=40000, dport=53), BACK4 / UDP(sport=53, dport=40000)
    wire = make_capture((0, out / query), (1, back / answer))
    start = wire.frames[0].time
    (asked,), (told,) = expect.dns_queries(wire), expect.dns_answers(wire)
    assert asked == Dns(start, Family.IPV6, "udp", C6, S6, 5, "www.l\\xfc.test", "65280", 0, ())
    assert told == Dns(start + 1, Family.IPV4, "udp", S4, C4, 6, "www.lab.test", "MX", 3, (S4,))


def test_a_message_says_whether_it_is_truncated(make_capture: MakeCapture) -> None:
    """The TC bit of an answer is kept."""
    messages = [DNS(id=6, qr=1, tc=tc, qd=[DNSQR(qname="b.lab.test", qtype="A")]) for tc in (0, 1)]
    wire = make_capture(*((at, BACK4 / UDP(sport=53, dport=40000) / message) for at, message in enumerate(messages)))
    assert [told.truncated for told in expect.dns_answers(wire)] == [False, True]


def test_what_a_response_holds_is_text(make_capture: MakeCapture) -> None:
    """Names in the data of a record are text whatever their bytes; a record without data of one kind is empty text."""
    records = [DNSRR(rrname="x", type="CNAME", rdata=b"caf\xe9.lab.test."), DNSRRSOA(rrname="x")]
    response = DNS(id=6, qr=1, qd=[DNSQR(qname="b.lab.test", qtype="A")], an=records)
    (told,) = expect.dns_answers(make_capture((0, BACK4 / UDP(sport=53, dport=40000) / response)))
    assert told.answers == ("caf\\xe9.lab.test.", "")


def test_a_question_has_no_outcome(make_capture: MakeCapture) -> None:
    """The code of a query says nothing; its name is without the last dot, and keeps every letter."""
    query = DNS(id=5, rcode=3, qd=[DNSQR(qname="wWw.PREFIX", qtype="A")])
    (asked,) = expect.dns_queries(make_capture((0, FOUR / UDP(sport=40000, dport=53) / query)))
    assert (asked.name, asked.rcode) == ("www.prefix", 0)


def test_no_bytes_are_no_question(make_capture: MakeCapture) -> None:
    """An empty datagram to a name server, which scapy would read as its preferred_source question, asks nothing."""
    assert expect.dns_queries(make_capture((0, FOUR / UDP(sport=40000, dport=53)))) == ()


@pytest.mark.parametrize("claimed", [0, 200])
def test_dns_over_tcp_is_whole_or_nothing(make_capture: MakeCapture, claimed: int) -> None:
    """A message over TCP that is empty, or not all there, is none."""
    message = bytes(DNS(id=7, qd=DNSQR(qname="b.lab.test", qtype="A")))
    segment = TCP(sport=40000, dport=53, flags="PA") / (claimed.to_bytes(2, "big") + message)
    assert expect.dns_queries(make_capture((0, FOUR / segment))) == ()


def test_too_big_has_its_time_and_ends(make_capture: MakeCapture) -> None:
    """A report that a packet was too big has a time, a source and a destination."""
    wire = make_capture((3, BACK4 / ICMP(type=3, code=4, nexthopmtu=1400) / FOUR[IP] / HELLO))
    (found,) = expect.packets_too_big(wire)
    assert (found.time, found.src, found.dst) == (wire.frames[0].time, S4, C4)


def test_ipv4_checksums_are_known_too(make_capture: MakeCapture) -> None:
    """The pseudo-header is that of the datagram's own family."""
    good = FOUR / UDP(sport=1, dport=2) / b"x"
    bad = FOUR / UDP(sport=1, dport=2, chksum=7) / b"x"
    wire = make_capture((0, good), (1, bad))
    from dualstack.wire.dissect import Checksum, udp_checksums  # noqa: PLC0415 - loads scapy when it is called

    assert list(udp_checksums(wire.path, wire.frames).values()) == [Checksum.VALID, Checksum.WRONG]
    assert len(details(wire.path, wire.frames)) == 2


# --- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (FOUR / HELLO, "TCP SYN"),
        (FOUR / TCP(flags=0), "TCP no flags"),
        (FOUR / TCP(flags="PA") / b"x", "TCP PSH ACK, 1 byte"),
        (FOUR / TCP(flags="PA") / b"xx", "TCP PSH ACK, 2 bytes"),
        (LINK / IP(src=C4, dst=S4, flags="MF") / TCP(flags="A") / b"xx", "TCP ACK, 2 bytes, a fragment"),
        (LINK / IP(src=C4, dst=S4, flags="MF") / UDP() / b"xx", "UDP, 2 bytes, a fragment"),
        (FOUR / ICMP(type=3, code=4, nexthopmtu=1400) / FOUR[IP] / HELLO, "ICMP fragmentation needed, MTU 1400, about"),
        (FOUR / ICMP(type=11, code=9) / FOUR[IP] / HELLO, "ICMP type 11 code 9, about"),
        (FOUR / ICMP(), "ICMP echo request"),
        (FOUR / UDP(), "UDP"),
    ],
)
def test_a_packet_in_words(make_capture: MakeCapture, packet: Any, words: str) -> None:
    """The story names protocol, flags, size, fragment, ICMP error and what that is about."""
    said = describe(make_capture((0, packet)).frames[0])
    assert said.startswith(words) if words.endswith(", about") else said == words, said


def test_port_0_is_a_port(make_capture: MakeCapture) -> None:
    """A packet with one port only shows both."""
    (said,) = format_lines(make_capture((0, FOUR / TCP(sport=0, dport=8080))).frames)
    assert f"{C4}:0 → {S4}:8080" in said


def test_flags_have_names() -> None:
    """Every flag has its name; no flags have a text, too."""
    assert (flag_names(0), flag_names(0x12), flag_names(0x11)) == ("no flags", "SYN ACK", "FIN ACK")


def test_long_stories_leave_out_the_middle(make_capture: MakeCapture) -> None:
    """All lines have their time from the first one, and one of them says how many packets are left out."""
    frames = make_capture(*((at, FOUR / TCP(sport=at, flags="S")) for at in range(14))).frames
    for number in range(1, 14):
        written = format_lines(frames[:number], most=10)
        shown = [line for line in written if "TCP SYN" in line]
        said = [line for line in written if line not in shown]
        assert written[0].startswith("+0.000 ms")
        assert len(shown) == min(number, 10)
        assert len(said) == (number > 10)
        assert all(str(number - 10) in line for line in said)


def test_differences_are_named(make_capture: MakeCapture) -> None:
    """A template says which fields are different, and with which values."""
    (frame,) = make_capture((0, FOUR / TCP(sport=1, dport=2, flags="PA") / b"xx")).frames
    wanted = Template(family=Family.IPV6, dport=3, flags=0x02, without=0x10, payload=False)
    assert wanted.differences(frame) == {
        "family": Family.IPV4,
        "dport": 2,
        "flags": 0x18,
        "without": 0x18,
        "payload": 2,
    }
    assert Template(flags=0x18, without=0x02, payload=True).matches(frame)


def test_fragments_have_no_checksum_of_their_own(make_capture: MakeCapture) -> None:
    """The checksum of a datagram in fragments is not judged, and TCP on the same port is none of its business."""
    fragment = LINK / IPv6(src=C6, dst=S6) / IPv6ExtHdrFragment(m=1, nh=17) / UDP(sport=8081, dport=1, chksum=1)
    whole = SIX / UDP(sport=8081, dport=1) / b"x"
    other = SIX / UDP(sport=9, dport=1, chksum=1) / b"x"
    old = FOUR / UDP(sport=8081, dport=1, chksum=1) / b"x"
    finding = expect.udp6_checksum(
        make_capture((0, fragment), (1, whole), (2, other), (3, old), (4, SIX / TCP(sport=8081, dport=1))), 8081
    )
    assert (finding.ok, finding.happened) == (True, "1 datagram has one")
