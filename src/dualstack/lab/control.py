"""The connection to the lab supervisor: one JSON object a packet, with descriptors beside it."""

import array
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

_LONGEST = 1 << 17
_MOST_DESCRIPTORS = 8

Message = dict[str, Any]


def connected_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a new control connection; it preserves message boundaries."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(control: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Send one message, with copies of ``descriptors``.

    Raises:
        OSError: The other end is closed (BrokenPipeError), or the message is longer than the socket accepts.
    """
    packed = array.array("i", descriptors).tobytes()
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)] if descriptors else []
    control.sendmsg([json.dumps(message, ensure_ascii=False).encode()], ancillary, socket.MSG_NOSIGNAL)


def receive(control: socket.socket) -> tuple[Message, list[int]] | None:
    """Return the next message and its descriptors (close-on-exec); None at the end of the connection."""
    size = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)
    try:
        data, ancillary, _, _ = control.recvmsg(_LONGEST, size, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return None
    descriptors = array.array("i")
    for level, kind, packed in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(packed[: len(packed) - len(packed) % descriptors.itemsize])
    if not data:
        for descriptor in descriptors:
            os.close(descriptor)
        return None
    message: Message = json.loads(data)
    return message, list(descriptors)
