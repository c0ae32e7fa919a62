"""The attributes of netlink messages, packed and unpacked: netlink(7)."""

import struct

_TYPE = 0x3FFF


def attribute(kind: int, value: bytes) -> bytes:
    """Pack an attribute."""
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def integer(kind: int, value: int) -> bytes:
    """Pack an attribute of 32 bits."""
    return struct.pack("=HHI", 8, kind, value)


def text(kind: int, value: str) -> bytes:
    """Pack an attribute that is a string."""
    return attribute(kind, value.encode() + b"\0")


def unpack_attributes(data: bytes) -> dict[int, bytes]:
    """Unpack attributes by their types."""
    found = {}
    while data:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & _TYPE] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found
