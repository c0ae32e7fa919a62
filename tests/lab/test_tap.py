"""What `dualstack.lab.tap` counts on an interface of a host."""

import json
from collections.abc import Callable

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_RS,
    IPv6,
    IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.layers.l2 import Ether

from dualstack.lab.netns import NetnsLab
from dualstack.lab.tap import is_report
from dualstack.topology import Topology


def test_a_frame_of_another_interface_is_not_counted(make_lab: Callable[[Topology | str], NetnsLab]) -> None:
    """A frame that loopback carries while the socket is made, and before it is bound, does not count for eth0."""
    with make_lab("ipv4-only").hosts["service"].inside("tapping:early_frame") as stream:
        counts = json.loads(stream.makefile().readline())
    assert counts == {"ipv4": 0, "ipv6": 0, "6in4": 0, "to all": 0}


@pytest.mark.parametrize(
    ("packet", "report"),
    [
        (IPv6(dst="ff02::16") / IPv6ExtHdrHopByHop(options=RouterAlert()) / ICMPv6MLReport2(records=[]), True),
        (IPv6(dst="ff02::16") / IPv6ExtHdrHopByHop(options=RouterAlert()) / ICMPv6EchoRequest(), False),
        (IPv6(dst="ff02::2") / ICMPv6ND_RS(), False),
        (IPv6(dst="2001:db8::1") / TCP(dport=80), False),
    ],
)
def test_reports_of_multicast_groups_are_told_from_other_packets(packet: IPv6, report: bool) -> None:  # noqa: FBT001
    """An MLDv2 report is one, also if only its first 64 bytes were captured; no other IPv6 packet is."""
    assert is_report(bytes(Ether(dst="33:33:00:00:00:16") / packet)[:64]) is report
