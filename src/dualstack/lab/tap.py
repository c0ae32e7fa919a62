"""Counts the frames of each family on an interface."""

import contextlib
import socket

from dualstack.families import BOTH, Family

_ETHERTYPES = {0x0800: Family.IPV4, 0x0806: Family.IPV4, 0x86DD: Family.IPV6}
"""The family of each EtherType: IPv4, ARP, IPv6."""

_ALL_FRAMES = 0x0003
"""ETH_P_ALL."""


def watch(interface: str) -> socket.socket:
    """Return a socket that gets every frame of an interface, in both directions, from now on."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(_ALL_FRAMES))
    tap.bind((interface, _ALL_FRAMES))
    return tap


def count(tap: socket.socket) -> dict[str, int]:
    """Return the number of frames of each family that a socket of `watch` has got; ARP is IPv4."""
    counts = {family.value: 0 for family in BOTH}
    with contextlib.suppress(BlockingIOError):
        while True:
            kind = _ETHERTYPES.get(int.from_bytes(tap.recv(64)[12:14], "big"))
            if kind is not None:
                counts[kind.value] += 1
    return counts
