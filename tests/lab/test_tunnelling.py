"""A tunnel of IPv6 in IPv4: the packets of its ends, and what a lab with one carries."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, IPv6
from scapy.packet import Raw

from dualstack.families import Family
from dualstack.lab.netns import NetnsLab
from dualstack.lab.proving import prove
from dualstack.lab.tunnelling.packets import inside, may_be_answered, unreachable
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.topology import Topology
from dualstack.transport import AppProtocol, Transport
from dualstack.wire.capture import Capture
from dualstack.wire.expect import packets_too_big, path_mtu_heeded, tunnelled

MakeLab = Callable[[Topology | str], NetnsLab]
PORT, BULK = 7990, 1 << 20
NEAR, FAR, ROUTER = "2001:db8::1", "2001:db8:1::1", "2001:db8::9"
SYN = IPv6(src=NEAR, dst=FAR) / TCP(sport=1, dport=2, flags="S")


@pytest.mark.parametrize("options", [b"", b"\x01" * 8])
def test_the_inner_packet_is_taken_out(options: bytes) -> None:
    """What follows the IPv4 header, also one with options, is the inner packet, byte for byte."""
    outer = IP(src="192.0.2.1", dst="192.0.2.2", proto=41, options=options) / SYN
    assert inside(bytes(outer)) == bytes(SYN)


@pytest.mark.parametrize(
    "packet",
    [b"", bytes(IP(proto=41)), bytes(IP(proto=41) / bytes(SYN)[:39]), bytes(IP(proto=41) / bytes(IP() / UDP() / SYN))],
    ids=["nothing", "no packet", "half a header", "IPv4"],
)
def test_anything_else_is_not(packet: bytes) -> None:
    """An outer packet without an IPv6 header inside carries nothing."""
    assert inside(packet) == b""


def test_a_packet_that_cannot_be_carried_is_answered() -> None:
    """The answer is ICMPv6 address unreachable, from the router, with a right checksum and at most 1280 bytes."""
    large = SYN / (b"x" * 2000)
    data = unreachable(bytes(large), socket.inet_pton(socket.AF_INET6, ROUTER))
    made = IPv6(data)
    assert (made.src, made.dst, made[ICMPv6DestUnreach].code) == (ROUTER, NEAR, 3)
    assert len(data) == 1280
    assert data[48:] == bytes(large)[:1232]
    again = IPv6(src=ROUTER, dst=NEAR) / ICMPv6DestUnreach(code=3) / Raw(data[48:])
    assert bytes(again) == data


@pytest.mark.parametrize(
    ("packet", "answered"),
    [
        (SYN, True),
        (IPv6(src=NEAR, dst=FAR) / ICMPv6EchoRequest(), True),
        (IPv6(src=NEAR, dst=FAR) / ICMPv6DestUnreach() / SYN, False),
        (IPv6(src=NEAR, dst="ff02::1") / UDP(), False),
        (IPv6(src="::", dst=FAR) / UDP(), False),
    ],
)
def test_errors_answer_no_errors(packet: IPv6, answered: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """No error answers an error, a packet to a group, or one from no address (RFC 4443 §2.4)."""
    assert may_be_answered(bytes(packet)) is answered


@pytest.mark.parametrize(("name", "mtu"), [("tunnel-6in4", 1480), ("tunnel-6in4-1280", 1280)])
def test_bulk_crosses_in_both_directions(make_lab: MakeLab, tmp_path: Path, name: str, mtu: int) -> None:
    """1 MiB arrives in each direction inside protocol 41, and routers report to both hosts what was too large."""
    lab = make_lab(name)
    prove(lab)
    service, peer, far = lab.hosts["service"], lab.hosts["peer"], lab.hosts["far"]
    address = service.plan.address(Family.IPV6)
    dial = Dial(Family.IPV6, address, PORT, protocol=AppProtocol.ECHO, token_size=BULK, timeout=20)
    with (
        Capture.start(far, tmp_path / "outer.pcap") as outer,
        Capture.start(service, tmp_path / "service.pcap") as inner,
        Capture.start(peer, tmp_path / "peer.pcap") as other,
        service.prober.serve(Serve(("::",), PORT, Transport.TCP, AppProtocol.ECHO)),
    ):
        for _ in range(2):
            dialled = peer.prober.dial(dial)
            assert dialled.outcome is Outcome.ANSWERED, dialled.detail
        wires = outer.stop(), inner.stop(), other.stop()
    ends = [lab.hosts[end].plan.every(Family.IPV4)[0] for end in ("near", "far")]
    finding = tunnelled(wires[0], ends[0], ends[1], PORT)
    assert finding.ok, finding
    assert max(frame.length for frame in wires[0].frames) == mtu + 20
    for wire in wires[1:]:
        assert {one.mtu for one in packets_too_big(wire)} == {mtu}
        assert path_mtu_heeded(wire, mtu).ok
    counts = [answer["counts"] for answer in lab.daemons.check().values()]
    assert all(one["sent"] > BULK // mtu and one["received"] > BULK // mtu and not one["refused"] for one in counts)


def test_without_its_other_end_a_tunnel_carries_nothing(make_lab: MakeLab, tmp_path: Path) -> None:
    """The near end reports at once that the peer is unreachable, and the IPv4 link carries nothing of the tunnel."""
    lab = make_lab("tunnel-6in4-single-stack")
    assert {"near: tunnel-6in4", "far: tunnel-6in4"} < set(prove(lab))
    target = lab.hosts["peer"].plan.address(Family.IPV6)
    with Capture.start(lab.hosts["other"], tmp_path / "outer.pcap") as outer:
        dialled = lab.hosts["service"].prober.dial(Dial(Family.IPV6, target, PORT, timeout=5))
        wire = outer.stop()
    assert (dialled.outcome, dialled.errno) == (Outcome.UNREACHABLE, "EHOSTUNREACH")
    assert not [frame for frame in wire.frames if frame.inner is not None]
    assert all(answer["counts"]["received"] == 0 for answer in lab.daemons.check().values())
    assert not packets_too_big(wire)
