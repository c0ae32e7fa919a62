"""The numbers in a PROXY header of version 2 (haproxy's proxy-protocol.txt §2.2): what they allow behind them."""

import struct

LOCAL, PROXY = 0x0, 0x1
STREAM, DATAGRAM = 0x1, 0x2
ADDRESS_BYTES = {0x0: 0, 0x1: 12, 0x2: 36, 0x3: 216}
"""How many bytes the addresses and ports of an address family take; 0x0 is AF_UNSPEC, 0x3 is AF_UNIX."""

_FIELD = struct.Struct("!BH")
"""The type and the length of a field of version 2 (§2.2.7); its value follows."""


class DamagedError(ValueError):
    """The bytes are no header; the message says why."""


def needed_bytes(command: int, kind: int, length: int) -> int:
    """Return how many bytes the addresses of a header of version 2 take; none of LOCAL count.

    Args:
        command: The byte with version and command.
        kind: The byte with family and transport.
        length: The length that it says.

    Raises:
        DamagedError: One of them does not exist, or the length is too small for the addresses.
    """
    version, command = divmod(command, 16)
    family, transport = divmod(kind, 16)
    if version != 2:  # noqa: PLR2004 - the only version of this form
        raise DamagedError(f"after the signature of version 2 it says version {version}")
    if command not in (LOCAL, PROXY):
        raise DamagedError(f"its command {command:#x} is neither LOCAL (0x0) nor PROXY (0x1)")
    if command == LOCAL:
        return 0
    if family not in ADDRESS_BYTES or transport not in (0, STREAM, DATAGRAM):
        raise DamagedError(f"its family and transport {kind:#04x} do not exist")
    if length < ADDRESS_BYTES[family]:
        size = ADDRESS_BYTES[family]
        raise DamagedError(f"its length is {length}, and the addresses of {kind:#04x} take {size} bytes")
    return ADDRESS_BYTES[family]


def unfilled(rest: bytes, length: int) -> str:
    """Return the fault of what follows the addresses of version 2, if it is no sequence of fields; empty if it is one.

    Args:
        rest: These bytes.
        length: The length that the header says.
    """
    at = 0
    while at + _FIELD.size <= len(rest):
        at += _FIELD.size + int.from_bytes(rest[at + 1 : at + _FIELD.size], "big")
    if at == len(rest):
        return ""
    return (
        f"its length is {length}, and the {len(rest)} bytes after the addresses are no sequence of fields (type, "
        "length, value) that ends there"
    )
