"""The recorder and the capture, on real interfaces."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dualstack.errors import HarnessError, Inconclusive
from dualstack.families import BOTH, Family
from dualstack.wire.capture import Capture
from dualstack.wire.evidence import read_capture
from dualstack.wire.expect import answered, no_family_from, refused
from tests.wire.packets import read_frames

if TYPE_CHECKING:
    from tests.wire.conftest import NetnsHost

CONNECT = """
import socket
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    with socket.create_server((address, 8080), family=family) as server:
        with socket.create_connection((address, 8080)) as client:
            server.accept()[0].close()
    try:
        socket.create_connection((address, 8081))
    except ConnectionRefusedError:
        pass
"""

FLOOD = """
import socket
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range({number}):
    sender.sendto(b"x" * {size}, ("127.0.0.1", 9999))
"""


def test_capture_sees_real_connections(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """Every frame between start and stop is in the file, once, with both families' witnesses and no drop."""
    with Capture.start(loopback_host, tmp_path / "a b é.pcap") as capture:
        loopback_host.python(CONNECT)
        wire = capture.stop()
    assert wire.witnessed == frozenset(BOTH)
    assert (wire.drops, wire.truncated) == (0, False)
    for family in BOTH:
        assert answered(wire, 8080, family).ok
        assert refused(wire, 8081, family).ok
        assert not answered(wire, 8081, family).ok
    assert [frame.witness for frame in wire.frames if frame.witness] == []
    syns = [frame for frame in wire.frames if frame.kind == "tcp" and frame.flags == 2 and frame.dport == 8080]
    assert len(syns) == 2


def test_witnesses_leave_the_host_unanswered(veth_host: "NetnsHost", tmp_path: Path) -> None:
    """On a link the file has two witnesses a family from the host's own address, and nothing in reply to them."""
    capture = Capture.start(veth_host, tmp_path / "veth.pcap")
    wire = capture.stop()
    frames = list(read_frames(wire.path))
    seen = [frame for frame in frames if frame.witness]
    assert [frame.family for frame in seen] == [*BOTH, *BOTH]
    assert {frame.outgoing_mac for frame in seen} == {wire.mac} == {capture.mac}
    assert {frame.noise for frame in frames if not frame.witness} <= {"ND", "MLD", "RS/RA"}
    assert no_family_from(wire, wire.mac, Family.IPV4).ok


def test_a_frame_that_leaves_is_recorded(veth_host: "NetnsHost", tmp_path: Path) -> None:
    """A host that sends over IPv4 is caught, be it by ARP alone."""
    with Capture.start(veth_host, tmp_path / "veth.pcap") as capture:
        veth_host.python(FLOOD.replace("127.0.0.1", "198.51.100.9").format(number=1, size=1))
        wire = capture.stop()
    finding = no_family_from(wire, wire.mac, Family.IPV4)
    assert not finding.ok
    assert "ARP" in finding.packets[0]


