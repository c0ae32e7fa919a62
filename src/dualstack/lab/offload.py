"""Turn the offloads of an interface off, so that captures show packets as a wire would carry them."""

import array
import errno
import fcntl
import socket
import struct

_SIOCETHTOOL = 0x8946

_OFFLOADS = {"tx checksum": 0x17, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO of <linux/ethtool.h>."""


def offloads_off(interface: str) -> None:
    """Turn transmit checksums, segmentation and receive merging off, in the calling thread's network namespace.

    Raises:
        OSError: The kernel refuses. An offload that the interface does not have is no error.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in _OFFLOADS.values():
            value = array.array("I", [command, 0])
            address, _ = value.buffer_info()
            packed = struct.pack("16sP", interface.encode(), address).ljust(40, b"\0")
            try:
                fcntl.ioctl(any_socket, _SIOCETHTOOL, packed)
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise
