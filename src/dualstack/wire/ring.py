"""The kernel's packet ring (TPACKET_V2): every frame that passes an interface, with the kernel's own time.

A ring and not a receive queue, because a queue is bounded by net.core.rmem_max, which an ordinary user cannot raise: at
its default it holds about 180 full-sized frames. The ring's memory has no such bound. The price is a grace period of
the kernel when it is set up, about 12 ms. Version 2 and not 3, because it wakes its reader at once; version 3 waits for
a block to fill or for a timer.
"""

import contextlib
import mmap
import socket
import struct
from collections.abc import Iterator

SLOT = 2048
"""Bytes for each frame with the kernel's own header; longer frames (segmentation offload) are kept to that length."""

BLOCK = 1 << 16
BLOCKS = 128

ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_PACKET_IGNORE_OUTGOING = 23
_TPACKET_V2 = 1
_ARPHRD_LOOPBACK = 772
_USER = 1
_HEADER = struct.Struct("=IIIHHII")


class Ring:
    """All frames of one interface, both directions; of a loopback interface only incoming ones.

    Attributes:
        mac: The interface's hardware address.
        drops: How many frames the kernel had no room for, as of the last `count_drops`.
    """

    def __init__(self, interface: str) -> None:
        """Start to receive.

        Raises:
            OSError: There is no such interface, or CAP_NET_RAW is missing.
        """
        self.drops = 0
        self._next = 0
        with contextlib.ExitStack() as undo:
            self._socket = undo.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
            slots = BLOCK // SLOT * BLOCKS
            self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, struct.pack("=4I", BLOCK, BLOCKS, SLOT, slots))
            self._ring = mmap.mmap(self._socket.fileno(), BLOCK * BLOCKS)
            self._socket.bind((interface, ETH_P_ALL))
            name = self._socket.getsockname()
            self.mac: bytes = name[4]
            if name[3] == _ARPHRD_LOOPBACK:
                self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            undo.pop_all()

    def fileno(self) -> int:
        """Return the descriptor of the socket; it is readable when a frame has arrived."""
        return self._socket.fileno()

    def frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield new frames: seconds, nanoseconds, length on the wire, and the captured bytes."""
        ring, unpack, size = self._ring, _HEADER.unpack_from, BLOCK * BLOCKS
        while True:
            at = self._next
            status, length, kept, mac, _, seconds, nanoseconds = unpack(ring, at)
            if not status & _USER:
                return
            data = ring[at + mac : at + mac + kept]
            ring[at : at + 4] = b"\0\0\0\0"
            self._next = (at + SLOT) % size
            yield seconds, nanoseconds, length, data

    def take_error(self) -> int:
        """Return the pending errno and clear it; ENETDOWN when the interface went down or away."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def count_drops(self) -> int:
        """Return the number of frames that were lost so far."""
        _, drops = struct.unpack("=II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self.drops += drops
        return self.drops

    def close(self) -> None:
        """Stop receiving."""
        self._ring.close()
        self._socket.close()
