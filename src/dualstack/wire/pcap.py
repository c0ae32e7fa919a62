"""The classic pcap file: its header, its records, in either byte order, with microseconds or nanoseconds."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from dualstack.errors import HarnessError

SNAPLEN = 262_144
"""The largest valid record, in bytes, as in libpcap."""

ETHERNET = 1
"""LINKTYPE_ETHERNET."""

FILE_HEADER = 24
RECORD_HEADER = 16

HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAPLEN, ETHERNET)
"""The file header that this project writes: little-endian, nanoseconds, Ethernet."""

RECORD = struct.Struct("<IIII")
"""The record header that this project writes: seconds, nanoseconds, bytes kept, bytes on the wire."""

_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}


def open_pcap(path: Path) -> tuple[BinaryIO, str, float]:
    """Open a capture file and read its header.

    Returns:
        The file at its first record, the byte order as `struct` writes it, and the length of a tick in seconds.

    Raises:
        HarnessError: It cannot be read, is no classic pcap file, or holds no Ethernet frames.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise HarnessError(f"{path}: the capture cannot be read: {error.strerror}") from error
    header = file.read(FILE_HEADER)
    order, tick = _MAGIC.get(header[:4], ("", 0.0))
    if len(header) < FILE_HEADER or not order:
        file.close()
        raise HarnessError(f"{path}: this is no pcap file; it begins with {header[:4].hex(' ') or 'nothing'}")
    linktype = struct.unpack_from(order + "I", header, 20)[0] & 0xFFFF
    if linktype != ETHERNET:
        file.close()
        raise HarnessError(f"{path}: the capture has link type {linktype}, not Ethernet ({ETHERNET})")
    return file, order, tick


class Pcap:
    """The records of a capture file, read one at a time, in constant memory.

    Attributes:
        path: The file.
        truncated: Whether the file ends inside a record; known once all records have been read.
    """

    def __init__(self, path: Path) -> None:
        """Take the path; the file is opened by iteration."""
        self.path = path
        self.truncated = False

    def __iter__(self) -> Iterator[tuple[float, int, bytes]]:
        """Yield each record's time in seconds since the epoch, its length on the wire, and its bytes.

        Raises:
            HarnessError: The file is no capture, or a record is damaged.
        """
        file, order, tick = open_pcap(self.path)
        unpack = struct.Struct(order + "IIII").unpack
        with file:
            number = 0
            while header := file.read(RECORD_HEADER):
                number += 1
                if len(header) < RECORD_HEADER:
                    self.truncated = True
                    return
                seconds, ticks, kept, length = unpack(header)
                if kept > SNAPLEN:
                    raise damaged(self.path, number, kept)
                data = file.read(kept)
                if len(data) < kept:
                    self.truncated = True
                    return
                yield seconds + ticks * tick, length, data


def damaged(path: Path, number: int, kept: int) -> HarnessError:
    """Return the error for a record with an impossible length."""
    return HarnessError(f"{path}: the capture is damaged: record {number} claims to have {kept} bytes")


def select(path: Path, numbers: Iterable[int]) -> dict[int, bytes]:
    """Return the bytes of the records with these numbers (from 1), by number; other records are skipped."""
    wanted = set(numbers)
    return {number: data for number, (_, _, data) in enumerate(Pcap(path), 1) if number in wanted}
