"""Captures that are cut, damaged or hold what no sender should send: a finding, or a word about what is wrong."""

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6ND_RA, IPv6
from scapy.layers.l2 import ARP, Ether

from dualstack.errors import HarnessError, Inconclusive
from dualstack.families import BOTH
from dualstack.transport import Transport
from dualstack.wire import dissect, expect
from dualstack.wire.evidence import CaptureData, read_capture
from dualstack.wire.formatting import format_lines
from dualstack.wire.pcap import HEADER, RECORD
from tests.fuzz.damage import damaged

GOLDEN = sorted((Path(__file__).parents[1] / "captures" / "test_golden").glob("*.pcap"))
MAC = "02:00:5e:10:00:01"
LINK = partial(Ether, src=MAC, dst="02:00:5e:10:00:02")
PORT = 8080
S4, C4, S6, C6 = "198.51.100.1", "198.51.100.33", "2001:db8::1", "2001:db8::2"

NETS = (IP(src=C4, dst=S4), IPv6(src=C6, dst=S6))
QUERY = DNS(id=5, qd=DNSQR(qname="a-ok.x1.lab.test", qtype="AAAA"))
TOLD = DNS(
    id=5, qr=1, qd=QUERY.qd, an=[DNSRR(rrname="x.test", type="NS", rdata="ns.x.test"), DNSRR(rrname="x.test", rdata=S4)]
)
FRAMES = [
    bytes(LINK() / packet)
    for net in NETS
    for packet in (
        net / TCP(sport=PORT, dport=40000, flags="SA"),
        net / TCP(sport=40000, dport=PORT, flags="PA") / b"hello",
        net / UDP(sport=40000, dport=PORT) / b"ping",
        net / UDP(sport=PORT, dport=40000) / (b"pong" * 400),
        net / UDP(sport=40000, dport=53) / QUERY,
        net / UDP(sport=53, dport=40000) / TOLD,
        net / TCP(sport=40000, dport=53, flags="PA") / (struct.pack("!H", len(bytes(QUERY))) + bytes(QUERY)),
    )
]
FRAMES += [
    bytes(LINK() / IP(src=S4, dst=C4) / ICMP(type=3, code=3) / IP(src=C4, dst=S4) / UDP(dport=PORT)),
    bytes(LINK() / IPv6(src=S6, dst=C6) / ICMPv6DestUnreach(code=4) / IPv6(src=C6, dst=S6) / UDP(dport=PORT)),
    bytes(LINK() / IP(src=S4, dst=C4, proto=41) / IPv6(src=C6, dst=S6) / TCP(dport=PORT, flags="S")),
    bytes(LINK() / IPv6(src="fe80::1", dst="ff02::1") / ICMPv6ND_RA()),
    bytes(LINK() / ARP()),
]

