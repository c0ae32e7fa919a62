"""Counting: the fast path reads each field of a usual frame at its place, and leaves everything else to `parse`."""

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.layers.l2 import ARP, Ether

from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.wire import counts
from dualstack.wire.counts import classify
from dualstack.wire.frames import parse
from dualstack.wire.pcap import HEADER, RECORD, SNAPLEN, Pcap, open_pcap

MAC = "02:00:5e:10:00:01"
S4, C4, S6, C6 = "198.51.100.1", "198.51.100.33", "2001:db8::1", "2001:db8::33"
LINK = Ether(src=MAC, dst="02:00:5e:10:00:02")
FOUR, SIX = LINK / IP(src=C4, dst=S4), LINK / IPv6(src=C6, dst=S6)
HELLO = TCP(sport=40000, dport=8080, flags="S", seq=7)


def pcap(path: Path, order: str, frames: Sequence[bytes]) -> Path:
    """Write a capture in a byte order."""
    fields = struct.unpack("=IHHiIII", HEADER)
    records = (struct.pack(order + "4I", 1, 0, len(data), len(data)) + data for data in frames)
    path.write_bytes(struct.pack(order + "IHHiIII", *fields) + b"".join(records))
    return path


def never(*_: object, **__: object) -> NoReturn:
    """Stand in for what must not be called."""
    raise AssertionError("a usual frame was parsed")


USUAL = {
    "tcp4": (bytes(FOUR / HELLO)[:42], (Family.IPV4, "tcp", "")),
    "udp4": (bytes(FOUR / UDP(sport=40000, dport=8081))[:42], (Family.IPV4, "udp", "")),
    "icmp4": (bytes(FOUR / ICMP())[:42], (Family.IPV4, "icmp", "")),
    "6in4": (bytes(LINK / IP(src=C4, dst=S4, proto=41) / IPv6() / HELLO)[:42], (Family.IPV4, "other", "")),
    "arp": (bytes(LINK / ARP())[:14], (Family.IPV4, "arp", "ARP")),
    "tcp6": (bytes(SIX / HELLO)[:62], (Family.IPV6, "tcp", "")),
    "udp6": (bytes(SIX / UDP(sport=40000, dport=8081))[:62], (Family.IPV6, "udp", "")),
    "icmp6": (bytes(SIX / ICMPv6DestUnreach() / SIX[IPv6] / HELLO)[:62], (Family.IPV6, "icmpv6", "")),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", USUAL)
def test_usual_frames_are_counted_without_parsing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, order: str
) -> None:
    """The least of a usual frame is enough to count it by its fixed fields, in files of both byte orders."""
    frame, key = USUAL[name]
    whole = bytes(SIX / HELLO)  # behind it, so that the fields of a short frame are there to be read
    monkeypatch.setattr(counts, "parse", never)
    expected = {key: 2, (Family.IPV6, "tcp", ""): 1} if name != "tcp6" else {key: 3}
    assert classify(pcap(tmp_path / "x.pcap", order, [frame, frame, whole])).by_key == expected


@pytest.mark.parametrize("length", [counts._READ - RECORD.size, 62])
def test_the_last_frame_is_counted_without_parsing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """The last frame is counted like any other if the fields are in the file: those of the least IPv6 frame are."""
    frame = bytes(SIX / HELLO) if length == counts._LEAST6 else bytes(FOUR / HELLO / (b"x" * length))
    monkeypatch.setattr(counts, "parse", never)
    assert classify(pcap(tmp_path / "x.pcap", "<", [frame[:length]])).total == 1


def test_a_file_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting never asks for more of a file than a chunk, however large the file is."""
    sizes = []

    class Watched(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            sizes.append(size)
            return super().read(size)

    def watch(path: Path) -> tuple[io.FileIO, str, float]:
        file, order, tick = open_pcap(path)
        with file:
            watched = Watched(path)
            watched.seek(file.tell())
        return watched, order, tick

    monkeypatch.setattr(counts, "open_pcap", watch)
    assert classify(pcap(tmp_path / "x.pcap", "<", [bytes(FOUR / HELLO)] * 9)).total == 9
    assert set(sizes) == {counts._CHUNK}


def test_a_short_frame_at_the_end_is_parsed(tmp_path: Path) -> None:
    """A frame that ends before its fields do is what `parse` says it is."""
    for frame in (bytes(LINK / ARP())[:14], bytes(FOUR / HELLO)[:41], b"", bytes(LINK)[:13]):
        found = classify(pcap(tmp_path / "x.pcap", "<", [frame])).by_key
        assert found == {counts._key(parse(frame)): 1}


@pytest.mark.parametrize("kept", [SNAPLEN, SNAPLEN + 1])
def test_a_record_longer_than_any_is_damage(tmp_path: Path, kept: int) -> None:
    """A length up to the snapshot length means a file that is truncated; more is damage, which is named with place."""
    path = pcap(tmp_path / "x.pcap", "<", [bytes(FOUR / HELLO)] * 2)
    with path.open("ab") as file:
        file.write(RECORD.pack(1, 0, kept, kept) + b"x")
    if kept == SNAPLEN:
        assert classify(path).truncated
        reader = Pcap(path)
        assert len(list(reader)) == 2
        assert reader.truncated is True
        return
    for read in (classify, lambda path: list(Pcap(path))):
        with pytest.raises(HarnessError, match=rf"x\.pcap: .*record 3.*{kept}"):
            read(path)
