"""Predicates on golden captures: real exchanges of a kernel; ``tests/captures/record.py`` records them anew."""

from pathlib import Path

import pytest

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.transport import Transport
from dualstack.wire import expect
from dualstack.wire.counts import classify
from dualstack.wire.evidence import CaptureData, read_capture

CAPTURES = Path(__file__).parents[1] / "captures" / "test_golden"


def golden(name: str) -> CaptureData:
    """Return a golden capture."""
    wire = read_capture(CAPTURES / f"{name}.pcap", nonce="golden", mac="00:00:00:00:00:00")
    assert wire.witnessed == frozenset(BOTH)
    return wire


@pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
def test_connections_and_refusals(family: Family) -> None:
    """A listener's SYN ACK and a kernel's RST are distinguished, over each family."""
    wire = golden("connections_and_refusals")
    assert expect.answered(wire, 8080, family, family.loopback).ok
    assert expect.refused(wire, 8081, family).ok
    assert not expect.refused(wire, 8080, family).ok
    assert not expect.answered(wire, 8081, family).ok
    assert not expect.syn_family(wire, 8080, family).ok
    assert expect.families_of_flow(wire, 8080) == BOTH
    assert not expect.no_mapped_on_wire(wire).ok  # ::1 belongs on lo, where this was recorded, and on no link


@pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
def test_datagrams_and_refusals(family: Family) -> None:
    """A datagram back and a kernel's port unreachable are distinguished, over each family."""
    wire = golden("datagrams_and_refusals")
    assert expect.answered(wire, 8080, family, transport=Transport.UDP).ok
    assert expect.refused(wire, 8081, family, Transport.UDP).ok
    assert not expect.refused(wire, 8080, family, Transport.UDP).ok
    assert expect.udp_reply_address(wire, 8080, family).ok
    assert expect.udp_reply_port(wire, 8080).ok
    assert expect.udp6_checksum(wire, 8080).ok


def test_reply_from_another_address() -> None:
    """The wildcard socket's well-known fault is found."""
    finding = expect.udp_reply_address(golden("reply_from_another_address"), 8080, Family.IPV4)
    assert not finding.ok
    assert "asked 127.0.0.2 and was answered from 127.0.0.1" in finding.happened


def test_checksum_switched_off() -> None:
    """A datagram that a real kernel sent without a checksum is found."""
    wire = golden("checksum_switched_off")
    (sender,) = {frame.sport for frame in wire.frames if frame.kind == "udp"}
    finding = expect.udp6_checksum(wire, sender)
    assert not finding.ok
    assert finding.happened.endswith("has not: zero")


def test_half_closed() -> None:
    """A service that answers after the client's FIN is distinguished from one that resets."""
    wire = golden("half_closed")
    assert expect.half_close(wire, 40000).ok
    finding = expect.half_close(wire, 40001)
    assert not finding.ok
    assert finding.happened == "the service sent RST"
    with pytest.raises(Inconclusive, match="no client closed"):
        expect.half_close(wire, 40002)


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap")), ids=lambda path: path.stem)
def test_every_golden_capture_is_counted(path: Path) -> None:
    """The fast path counts every frame of a real capture, the four witnesses among them."""
    counts = classify(path)
    wire = golden(path.stem)
    assert counts.total == len(wire.frames) + 4
    assert counts.noise["witness"] == 4