def test_everything_before_stop_is_written(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """Stop needs no pause: the last of 20,000 datagrams is in the file, or the kernel counted what is missing."""
    with Capture.start(loopback_host, tmp_path / "flood.pcap") as capture:
        loopback_host.python(FLOOD.format(number=20_000, size=10))
        wire = capture.stop()
    recorded = sum(frame.kind == "udp" for frame in wire.frames)
    errors = sum(frame.kind == "icmp" for frame in wire.frames)
    assert recorded + errors + wire.drops >= 20_000
    if wire.drops:
        with pytest.raises(Inconclusive, match="dropped"):
            wire.require_whole()
    else:
        assert recorded == 20_000


def test_drops_are_counted(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """Frames for which the ring had no room, because the recorder did not run, are counted by the kernel."""
    with Capture.start(loopback_host, tmp_path / "drops.pcap") as capture:
        loopback_host.run("kill", "-STOP", str(loopback_host.recorders[0].pid))
        loopback_host.python(FLOOD.format(number=9_000, size=10))
        loopback_host.run("kill", "-CONT", str(loopback_host.recorders[0].pid))
        wire = capture.stop()
    assert wire.drops >= 9_000 - 4096
    with pytest.raises(Inconclusive, match=f"dropped {wire.drops} frames"):
        answered(wire, 9999, Family.IPV4)


def test_long_frames_keep_their_true_size(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """Of a frame longer than a slot of the ring the beginning is kept; its size is what its headers say."""
    with Capture.start(loopback_host, tmp_path / "long.pcap") as capture:
        loopback_host.python(FLOOD.format(number=1, size=60_000))
        wire = capture.stop()
    assert [frame.size for frame in wire.frames if frame.kind == "udp"] == [60_000]


def test_disk_full_is_reported(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """A full disk is an error that names the file; what was written before stays a whole capture."""
    small = tmp_path / "small"
    small.mkdir()
    loopback_host.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small))
    capture = Capture.start(loopback_host, small / "full.pcap")
    loopback_host.python(FLOOD.format(number=200, size=1000))
    with pytest.raises(Inconclusive, match=r"full\.pcap: the capture could not be written: No space left"):
        capture.stop()
    loopback_host.run("cp", str(small / "full.pcap"), str(tmp_path / "kept.pcap"))
    kept = read_capture(tmp_path / "kept.pcap", nonce="")
    assert not kept.truncated
    assert sum(bool(frame.witness) for frame in read_frames(kept.path)) == 2


def test_unwritable_path_is_reported(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """A folder that is not there is an error that names the file, at the start."""
    with pytest.raises(HarnessError, match=r"missing/x\.pcap: cannot record lo: No such file"):
        Capture.start(loopback_host, tmp_path / "missing" / "x.pcap")


def test_unknown_interface_is_reported(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """An interface that is not there is an error that names it."""
    loopback_host.interface = "eth7"
    with pytest.raises(HarnessError, match="cannot record eth7: No such device"):
        Capture.start(loopback_host, tmp_path / "x.pcap")


def test_interface_that_is_down_proves_nothing(veth_host: "NetnsHost", tmp_path: Path) -> None:
    """A capture that cannot see its own witness does not start."""
    veth_host.run("ip", "link", "set", "eth0", "down")
    with pytest.raises(HarnessError, match="did not see its witness on eth0"):
        Capture.start(veth_host, tmp_path / "x.pcap")


def test_interface_that_goes_down_leaves_no_second_witness(veth_host: "NetnsHost", tmp_path: Path) -> None:
    """If the interface goes down on the way, no absence is claimed."""
    capture = Capture.start(veth_host, tmp_path / "x.pcap")
    veth_host.run("ip", "link", "set", "eth0", "down")
    wire = capture.stop()
    assert wire.witnessed == frozenset()
    with pytest.raises(Inconclusive, match="no IPv4 witness"):
        no_family_from(wire, wire.mac, Family.IPV4)


def test_end_of_stream_ends_the_recorder(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """Closing the stream ends the process with success, and what came until then is in the file."""
    path = tmp_path / "x.pcap"
    with Capture.start(loopback_host, path):
        loopback_host.python(FLOOD.format(number=3, size=1))
    assert loopback_host.recorders[0].wait(10) == 0
    assert sum(frame.kind == "udp" and frame.dport == 9999 for frame in read_frames(path)) == 3


def test_stream_that_ends_before_an_order(loopback_host: "NetnsHost") -> None:
    """A recorder without a request ends."""
    loopback_host.inside("dualstack.wire.recorder:record").close()
    assert loopback_host.recorders[0].wait(10) == 0


def test_recorder_that_dies_is_reported(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """A recorder that was killed is our own failure, not the service's."""
    capture = Capture.start(loopback_host, tmp_path / "x.pcap")
    loopback_host.recorders[0].kill()
    with pytest.raises(HarnessError, match="recorder of host service has died"):
        capture.stop()


def test_stop_is_repeatable(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """Asking twice gives the same evidence."""
    capture = Capture.start(loopback_host, tmp_path / "x.pcap")
    assert capture.stop() is capture.stop()


def test_answer_says_what_was_counted(loopback_host: "NetnsHost", tmp_path: Path) -> None:
    """The recorder's own words: frames written, drops, families witnessed."""
    stream = loopback_host.inside("dualstack.wire.recorder:record")
    with stream, stream.makefile("rw") as lines:
        lines.write(json.dumps({"interface": "lo", "path": str(tmp_path / "x.pcap"), "nonce": "1"}) + "\n")
        lines.flush()
        assert json.loads(lines.readline())["ready"] is True
        lines.write('{"stop": true}\n')
        lines.flush()
        answer = json.loads(lines.readline())
    assert answer == {"frames": 4, "drops": 0, "error": "", "witnessed": ["ipv4", "ipv6"]}
