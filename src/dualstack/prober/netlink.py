"""Dumps of kernel tables over a netlink socket, synchronous and without a library.

pyroute2 was tried first. Its synchronous sockets do not work inside a running event loop, which the agent has. Its
import takes 106 ms, as long as the rest of the agent. One look at the listening sockets of both families takes 0.31 ms
instead of 0.03 ms, and the wait for a program repeats it every few milliseconds.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Self

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ERROR_CODE = struct.Struct("=i")

_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR: the table changed while it was read
_ERROR, _DONE = 2, 3
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_BUFFER = 1 << 16
_TRIES = 10

NETLINK_ROUTE, NETLINK_SOCK_DIAG = 0, 4

IFA_F_TEMPORARY, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE = 0x01, 0x08, 0x20, 0x40
"""Flags of addresses, from <linux/if_addr.h>; the first one is IPv4's IFA_F_SECONDARY."""


class Dumper:
    """A netlink socket of one protocol, for dumps only."""

    def __init__(self, protocol: int) -> None:
        """Open the socket.

        Raises:
            OSError: The kernel lacks the protocol.
        """
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sequence = 0

    def dump(self, kind: int, payload: bytes) -> list[bytes]:
        """Return the bodies of all messages with which the kernel answers a dump request.

        Raises:
            OSError: The kernel refused, or the table kept changing (EINTR).
        """
        for _ in range(_TRIES):
            complete, bodies = self._once(kind, payload)
            if complete:
                return bodies
        raise InterruptedError(errno.EINTR, "the table changes faster than it can be read")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _once(self, kind: int, payload: bytes) -> tuple[bool, list[bytes]]:
        """Return whether the table stayed unchanged during one dump, and the bodies."""
        self._sequence += 1
        header = _HEADER.pack(_HEADER.size + len(payload), kind, _REQUEST_DUMP, self._sequence, 0)
        self._socket.send(header + payload)
        complete = True
        bodies: list[bytes] = []
        while True:
            data = self._socket.recv(_BUFFER)  # the kernel sizes its datagrams by the buffer, 32 KiB at most
            for reply, flags, sequence, body in _messages(data):
                if sequence != self._sequence:
                    continue  # the rest of a dump that failed half-way
                complete = complete and not flags & _INTERRUPTED
                if reply == _DONE:
                    return complete, bodies
                if reply == _ERROR:
                    code = -_ERROR_CODE.unpack_from(body)[0]
                    raise OSError(code, os.strerror(code))
                bodies.append(body)

    def __enter__(self) -> Self:
        """Return the dumper."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the socket."""
        self.close()


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield type, flags, sequence number and body of each message in a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        yield kind, flags, sequence, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def attributes(body: bytes, offset: int) -> dict[int, bytes]:
    """Return the attributes that follow the fixed part of a message, by type."""
    found = {}
    while offset + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        found[kind & _TYPE_MASK] = body[offset + _ATTRIBUTE.size : offset + length]
        offset += (max(length, _ATTRIBUTE.size) + 3) & ~3
    return found