PREDICATES: list[Callable[[CaptureData], object]] = [
    lambda wire: expect.conversation(wire, [PORT, 53]),
    lambda wire: [[*expect.attempts(wire, PORT, transport)] for transport in Transport],
    lambda wire: [expect.families_of_flow(wire, PORT, transport) for transport in Transport],
    lambda wire: expect.half_close(wire, 40000),
    lambda wire: expect.race(wire, PORT),
    *(
        lambda wire, judge=judge: judge(expect.race(wire, PORT))
        for judge in (expect.families_alternate, expect.losers_closed, expect.losers_quiet)
    ),
    lambda wire: expect.attempt_delay([expect.race(wire, PORT)]),
    lambda wire: expect.attempts_apart([expect.race(wire, PORT)]),
    expect.no_mapped_on_wire,
    expect.packets_too_big,
    lambda wire: expect.stays_inside(wire, PORT),
    lambda wire: expect.tunnelled(wire, S4, C4, PORT),
    lambda wire: expect.nat64_destination(wire, PORT, "2001:db8:64::/96", C4),
    lambda wire: expect.absent(wire, expect.Template(kind="tcp", dport=PORT)),
    lambda wire: expect.present(wire, expect.Template(kind="tcp", dport=PORT)),
    lambda wire: expect.udp_reply_port(wire, PORT),
    lambda wire: expect.udp_large_answer(wire, PORT),
    lambda wire: expect.udp_spoofed_unanswered(wire, PORT, [C4, C6]),
    lambda wire: expect.udp6_checksum(wire, PORT),
    lambda wire: expect.carries_resets(wire, PORT, expected=False),
    expect.dns_queries,
    expect.dns_answers,
    lambda wire: expect.flow_outlives_advertisements(wire, (C6, 40000), 1),
    lambda wire: dissect.details(wire.path, wire.frames),
    lambda wire: dissect.udp_checksums(wire.path, wire.frames),
    lambda wire: format_lines(wire.frames),
    *(
        lambda wire, family=family: [
            expect.syn_family(wire, PORT, family),
            expect.answered(wire, PORT, family),
            expect.no_family_from(wire, MAC, family),
            expect.outlives_resets(wire, PORT, family),
            expect.mtu_respected(wire, MAC, 1280, 0.0, family),
            expect.path_mtu_heeded(wire, 1280, family),
            expect.served_amid_advertisements(wire, PORT, family),
            expect.udp_reply_address(wire, PORT, family),
            expect.udp_survives_errors(wire, PORT, family),
        ]
        for family in BOTH
    ),
]
"""What is concluded from captures."""


def judge(path: Path) -> int:
    """Conclude everything from a capture; return how many conclusions there are."""
    try:
        wire = read_capture(path, nonce="feedbeef", mac=MAC)
    except HarnessError as error:
        assert str(path) in str(error)  # noqa: PT017 - it names the file
        return 0
    found = 0
    for predicate in PREDICATES:
        try:
            predicate(wire)
            found += 1
        except Inconclusive:
            continue
    return found


def write(path: Path, frames: list[bytes]) -> Path:
    """Write frames as a capture."""
    records = (RECORD.pack(1_700_000_000 + at, 0, len(data), len(data)) + data for at, data in enumerate(frames))
    path.write_bytes(HEADER + b"".join(records))
    return path


@given(data=st.sampled_from(GOLDEN).flatmap(lambda path: damaged(path.read_bytes())))
def test_a_damaged_file_is_named_or_read(folder: Path, data: bytes) -> None:
    """A capture file with cut, flipped or foreign bytes is read as far as it goes, or refused by its name."""
    path = folder / "file.pcap"
    path.write_bytes(data)
    judge(path)


FRAGMENT = LINK() / IPv6(src=C6, dst=S6) / UDP(sport=40000, dport=53)


@given(frames=st.lists(st.sampled_from(FRAMES).flatmap(lambda frame: damaged(frame) | st.just(frame)), max_size=6))
@example(frames=[FRAMES[4][:-4]])
@example(frames=[bytes(FRAGMENT / (bytes(QUERY)[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1"))])
@example(frames=[bytes(FRAGMENT / (bytes(QUERY)[:12] + b"\xc0\x0c\0\1\0\1"))])
def test_damaged_frames_lead_to_findings(folder: Path, frames: list[bytes]) -> None:
    """Whatever a frame holds, each question about the capture has an answer, or is inconclusive."""
    assert judge(write(folder / "frames.pcap", frames)) > 0


def test_whole_frames_are_dissected(folder: Path) -> None:
    """The frames that are damaged above are such as the dissection reads."""
    wire = read_capture(write(folder / "whole.pcap", FRAMES), nonce="feedbeef", mac=MAC)
    assert [item.name for item in expect.dns_queries(wire)] == ["a-ok.x1.lab.test"] * 4
    assert {item.answers for item in expect.dns_answers(wire)} == {("ns.x.test.", S4)}
    assert judge(wire.path) >= len(PREDICATES) // 3
