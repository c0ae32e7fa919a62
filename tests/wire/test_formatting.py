"""Packets as text, templates, and scapy's details."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Ether

from dualstack.families import Family
from dualstack.timeline import Packet, packet_lines
from dualstack.wire.dissect import details
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import conversation, present
from dualstack.wire.formatting import packets
from dualstack.wire.template import Template

LINK: Any = partial(Ether, src="02:00:5e:10:00:01", dst="02:00:5e:10:00:02")
FOUR: Any = partial(IP, src="198.51.100.33", dst="198.51.100.1")
SIX: Any = partial(IPv6, src="2001:db8::33", dst="2001:db8::1")
SYN: Any = partial(TCP, sport=40112, dport=8080, flags="S")

MakeCapture = Callable[..., CaptureData]


def test_one_line_a_packet(make_capture: MakeCapture) -> None:
    """A conversation has a line for each packet of its ports, times from the first one, and no noise."""
    asked = "[2001:db8::33]:40113 → [2001:db8::1]:8081"
    datagram = SIX() / UDP(sport=40113, dport=8081) / b"x"
    wire = make_capture(
        (1, LINK() / ARP(psrc="198.51.100.1", pdst="198.51.100.33")),
        (1.5, LINK() / FOUR() / SYN()),
        (1.501204, LINK() / IP(src="198.51.100.1", dst="198.51.100.33") / TCP(sport=8080, dport=40112, flags="SA")),
        (1.502, LINK() / SIX() / ICMPv6ND_NS()),
        (1.503, LINK() / FOUR() / TCP(sport=40112, dport=8080, flags="PA") / b"hello"),
        (1.6, LINK() / datagram),
        (1.7, LINK() / IPv6(src="2001:db8::1", dst="2001:db8::33") / ICMPv6DestUnreach(code=4) / datagram),
        (1.8, LINK() / IP(src="192.0.2.1", dst="192.0.2.2", proto=41) / SIX() / SYN()),
        (1.9, LINK() / FOUR() / TCP(sport=1, dport=2)),
    )
    assert conversation(wire, [8080, 8081]) == (
        "+0.000 ms  198.51.100.33:40112 → 198.51.100.1:8080  TCP SYN",
        "+1.204 ms  198.51.100.1:8080 → 198.51.100.33:40112  TCP SYN ACK",
        "+3.000 ms  198.51.100.33:40112 → 198.51.100.1:8080  TCP PSH ACK, 5 bytes",
        "+100.000 ms  [2001:db8::33]:40113 → [2001:db8::1]:8081  UDP, 1 byte",
        "+200.000 ms  2001:db8::1 → 2001:db8::33  ICMPv6 port unreachable, about " + asked,
        "+300.000 ms  192.0.2.1 → 192.0.2.2  carries [2001:db8::33]:40112 → [2001:db8::1]:8080  TCP SYN",
    )


def test_long_conversations_are_bounded(make_capture: MakeCapture) -> None:
    """Of many packets the first and the last are shown, and how many are left out between them."""
    wire = make_capture(*((at / 10, LINK() / FOUR() / SYN(sport=1000 + at)) for at in range(100)))
    told = conversation(wire, [8080])
    assert len(told) == 61
    assert told[40] == "… 40 packets left out …"
    assert (":1039 " in told[39], ":1080 " in told[41], ":1099 " in told[60]) == (True, True, True)
    assert (told[0][:10], told[60][:13]) == ("+0.000 ms ", "+9900.000 ms ")
    assert len(conversation(wire, [8080], most=100)) == 100
    assert conversation(wire, [9]) == ()


def test_template_compares_what_it_names(make_capture: MakeCapture) -> None:
    """None is not compared; 0 and the empty text are."""
    wire = make_capture((0, LINK() / FOUR() / SYN()))
    (frame,) = wire.frames
    assert Template().matches(frame)
    assert Template(family=Family.IPV4, dport=8080, flags=2, without=16, noise="", payload=False).matches(frame)
    for wrong in (
        Template(sport=0),
        Template(src=""),
        Template(noise="ND"),
        Template(family=Family.IPV6),
        Template(flags=16),
        Template(without=2),
        Template(payload=True),
    ):
        assert not wrong.matches(frame), wrong


def test_what_came_nearest_is_shown(make_capture: MakeCapture) -> None:
    """If nothing is like a template, the finding shows what did arrive and in what it differs."""
    wire = make_capture((0, LINK() / FOUR() / SYN()), (1, LINK() / FOUR() / UDP(sport=1, dport=2)))
    finding = present(wire, Template(family=Family.IPV6, dport=8080))
    assert finding.expected == "a frame with family=IPv6, dport=8080"
    assert finding.packets[0].endswith("TCP SYN  (differs in family)")
    assert finding.packets[1].endswith("UDP  (differs in family, dport)")


def test_details_of_selected_frames(make_capture: MakeCapture) -> None:
    """The frames that scapy is given are described, inner headers included."""
    wire = make_capture((0, LINK() / FOUR(proto=41) / SIX() / SYN()), (1, LINK() / FOUR() / SYN()))
    (told,) = details(wire.path, wire.frames[:1])
    assert "IPv6" in told
    assert "TCP 2001:db8::33:40112" in told
    assert details(wire.path, ()) == ()


@pytest.mark.parametrize("module", ["dualstack.wire.expect", "dualstack.wire.recorder", "dualstack.wire.counts"])
def test_scapy_is_loaded_only_when_needed(module: str) -> None:
    """Importing predicates, recorder or counting loads neither scapy nor the lab."""
    code = f"import {module}, sys; print(*sorted(name for name in sys.modules if name in {{'scapy', 'pyroute2'}}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


def test_packets_as_data(make_capture: MakeCapture) -> None:
    """A record keeps each packet with its place, its time since the case began, both ends and whether it refuses."""
    reset = IP(src="198.51.100.1", dst="198.51.100.33") / TCP(sport=8080, dport=40112, flags="RA")
    datagram = SIX() / UDP(sport=40112, dport=8080) / b"x"
    wire = make_capture(
        (10.5, LINK() / FOUR() / SYN()),
        (10.75, LINK() / reset),
        (11, LINK() / IPv6(src="2001:db8::1", dst="2001:db8::33") / ICMPv6DestUnreach(code=1) / datagram),
        (12, LINK() / IP(src="192.0.2.1", dst="192.0.2.2", proto=41) / SIX() / SYN()),
    )
    began = wire.frames[0].time - 0.5
    found = packets(wire, [8080], since=began, host="service")
    assert found[1] == Packet(
        2, 0.75, "service", "ipv4", "198.51.100.1", 8080, "198.51.100.33", 40112, "TCP RST ACK", refuses=True
    )
    assert [(one.at, one.family, one.sport, one.refuses) for one in found] == [
        (0.5, "ipv4", 40112, False),
        (0.75, "ipv4", 8080, True),
        (1.0, "ipv6", 0, True),
        (2.0, "ipv4", 0, False),
    ]
    assert packet_lines(found) == conversation(wire, [8080])
    assert [one.number for one in packets(wire, [8080], since=began, host="service", most=3)] == [1, 2, 4]
